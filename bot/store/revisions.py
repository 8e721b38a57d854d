"""Rows of every Book a conversation may still be in, so that a change of the flows never strands a tenant half-way."""

from bot.store.database import Connection


def keep(connection: Connection, revision: str, book: str, at: float) -> None:
    """Store a Book (JSON) under its hash. at: POSIX seconds."""
    connection.execute(
        """
        INSERT INTO revisions (revision, book, seen_at) VALUES (%s, %s::jsonb, to_timestamp(%s))
        ON CONFLICT (revision) DO UPDATE SET seen_at = excluded.seen_at
        """,
        (revision, book, at),
    )


def find(connection: Connection, revision: str) -> str | None:
    """The Book with that hash as JSON, or None if it was never stored."""
    row = connection.execute("SELECT book::text FROM revisions WHERE revision = %s", (revision,)).fetchone()
    return None if row is None else str(row[0])
