"""The Books a process knows: the one in force, and older ones that conversations are still in."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.log import get
from bot.nlu.understanding import FaqMatch
from bot.store import revisions
from bot.store.database import Database

if TYPE_CHECKING:
    from bot.nlu import faq
    from flows.issue import Issue
    from flows.schema import Book

OLDER_MOST = 8
"""Older Books that a process has at hand; others are read from the database again when they are needed."""

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

    def __init__(
        self,
        load: "Callable[[], Book]",
        database: Database,
        index: "Callable[[Book], faq.Index] | None" = None,
        stamp: Callable[[], str] | None = None,
        check: "Callable[[Book], Iterable[Issue]] | None" = None,
    ) -> None:
        """`load` gives the Book in force; it is called at the first need, and again when the files have changed.

        index: makes the index of a Book's FAQ; without it by letters alone. stamp: changes whenever the Book's files do,
        and costs next to nothing; without it the Book is never looked at again. check: what is wrong in a changed Book.
        """
        self._load = load
        self._database = database
        self._index = index or _by_letters
        self._stamp = stamp or str
        self._check = check or _nothing_wrong
        self._loaded = ""
        self._kept: str | None = None
        self._turn = threading.Lock()
        self._book: Book | None = None
        self._current: Edition | None = None
        self._older: dict[str, Edition] = {}

    def book(self) -> "Book":
        """The Book in force, for whoever needs no matcher, which takes a second to make."""
        if self._current is not None:
            return self._current.book
        with self._turn:
            if self._book is None:
                self._loaded = self._stamp()
                self._book = self._load()
            return self._book

    def current(self) -> Edition:
        """The Book in force, with the index of its FAQ."""
        if self._current is None:
            self._current = self._edition(self.book())
        return self._current

    def renew(self) -> bool:
        """Take the Book's files up again if they have changed, and tell whether they had. Raises `BookError`.

        Meanwhile, and if they cannot be used, the Book in force stays so. A conversation finishes the flow it is in with
        the Book that it began with.
        """
        stamp = self._stamp()
        book = self.book()
        if stamp == self._loaded:
            return False
        fresh = self._changed(stamp)
        if fresh.revision != book.revision:
            edition = self._edition(fresh) if self._current is not None else None
            if self._current is not None:
                self._older[book.revision] = self._current
            for revision in list(self._older)[:-OLDER_MOST]:
                del self._older[revision]
            self._book, self._current = fresh, edition
        return True

    def _changed(self, stamp: str) -> "Book":
        from flows.load import BookError

        try:
            fresh = self._sound(self._load())
        except BookError:
            # It is looked at again only after another change; files that could not be read at all, at the next look.
            self._loaded = stamp
            raise
        self._loaded = stamp
        return fresh

    def _sound(self, book: "Book") -> "Book":
        from flows.load import BookError

        if errors := [issue for issue in self._check(book) if issue.severity == "error"]:
            raise BookError(errors)
        return book

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
            self._older[revision] = self._read(found) or current
        return self._older[revision]

    def publish(self, at: float) -> None:
        """Store the Book in force, so that later code can still finish conversations in it. at: POSIX seconds.

        Does nothing if this process has stored it already. Raises `DatabaseAway`.
        """
        book = self.book()
        if self._kept == book.revision:
            return
        with self._database.connection() as connection:
            revisions.keep(connection, book.revision, book.model_dump_json(), at)
        self._kept = book.revision

    def _edition(self, book: "Book") -> Edition:
        return Edition(book, self._index(book))

    def _read(self, book: str) -> Edition | None:
        """A stored Book; None if this code cannot read it, which must not stop whoever talks with others."""
        from flows.schema import Book

        try:
            return self._edition(Book.model_validate_json(book))
        except ValueError:
            log.exception(
                "book_unreadable", remedy="conversations in it start afresh; was a newer release rolled back?"
            )
            return None


def _nothing_wrong(book: "Book") -> "Iterable[Issue]":
    return ()


def _by_letters(book: "Book") -> "faq.Index":
    from bot.nlu import faq

    return faq.build(book.faq, outside=faq.strangers())
