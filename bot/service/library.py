"""The Books a process knows: the one in force, and older ones that conversations are still in."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.nlu import faq
from bot.nlu.understanding import FaqMatch
from bot.store import revisions
from bot.store.database import Database
from flows.schema import Book


@dataclass(frozen=True, slots=True)
class Edition:
    """A Book and the index of its FAQ."""

    book: Book
    index: faq.Index

    def answer(self, text: str, language: str) -> FaqMatch:
        """Which topic a tenant's words ask for."""
        return faq.match(self.index, text, language)


class Library:
    """Finds the Book of a conversation by its revision."""

    def __init__(self, load: Callable[[], Book], database: Database) -> None:
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
            self._older[revision] = _edition(Book.model_validate_json(found)) if found else current
        return self._older[revision]

    def publish(self, at: float) -> None:
        """Store the Book in force, so that later code can still finish conversations in it. at: POSIX seconds."""
        book = self.current().book
        with self._database.connection() as connection:
            revisions.keep(connection, book.revision, book.model_dump_json(), at)


def _edition(book: Book) -> Edition:
    return Edition(book, faq.build(book.faq))
