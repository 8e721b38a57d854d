"""The audit: who did what, when and from where. Rows are only added; the database itself refuses anything else."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bot.store.database import Connection
from bot.store.staff import Staff

Detail = str | int | bool | None | Sequence[str]
LONGEST_DETAIL = 100
"""Characters of one detail: room for a name of ours, not for what a tenant wrote."""


class Act(NamedTuple):
    """One line of the audit. at: POSIX seconds by the database's clock. who: empty for this machine's own command."""

    id: int
    at: float
    staff_id: int | None
    who: str
    what: str
    conversation_id: int | None
    address: str
    details: dict[str, Any]


class Wanted(NamedTuple):
    """What to search for; what is None does not matter. since and until: POSIX seconds. before: an id, for paging."""

    staff_id: int | None = None
    what: str | None = None
    conversation_id: int | None = None
    since: float | None = None
    until: float | None = None
    before: int | None = None


def record(
    connection: Connection, staff: Staff | None, what: str, conversation: int | None = None, **details: Detail
) -> None:
    """Add one act, in the caller's transaction: an act that is rolled back is not on record either.

    staff: who acts, and from where; None for a command on this machine or somebody unknown. what: past tense, such as
    `conversation_read`. details: ids and fixed words, never a tenant's text. Raises ValueError if one is too long to be that.
    """
    _add(connection, staff.id if staff else None, staff.address if staff else "", what, conversation, details)


def record_stranger(connection: Connection, what: str, address: str, **details: Detail) -> None:
    """Add an act of somebody who has not signed in. address: where from."""
    _add(connection, None, address, what, None, details)


def _add(
    connection: Connection,
    staff_id: int | None,
    address: str,
    what: str,
    conversation: int | None,
    details: Mapping[str, Detail],
) -> None:
    if any(isinstance(value, str) and len(value) > LONGEST_DETAIL for value in details.values()):
        raise ValueError("a detail of the audit is too long: give an id, not a text")
    connection.execute(
        "INSERT INTO audit (staff_id, what, conversation_id, address, details) VALUES (%s, %s, %s, %s, %s::jsonb)",
        (staff_id, what, conversation, address, json.dumps(details)),
    )


def search(connection: Connection, wanted: Wanted, limit: int) -> list[Act]:
    """The newest acts that fit, at most `limit`."""
    rows = connection.execute(
        """
        SELECT a.id, extract(epoch FROM a.at)::float8, a.staff_id, coalesce(s.name, ''), a.what, a.conversation_id,
            a.address, a.details
        FROM audit a LEFT JOIN staff s ON s.id = a.staff_id
        WHERE (%(staff_id)s::bigint IS NULL OR a.staff_id = %(staff_id)s)
            AND (%(what)s::text IS NULL OR a.what = %(what)s)
            AND (%(conversation_id)s::bigint IS NULL OR a.conversation_id = %(conversation_id)s)
            AND (%(since)s::float8 IS NULL OR a.at >= to_timestamp(%(since)s))
            AND (%(until)s::float8 IS NULL OR a.at < to_timestamp(%(until)s))
            AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
        ORDER BY a.id DESC LIMIT %(limit)s
        """,
        {**wanted._asdict(), "limit": limit},
    ).fetchall()
    return [Act(*row) for row in rows]


def kinds(connection: Connection) -> list[str]:
    """Every `what` there is, by skipping through the index from one to the next."""
    return [
        row[0]
        for row in connection.execute(
            """
            WITH RECURSIVE found (what) AS (
                (SELECT what FROM audit ORDER BY what LIMIT 1)
                UNION ALL
                SELECT (SELECT a.what FROM audit a WHERE a.what > found.what ORDER BY a.what LIMIT 1)
                FROM found WHERE found.what IS NOT NULL
            )
            SELECT what FROM found WHERE what IS NOT NULL
            """
        ).fetchall()
    ]
