"""Rows of handoffs while they wait: offers that lapse and go on, clocks that start, warn and run out, advisors who disappear.

Times are POSIX seconds.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bot.store.database import Connection
from bot.store.desk import TEAM


class Waiting(NamedTuple):
    """An urgent handoff that nobody is offered. declined: who has let it pass, the latest last."""

    id: int
    level: str
    team: str
    language: str
    for_staff: int | None
    declined: tuple[int, ...]


def lock_unoffered(connection: Connection, most: int = 50) -> list[Waiting]:
    """Lock urgent handoffs, and those that wait for one person, which wait for an offer."""
    rows = connection.execute(
        f"""
        SELECT h.id, h.level, {TEAM}, c.language, h.for_staff,
            ARRAY(SELECT staff_id FROM declines d WHERE d.handoff_id = h.id ORDER BY d.at)
        FROM handoffs h JOIN conversations c ON c.id = h.conversation_id
        WHERE h.state = 'queued' AND (h.level IN ('P0', 'P1') OR h.for_staff IS NOT NULL)
        ORDER BY h.level, h.due_at NULLS FIRST, h.id LIMIT %s FOR UPDATE OF h SKIP LOCKED
        """,
        (most,),
    ).fetchall()
    return [Waiting._make((*row[:5], tuple(row[5]))) for row in rows]


def offer(connection: Connection, handoff_id: int, staff_id: int, until: float) -> None:
    """Offer a locked handoff to somebody until a time."""
    connection.execute(
        "UPDATE handoffs SET state = 'offered', offered_to = %s, offer_until = to_timestamp(%s) WHERE id = %s",
        (staff_id, until, handoff_id),
    )


def decline(connection: Connection, handoff_id: int, staff_id: int, now: float) -> bool:
    """Somebody lets an offer pass: it goes to another at once."""
    done = connection.execute(
        "UPDATE handoffs SET state = 'queued', offered_to = NULL, offer_until = NULL, for_staff = NULL"
        " WHERE id = %s AND state = 'offered' AND offered_to = %s",
        (handoff_id, staff_id),
    )
    _passed(connection, [(handoff_id, staff_id)] if done.rowcount else [], now)
    return done.rowcount == 1


def lapse_offers(connection: Connection, now: float, absent_before: float) -> int:
    """Take back offers that nobody answered, and at once those to people who have disappeared. Returns how many.

    absent_before: a heartbeat older than this is none.
    """
    rows = connection.execute(
        """
        WITH over AS (
            SELECT h.id, h.offered_to FROM handoffs h LEFT JOIN presence p ON p.staff_id = h.offered_to
            WHERE h.state = 'offered' AND (h.offer_until <= to_timestamp(%s) OR p.staff_id IS NULL
                OR p.seen_at < to_timestamp(%s) OR p.status IN ('offline', 'away', 'break'))
            FOR UPDATE OF h SKIP LOCKED
        )
        UPDATE handoffs h SET state = 'queued', offered_to = NULL, offer_until = NULL, for_staff = NULL
        FROM over WHERE h.id = over.id RETURNING over.id, over.offered_to
        """,
        (now, absent_before),
    ).fetchall()
    _passed(connection, [(row[0], row[1]) for row in rows], now)
    return len(rows)


def _passed(connection: Connection, passed: Sequence[tuple[int, int]], now: float) -> None:
    for handoff_id, staff_id in passed:
        connection.execute(
            "INSERT INTO declines (handoff_id, staff_id, at) VALUES (%s, %s, to_timestamp(%s))"
            " ON CONFLICT (handoff_id, staff_id) DO UPDATE SET at = excluded.at",
            (handoff_id, staff_id, now),
        )


def release_abandoned(connection: Connection, absent_before: float) -> list[tuple[int, int]]:
    """Queue again what people hold who have disappeared; their notes stay. Returns [(handoff, whose it was)]."""
    rows = connection.execute(
        """
        WITH gone AS (
            SELECT h.id, h.claimed_by FROM handoffs h LEFT JOIN presence p ON p.staff_id = h.claimed_by
            WHERE h.state = 'claimed' AND coalesce(p.seen_at, h.claimed_at) < to_timestamp(%s)
                AND h.claimed_at < to_timestamp(%s)
            FOR UPDATE OF h SKIP LOCKED
        )
        UPDATE handoffs h SET state = 'queued', claimed_by = NULL, claimed_at = NULL, clock_level = NULL, lapsed_at = NULL,
            warned_at = NULL, help_asked_at = NULL
        FROM gone WHERE h.id = gone.id RETURNING gone.id, gone.claimed_by
        """,
        (absent_before, absent_before),
    ).fetchall()
    return [(row[0], row[1]) for row in rows]


def waiting_of(connection: Connection, conversation_id: int) -> list[int]:
    """What a tenant waits for that nobody has."""
    rows = connection.execute(
        "SELECT id FROM handoffs WHERE conversation_id = %s AND state IN ('queued', 'offered') ORDER BY id",
        (conversation_id,),
    ).fetchall()
    return [row[0] for row in rows]


class Unclocked(NamedTuple):
    """A live handoff whose clock must be set: it is new, or its level has changed."""

    id: int
    conversation_id: int
    level: str
    team: str
    since: float
    former: int | None


def lock_unclocked(connection: Connection, reopened_since: float, most: int = 200) -> list[Unclocked]:
    """Lock handoffs without a clock for their level. former: who closed this tenant's last one lately, if it is new."""
    rows = connection.execute(
        f"""
        SELECT h.id, h.conversation_id, h.level, {TEAM},
            extract(epoch FROM greatest(h.opened_at, h.raised_at))::float8,
            CASE WHEN h.clock_level IS NULL AND h.claimed_at IS NULL THEN (
                SELECT e.ended_by FROM handoffs e WHERE e.conversation_id = h.conversation_id AND e.id < h.id
                    AND e.state = 'closed' AND e.ended_at > to_timestamp(%s) ORDER BY e.id DESC LIMIT 1) END
        FROM handoffs h WHERE h.state IN ('queued', 'offered', 'claimed') AND h.clock_level IS DISTINCT FROM h.level
        ORDER BY h.level, h.id LIMIT %s FOR UPDATE OF h SKIP LOCKED
        """,
        (reopened_since, most),
    ).fetchall()
    return [Unclocked(*row) for row in rows]


