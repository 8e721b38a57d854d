"""What staff edit takes effect without a restart, and what is wrong with it stops nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import cast

import pytest
from structlog.testing import capture_logs

from bot.nlu.faq import build
from bot.service import upkeep
from bot.service.following import LOOK_EVERY, follow_once
from bot.service.library import OLDER_MOST, Library
from bot.service.parts import Parts
from bot.store.database import Connection, Database, DatabaseAway
from flows.issue import Issue
from flows.load import BookError, revision_of
from flows.schema import Book

FAULT = Issue("dead-end", "error", "library/menu.yaml", 3, "flows.menu", "add a way on")
WARNING = replace(FAULT, kind="long", severity="warning")


class Files:
    """The Book's files, which somebody edits."""

    def __init__(self, book: Book) -> None:
        self.book: Book | BookError = book
        self.issues: list[Issue] = []
        self.edits = 0

    def edit(self, book: Book | BookError, *issues: Issue) -> None:
        self.book, self.issues = book, list(issues)
        self.edits += 1

    def load(self) -> Book:
        if isinstance(self.book, BookError):
            raise self.book
        return self.book


@pytest.fixture(scope="module")
def small(shipped_book: Book) -> Callable[[str], Book]:
    """A Book of one topic, with one example."""

    def with_example(example: str) -> Book:
        topic = shipped_book.topics["pets"].model_copy(update={"examples": {"en": (example,)}})
        made = shipped_book.model_copy(update={"faq": (topic,)})
        return made.model_copy(update={"revision": revision_of(made)})

    return with_example


@pytest.fixture
def files(small: Callable[[str], Book]) -> Files:
    return Files(small("can I keep a tortoise"))


@pytest.fixture
def following(parts: Parts, files: Files) -> Parts:
    library = Library(
        files.load, parts.database, lambda book: build(book.faq), lambda: str(files.edits), lambda book: files.issues
    )
    library.current()
    return replace(parts, library=library)


def answer(parts: Parts, text: str) -> str | None:
    return parts.library.current().answer(text, "en").answer


def test_an_edited_example_is_matched_and_the_book_is_stored(
    following: Parts, files: Files, small: Callable[[str], Book]
) -> None:
    assert answer(following, "rabbit hutch in the yard") is None
    files.edit(small("rabbit hutch in the yard"), WARNING)
    follow_once(following)
    assert answer(following, "rabbit hutch in the yard") == "pets"
    assert stored(following) == 1


def test_nothing_is_loaded_while_nothing_changes(following: Parts, files: Files) -> None:
    files.book = BookError([FAULT])
    assert following.library.renew() is False


@pytest.mark.parametrize("unreadable", [True, False])
def test_a_wrong_book_is_refused_once_and_the_old_one_stays(
    unreadable: bool, following: Parts, files: Files, small: Callable[[str], Book]
) -> None:
    before = following.library.book().revision
    files.edit(*((BookError([FAULT]),) if unreadable else (small("rabbit hutch in the yard"), FAULT)))
    with capture_logs() as logs:
        follow_once(following)
        follow_once(following)
    refused = [line for line in logs if line["event"] == "book_refused"]
    assert [(line["file"], line["line"], line["kind"]) for line in refused] == [("library/menu.yaml", 3, "dead-end")]
    assert following.library.book().revision == before
    files.edit(small("rabbit hutch in the yard"))
    follow_once(following)
    assert answer(following, "rabbit hutch in the yard") == "pets"


def test_a_conversation_finishes_with_the_book_it_began_with(
    following: Parts, files: Files, small: Callable[[str], Book]
) -> None:
    first = following.library.book().revision
    for number in range(OLDER_MOST + 3):
        follow_once(following)
        files.edit(small(f"example number {number}"))
    follow_once(following)
    assert following.library.of(first).book.revision == first
    assert following.library.of("").book.revision != first


class Flaky:
    """A database that is away until somebody mends it."""

    def __init__(self, database: Database) -> None:
        self.database, self.away = database, True

    def connection(self) -> AbstractContextManager[Connection]:
        if self.away:
            raise DatabaseAway
        return self.database.connection()


def test_storing_that_failed_is_tried_again(parts: Parts, files: Files) -> None:
    flaky = Flaky(parts.database)
    library = Library(files.load, cast(Database, flaky))
    following = replace(parts, library=library)
    with capture_logs() as logs:
        follow_once(following)
    assert [line["event"] for line in logs] == ["book_not_kept"]
    flaky.away = False
    follow_once(following)
    assert stored(following) == 1


def stored(parts: Parts) -> int:
    """How often the Book in force is kept."""
    with parts.database.connection() as connection:
        revision = parts.library.book().revision
        found = connection.execute("SELECT count(*) FROM revisions WHERE revision = %s", [revision]).fetchone()
    return int(found[0]) if found else 0


def test_files_that_cannot_be_read_at_a_moment_are_looked_at_again(
    following: Parts, files: Files, small: Callable[[str], Book]
) -> None:
    """Somebody saves a folder over the network: at one look a file is not there, and the edit counts at the next."""
    missing, looks = iter([FileNotFoundError("library/menu.yaml")]), iter([False, False, True])

    def load() -> Book:
        if error := next(missing, None):
            raise error
        return files.load()

    files.edit(small("may I keep a rabbit hutch"))
    following.library._load = load
    following.stopping.wait = lambda timeout=None: next(looks)  # type: ignore[method-assign]  # two looks at once
    upkeep.keep_doing(following, "following", follow_once, LOOK_EVERY)
    assert answer(following, "may I keep a rabbit hutch") == "pets"
