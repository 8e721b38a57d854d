"""Follows the Book's files: what staff edit takes effect without a restart, and what is wrong with it stops nothing.

It is also tried again here to store the Book in force, for a process that started while PostgreSQL was away.
"""

import threading

from bot.log import get
from bot.service import upkeep
from bot.service.parts import Parts
from bot.store.database import DatabaseAway
from flows.load import BookError

LOOK_EVERY = 3.0
"""Seconds between the looks at the files. A look takes the times of some hundred files, about a millisecond."""

log = get(__name__)


def follow_once(parts: Parts) -> None:
    """Look once: take a changed Book up, refuse a wrong one, store the one in force."""
    try:
        if parts.library.renew():
            log.info("book_taken_up", revision=parts.library.book().revision)
    except BookError as error:
        first = error.issues[0]
        log.error(
            "book_refused",
            issues=len(error.issues),
            file=first.file,
            line=first.line,
            kind=first.kind,
            remedy="the Book in force stays; hearthline flows check lists every issue",
        )
    try:
        parts.library.publish(parts.clock())
    except DatabaseAway:
        log.warning("book_not_kept", remedy="check DATABASE_URL and the server; it is tried again")


def start_following(parts: Parts) -> threading.Thread:
    """Look from a thread of its own, so that no message waits for it."""
    return upkeep.start(parts, "following", follow_once, LOOK_EVERY)