def set_clock(connection: Connection, handoff_id: int, level: str, due_at: float, for_staff: int | None) -> None:
    """Set a locked handoff's clock for its level. for_staff: who is asked first."""
    connection.execute(
        "UPDATE handoffs SET clock_level = %s, due_at = to_timestamp(%s), warned_at = NULL, lapsed_at = NULL,"
        " for_staff = coalesce(%s, for_staff) WHERE id = %s",
        (level, due_at, for_staff, handoff_id),
    )


def warn(connection: Connection, now: float) -> int:
    """Mark unclaimed handoffs that have used three quarters of their clock. Returns how many."""
    return connection.execute(
        """
        WITH late AS (SELECT id FROM handoffs WHERE state IN ('queued', 'offered') AND warned_at IS NULL
            AND due_at - (due_at - greatest(opened_at, raised_at)) / 4 < to_timestamp(%(now)s) FOR UPDATE SKIP LOCKED)
        UPDATE handoffs h SET warned_at = to_timestamp(%(now)s) FROM late WHERE h.id = late.id
        """,
        {"now": now},
    ).rowcount


def lapse(connection: Connection, now: float) -> list[tuple[int, int]]:
    """Mark unclaimed handoffs whose clock has run out, each once. Returns [(handoff, conversation)] of those whose tenant
    nobody has.
    """
    rows = connection.execute(
        "WITH late AS (SELECT id FROM handoffs WHERE state IN ('queued', 'offered') AND lapsed_at IS NULL"
        " AND due_at < to_timestamp(%s) FOR UPDATE SKIP LOCKED)"
        " UPDATE handoffs h SET lapsed_at = to_timestamp(%s) FROM late WHERE h.id = late.id RETURNING h.id, h.conversation_id,"
        " EXISTS (SELECT FROM handoffs k WHERE k.conversation_id = h.conversation_id AND k.state = 'claimed')",
        (now, now),
    ).fetchall()
    return [(row[0], row[1]) for row in rows if not row[2]]
