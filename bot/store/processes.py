"""Rows of running processes. They live here and not in Redis, so that emptying Redis makes no worker look dead."""

from typing import NamedTuple

from bot.store.database import Connection


class Process(NamedTuple):
    """One process that says it is alive. Times are POSIX seconds."""

    id: str
    role: str
    host: str
    pid: int
    started_at: float
    seen_at: float


def seen(connection: Connection, process: Process) -> None:
    """Note that a process is alive, and forget those that have been silent for a day."""
    connection.execute(
        """
        INSERT INTO processes (id, role, host, pid, started_at, seen_at)
        VALUES (%s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s))
        ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
        """,
        process,
    )
    connection.execute("DELETE FROM processes WHERE seen_at < to_timestamp(%s)", (process.seen_at - 86400,))


def gone(connection: Connection, process_id: str) -> None:
    """A process ends on purpose."""
    connection.execute("DELETE FROM processes WHERE id = %s", (process_id,))


def alive(connection: Connection, since: float) -> list[Process]:
    """Processes heard of since that time (POSIX seconds)."""
    rows = connection.execute(
        """
        SELECT id, role, host, pid, extract(epoch FROM started_at)::float8, extract(epoch FROM seen_at)::float8
        FROM processes WHERE seen_at >= to_timestamp(%s) ORDER BY role, id
        """,
        (since,),
    ).fetchall()
    return [Process(*row) for row in rows]
