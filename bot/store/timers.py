"""Rows of timers: time as data, so that a restarted or dead process forgets none."""

from collections.abc import Sequence

from bot.store.database import Connection


def start(connection: Connection, conversation_id: int, name: str, started_by: int, due_at: float) -> None:
    """Start or move a timer. started_by: the inbox row that asked. due_at: POSIX seconds."""
    connection.execute(
        """
        INSERT INTO timers (conversation_id, name, started_by, due_at) VALUES (%s, %s, %s, to_timestamp(%s))
        ON CONFLICT (conversation_id, name) DO UPDATE SET due_at = excluded.due_at, started_by = excluded.started_by
        """,
        (conversation_id, name, started_by, due_at),
    )


def cancel(connection: Connection, conversation_id: int, name: str) -> None:
    """Forget a timer; nothing happens if there is none."""
    connection.execute("DELETE FROM timers WHERE conversation_id = %s AND name = %s", (conversation_id, name))


def take_due(connection: Connection, now: float, most: int = 500) -> Sequence[tuple[int, str, int]]:
    """Remove timers that have come due and return them: [(conversation, name, started_by)]. now: POSIX seconds."""
    return connection.execute(
        """
        DELETE FROM timers WHERE (conversation_id, name) IN (
            SELECT conversation_id, name FROM timers WHERE due_at <= to_timestamp(%s) ORDER BY due_at LIMIT %s
            FOR UPDATE SKIP LOCKED)
        RETURNING conversation_id, name, started_by
        """,
        (now, most),
    ).fetchall()
