"""Rows of files that came with messages, and where they are kept once fetched."""

from typing import NamedTuple

from bot.store.database import Connection


class Due(NamedTuple):
    """A file to fetch from its provider."""

    id: int
    channel: str
    account: str
    ref: str
    kind: str
    content_type: str
    attempts: int


def take_due(connection: Connection, now: float, lease: float, most: int = 4) -> list[Due]:
    """Take files that are due, hiding them from other workers for `lease` seconds. now: POSIX seconds."""
    rows = connection.execute(
        """
        UPDATE media AS m SET attempts = m.attempts + 1, due_at = to_timestamp(%s + %s)
        FROM inbox i
        WHERE i.id = m.inbox_id AND m.id IN (
            SELECT id FROM media WHERE state = 'queued' AND due_at <= to_timestamp(%s)
            ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
        RETURNING m.id, i.channel, i.account, m.ref, m.kind, m.content_type, m.attempts
        """,
        (now, lease, now, most),
    ).fetchall()
    return [Due(*row) for row in rows]


def stored(connection: Connection, media_id: int, path: str, content_type: str, size: int) -> None:
    """The file is kept at `path`, relative to MEDIA_DIR. size: bytes."""
    connection.execute(
        "UPDATE media SET state = 'stored', path = %s, content_type = %s, size = %s, problem = NULL"
        " WHERE id = %s AND state = 'queued'",
        (path, content_type, size, media_id),
    )


def not_stored(connection: Connection, media_id: int, state: str, problem: str, due_at: float) -> None:
    """The file was refused, failed for good, or waits for another try (state queued) at `due_at`, POSIX seconds."""
    connection.execute(
        "UPDATE media SET state = %s, problem = %s, due_at = to_timestamp(%s) WHERE id = %s AND state = 'queued'",
        (state, problem, due_at, media_id),
    )


def any_due(connection: Connection, now: float) -> bool:
    """Whether a file waits to be fetched. now: POSIX seconds."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM media WHERE state = 'queued' AND due_at <= to_timestamp(%s))", (now,)
    ).fetchone()
    return bool(row and row[0])


class StoredFile(NamedTuple):
    """A file that has been fetched. path: relative to MEDIA_DIR."""

    conversation_id: int
    path: str
    content_type: str


def stored_file(connection: Connection, media_id: int) -> StoredFile | None:
    """A file that is there to be shown."""
    row = connection.execute(
        "SELECT i.conversation_id, m.path, m.content_type FROM media m JOIN inbox i ON i.id = m.inbox_id"
        " WHERE m.id = %s AND m.state = 'stored'",
        (media_id,),
    ).fetchone()
    return StoredFile(*row) if row else None
