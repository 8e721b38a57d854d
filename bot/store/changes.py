"""The stream of what changed for the desk, in an order that nobody can miss a part of.

Ids are given before a row is committed, so a reader could pass one by that comes to light later. Rows therefore count in the
order of their transactions, and only once every transaction before theirs has ended.
"""

from collections.abc import Iterator
from typing import NamedTuple

from bot.store.database import Connection, Database

CHANNEL = "desk"


class Change(NamedTuple):
    """Something changed. cursor: its place in the stream. at: POSIX seconds.

    kind: handoff (new), raised, offer, warning, lapsed, help (a colleague is called), helped, changed; and of a live
    handoff's thread: message, said, ticks, note.
    """

    cursor: str
    kind: str
    conversation_id: int | None
    handoff_id: int | None
    staff_id: int | None
    level: str
    at: float


def since(connection: Connection, cursor: str, most: int = 500) -> list[Change]:
    """What changed after a place in the stream, oldest first. cursor: as `Change.cursor`, or "" for the very beginning."""
    xid, id_ = _parse(cursor)
    rows = connection.execute(
        """
        SELECT xid::text || '-' || id, kind, conversation_id, handoff_id, staff_id, level, extract(epoch FROM at)::float8
        FROM desk_events
        WHERE (xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid, id LIMIT %s
        """,
        (str(xid), id_, most),
    ).fetchall()
    return [Change(*row) for row in rows]


def newest(connection: Connection) -> str:
    """The place in the stream up to which everything has been committed."""
    row = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
    assert row
    return f"{int(row[0]) - 1}-{2**62}"


def later(one: str, other: str) -> str:
    """Whichever of two places in the stream comes later."""
    return max(one, other, key=_parse)


def _parse(cursor: str) -> tuple[int, int]:
    """A cursor that no stream of ours gave means the beginning: telling too much again loses nothing."""
    xid, _, id_ = cursor.partition("-")
    good = xid.isascii() and xid.isdigit() and id_.isascii() and id_.isdigit() and len(xid) < 20 and len(id_) < 20
    return (int(xid), min(int(id_), 2**63 - 1)) if good else (0, 0)


def listen(database: Database, wait: float) -> Iterator[None]:
    """Yield whenever something may have changed, and every `wait` seconds at the latest. Holds one connection.

    Raises `DatabaseAway`.
    """
    with database.connection() as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        try:
            while True:
                for _ in connection.notifies(timeout=wait, stop_after=1):
                    pass
                yield
        finally:
            connection.execute("UNLISTEN *")


def forget_old(connection: Connection, before: float) -> int:
    """Delete what changed before a time, in POSIX seconds. Returns how many."""
    return connection.execute("DELETE FROM desk_events WHERE at < to_timestamp(%s)", (before,)).rowcount
