"""The Books a process knows: the one in force, and older ones that conversations are still in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.log import get
from bot.nlu.understanding import FaqMatch
from bot.store import revisions
from bot.store.database import Database

if TYPE_CHECKING:
    from bot.nlu import faq
    from flows.schema import Book


log = get(__name__)


@dataclass(frozen=True, slots=True)
class Edition:
    """A Book and the index of its FAQ."""

    book: "Book"
    index: "faq.Index"

    def answer(self, text: str, language: str) -> FaqMatch:
        """Which topic a tenant's words ask for."""
        from bot.nlu import faq

        return faq.match(self.index, text, language)


class Library:
    """Finds the Book of a conversation by its revision."""

    def __init__(self, load: "Callable[[], Book]", database: Database) -> None:
        """`load` gives the Book in force; it is called at the first need."""
        self._load = load
        self._database = database
        self._current: Edition | None = None
        self._older: dict[str, Edition] = {}

    def current(self) -> Edition:
        """The Book in force."""
        if self._current is None:
            self._current = _edition(self._load())
        return self._current

    def of(self, revision: str) -> Edition:
        """The Book with that revision; the one in force if it is unknown, which the engine then treats as a fresh start."""
        current = self.current()
        if revision in ("", current.book.revision):
            return current
        if revision not in self._older:
            with self._database.connection() as connection:
                found = revisions.find(connection, revision)
            # Not remembered: another process, with newer code, may be about to store it.
            if found is None:
                return current
            self._older[revision] = _read(found) or current
        return self._older[revision]

    def publish(self, at: float) -> None:
        """Store the Book in force, so that later code can still finish conversations in it. at: POSIX seconds."""
        book = self.current().book
        with self._database.connection() as connection:
            revisions.keep(connection, book.revision, book.model_dump_json(), at)


def _read(book: str) -> "Edition | None":
    """A stored Book; None if this code cannot read it, which must not stop whoever talks with others."""
    from flows.schema import Book

    try:
        return _edition(Book.model_validate_json(book))
    except ValueError:
        log.exception("book_unreadable", remedy="conversations in it start afresh; was a newer release rolled back?")
        return None


def _edition(book: "Book") -> Edition:
    from bot.nlu import faq

    return Edition(book, faq.build(book.faq))
