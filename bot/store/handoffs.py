"""Rows of handoffs: conversations that wait for a person."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.store.database import Connection


class Opening(NamedTuple):
    """A request for a person. `fields` is JSON; `at` POSIX seconds. tentative: nobody is paged for it."""

    conversation_id: int
    inbox_id: int
    queue: str
    level: str
    reason: str
    fields: str
    at: float
    tentative: bool = False


def open_all(connection: Connection, openings: Sequence[Opening]) -> list[int]:
    """Queue handoffs. One that is open in the same queue already takes the newer fields, and the level only rises.

    Returns the id of each.
    """
    ids: list[int] = []
    if openings:
        # The desk locks a tenant's handoffs in this order too: either the other way round would be a deadlock.
        connection.execute(
            "SELECT FROM handoffs WHERE conversation_id = ANY(%s) AND state IN ('queued', 'offered', 'claimed')"
            " ORDER BY id FOR NO KEY UPDATE",
            ([opening.conversation_id for opening in openings],),
        )
    for opening in openings:
        row = connection.execute(
            """
            INSERT INTO handoffs (conversation_id, inbox_id, queue, level, reason, fields, opened_at)
            VALUES (%s, %s, %s, %s, %s, %s::jsonb, to_timestamp(%s))
            ON CONFLICT (conversation_id, queue) WHERE state IN ('queued', 'offered', 'claimed') DO UPDATE SET
                level = least(handoffs.level, excluded.level),
                raised_at = CASE WHEN excluded.level < handoffs.level THEN excluded.opened_at ELSE handoffs.raised_at END,
                reason = CASE WHEN excluded.level < handoffs.level THEN excluded.reason ELSE handoffs.reason END,
                fields = handoffs.fields || excluded.fields
            RETURNING id
            """,
            opening[:7],
        ).fetchone()
        assert row is not None
        ids.append(int(row[0]))
    return ids


def urgent_again(connection: Connection, handoff_ids: Sequence[int], now: float) -> list[tuple[int, Opening]]:
    """Which of these wait for a person at P0 or P1: [(handoff, as if it were asked for now)]. now: POSIX seconds."""
    rows = connection.execute(
        """
        SELECT id, conversation_id, queue, level, reason FROM handoffs
        WHERE id = ANY(%s) AND state IN ('queued', 'offered') AND level IN ('P0', 'P1') ORDER BY level, id
        """,
        (list(handoff_ids),),
    ).fetchall()
    return [(row[0], Opening(row[1], 0, row[2], row[3], row[4], "{}", now)) for row in rows]


def waiting(connection: Connection) -> list[tuple[str, str, int, float]]:
    """How many handoffs wait: [(queue, level, count, POSIX seconds of the oldest)], most urgent first."""
    return [
        (row[0], row[1], row[2], row[3])
        for row in connection.execute(
            "SELECT queue, level, count(*), extract(epoch FROM min(opened_at))::float8 FROM handoffs"
            " WHERE state = 'queued' GROUP BY queue, level ORDER BY level, min(opened_at)"
        ).fetchall()
    ]
