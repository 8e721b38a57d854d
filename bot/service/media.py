"""Fetch the files that tenants send, from their provider only, and keep them under names that say nothing."""

import mimetypes
import os
import secrets
from pathlib import Path

from bot.log import get
from bot.service.converse import BUDGET
from bot.service.parts import Parts
from bot.store import media as rows
from channels.errors import ChannelError, Unavailable
from channels.media_fetch import FETCH_TIMEOUT, MAX_REDIRECTS, Fetched
from channels.messages import Media

LEASE = FETCH_TIMEOUT * (MAX_REDIRECTS + 1) + 30
"""Seconds a worker has for one file before another one may try."""
MOST_ATTEMPTS = 8
FIRST_DELAY = 2.0
"""Seconds before the second try; each further one waits twice as long."""

log = get(__name__)


def drain(parts: Parts) -> int:
    """Fetch files until none is due or some seconds have passed. Returns how many were looked at. Raises `DatabaseAway`."""
    looked, until = 0, parts.clock() + BUDGET
    while parts.clock() < until and not parts.stopping.is_set():
        # One at a time: a lease is for one file, and a process that ends waits for no more than one.
        with parts.database.transaction() as connection:
            due = rows.take_due(connection, parts.clock(), LEASE, most=1)
        if not due:
            return looked
        keep(parts, due[0])
        looked += 1
    parts.bell.ring("media")
    return looked


def keep(parts: Parts, row: rows.Due) -> None:
    """Fetch one file and note where it is, or why it is not. Raises `DatabaseAway`."""
    if row.attempts > MOST_ATTEMPTS:
        # Each earlier attempt ended with its process.
        _put_off(parts, row, "the file could not be fetched in time")
        return
    try:
        fetched = parts.fetch(row.channel, Media(row.ref, row.content_type, row.kind))  # type: ignore[arg-type]  # our own column
        path = write(parts.media_dir, fetched)
    except Unavailable as error:
        _put_off(parts, row, str(error))
    except OSError as error:
        log.error("media_unwritable", media=row.id, remedy="check MEDIA_DIR and its disk")
        _put_off(parts, row, f"the file could not be kept ({error.strerror})")
    except ChannelError as error:
        _set(parts, row, "refused", str(error), 0.0)
    else:
        with parts.database.connection() as connection:
            rows.stored(connection, row.id, path, fetched.content_type, len(fetched.content))


def _put_off(parts: Parts, row: rows.Due, problem: str) -> None:
    if row.attempts >= MOST_ATTEMPTS:
        log.warning("media_failed", media=row.id, channel=row.channel, problem=problem)
        _set(parts, row, "failed", problem, 0.0)
    else:
        _set(parts, row, "queued", problem, FIRST_DELAY * 2.0 ** (row.attempts - 1))


def _set(parts: Parts, row: rows.Due, state: str, problem: str, delay: float) -> None:
    with parts.database.connection() as connection:
        rows.not_stored(connection, row.id, state, problem, parts.clock() + delay)


def write(folder: Path, fetched: Fetched) -> str:
    """Keep a file under a random name, readable by this user alone. Returns the name, relative to `folder`."""
    extension = mimetypes.guess_extension(fetched.content_type) or ".bin"
    name = f"{secrets.token_hex(16)}{extension}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(fetched.content)
        file.flush()
        os.fsync(descriptor)
    part.rename(folder / name)
    return name
