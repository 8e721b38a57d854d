"""Who is at the desk: their status, their last sign of life, and how much they have in hand. Times are POSIX seconds."""

from typing import NamedTuple

from bot.store.database import Connection

ABSENT = 45.0
"""Seconds without a sign of life after which somebody is not there. Pages give one every 15."""
STATUSES = ("available", "light", "break", "away", "offline")


class Present(NamedTuple):
    """Somebody at the desk. load: handoffs they have claimed or are being offered; crises: those of them at P0 or P1.

    idle_since: when they last took something, so that turns go round.
    """

    staff_id: int
    name: str
    status: str
    teams: tuple[str, ...]
    languages: tuple[str, ...]
    load: int
    crises: int
    load_limit: int
    idle_since: float


def set_status(connection: Connection, staff_id: int, status: str, now: float) -> None:
    """Somebody says whether they can take handoffs."""
    connection.execute(
        "INSERT INTO presence (staff_id, status, since, seen_at) VALUES (%(id)s, %(status)s, to_timestamp(%(now)s),"
        " to_timestamp(%(now)s)) ON CONFLICT (staff_id) DO UPDATE SET status = excluded.status, seen_at = excluded.seen_at,"
        " since = CASE WHEN presence.status = excluded.status THEN presence.since ELSE excluded.since END",
        {"id": staff_id, "status": status, "now": now},
    )


def set_limit(connection: Connection, staff_id: int, limit: int, now: float) -> None:
    """How many handoffs somebody takes at a time."""
    connection.execute(
        "INSERT INTO presence (staff_id, status, since, seen_at, load_limit) VALUES (%s, 'offline', to_timestamp(%s),"
        " to_timestamp(%s), %s) ON CONFLICT (staff_id) DO UPDATE SET load_limit = excluded.load_limit",
        (staff_id, now, now, limit),
    )


def beat(connection: Connection, staff_id: int, now: float) -> None:
    """A sign of life from somebody's page."""
    connection.execute("UPDATE presence SET seen_at = to_timestamp(%s) WHERE staff_id = %s", (now, staff_id))


def status_of(connection: Connection, staff_id: int) -> tuple[str, int]:
    """(status, load limit); somebody who never said is offline."""
    row = connection.execute("SELECT status, load_limit FROM presence WHERE staff_id = %s", (staff_id,)).fetchone()
    return (row[0], row[1]) if row else ("offline", 5)


def here(connection: Connection, seen_since: float, *, staff_id: int | None = None) -> list[Present]:
    """Who has shown a sign of life since a time, whatever their status, and what they have in hand."""
    rows = connection.execute(
        """
        SELECT s.id, s.name, p.status, s.teams, s.languages,
            count(h.id), count(h.id) FILTER (WHERE h.level IN ('P0', 'P1')), p.load_limit,
            coalesce(extract(epoch FROM max(h.claimed_at))::float8, extract(epoch FROM p.since)::float8)
        FROM presence p JOIN staff s ON s.id = p.staff_id AND s.disabled_at IS NULL
        LEFT JOIN handoffs h ON h.state = 'claimed' AND h.claimed_by = s.id OR h.state = 'offered' AND h.offered_to = s.id
        WHERE p.seen_at >= to_timestamp(%(since)s) AND (%(id)s::bigint IS NULL OR s.id = %(id)s)
        GROUP BY s.id, p.status, p.load_limit, p.since ORDER BY s.name, s.id
        """,
        {"since": seen_since, "id": staff_id},
    ).fetchall()
    return [Present(row[0], row[1], row[2], tuple(row[3]), tuple(row[4]), *row[5:]) for row in rows]


def look(connection: Connection, conversation_id: int, staff_id: int, now: float, *, typing: bool) -> None:
    """Somebody has a conversation open, and perhaps writes in it."""
    connection.execute(
        "INSERT INTO looking (conversation_id, staff_id, seen_at, typed_at) VALUES (%(c)s, %(s)s, to_timestamp(%(now)s),"
        " CASE WHEN %(typing)s THEN to_timestamp(%(now)s) END) ON CONFLICT (conversation_id, staff_id) DO UPDATE SET"
        " seen_at = excluded.seen_at, typed_at = coalesce(excluded.typed_at, looking.typed_at)",
        {"c": conversation_id, "s": staff_id, "now": now, "typing": typing},
    )


def others_looking(connection: Connection, conversation_id: int, staff_id: int, since: float) -> list[tuple[str, bool]]:
    """[(name, whether they are writing)] of the others who have a conversation open."""
    rows = connection.execute(
        "SELECT s.name, coalesce(l.typed_at > to_timestamp(%(since)s), false) FROM looking l JOIN staff s ON s.id = l.staff_id"
        " WHERE l.conversation_id = %(c)s AND l.staff_id <> %(s)s AND l.seen_at > to_timestamp(%(since)s) ORDER BY s.name",
        {"c": conversation_id, "s": staff_id, "since": since},
    ).fetchall()
    return [(row[0], row[1]) for row in rows]
