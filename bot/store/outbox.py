"""Rows of what we say: one row is one call of a provider's API. They wait, are claimed, sent, and followed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.store.database import Connection

# A correlated LIMIT 1, because PostgreSQL makes a join of NOT EXISTS (earlier row), which with statistics from before a
# burst compares every waiting row with every other: seconds a claim instead of milliseconds.
# The head of a conversation is its earliest row, but for a broadcast that is only due later. Where the head has failed and
# waits for its next try, or is a broadcast, crisis words go before it (docs/decisions/0008).
CLAIM = """
WITH picked AS (
    SELECT o.id FROM unnest(%(senders)s::text[], %(rooms)s::int[]) AS s (sender, room)
    CROSS JOIN LATERAL (
        SELECT d.id FROM outbox d
        CROSS JOIN LATERAL (
            SELECT e.id, e.attempts, e.purpose FROM outbox e
            WHERE e.conversation_id = d.conversation_id AND e.state IN ('queued', 'sending')
              AND NOT (e.purpose = 'proactive' AND e.attempts = 0 AND e.due_at > to_timestamp(%(now)s))
            ORDER BY e.id LIMIT 1
        ) AS head
        WHERE d.sender = s.sender AND d.state = 'queued' AND d.due_at <= to_timestamp(%(now)s) AND d.urgent = ANY(%(urgent)s)
          AND d.id = CASE WHEN head.purpose <> 'crisis' AND (head.attempts > 0 OR head.purpose = 'proactive') THEN coalesce(
              (SELECT c.id FROM outbox c WHERE c.conversation_id = d.conversation_id AND c.state IN ('queued', 'sending')
               AND c.purpose = 'crisis' ORDER BY c.id LIMIT 1), head.id) ELSE head.id END
          AND NOT EXISTS (SELECT FROM outbox f WHERE f.conversation_id = d.conversation_id AND f.state = 'sending')
        ORDER BY d.urgent DESC, d.due_at, d.id LIMIT s.room
        FOR UPDATE OF d SKIP LOCKED
    ) AS o
)
UPDATE outbox AS o SET state = 'sending', attempts = o.attempts + 1, claim = o.claim + 1,
    lease_until = to_timestamp(%(now)s + %(lease)s), first_tried_at = coalesce(o.first_tried_at, to_timestamp(%(now)s))
FROM picked, conversations c
WHERE o.id = picked.id AND c.id = o.conversation_id
RETURNING o.id, o.conversation_id, o.sender, o.purpose, o.urgent, o.part::text, o.verify, o.attempts, o.claim,
    extract(epoch FROM o.created_at)::float8, extract(epoch FROM o.first_tried_at)::float8,
    extract(epoch FROM c.last_inbound_at)::float8,
    c.stopped_at IS NOT NULL OR c.suppressed OR c.level IN ('P0', 'P1') OR EXISTS (
        SELECT FROM conversations k WHERE k.person_id = c.person_id AND (k.suppressed OR k.level IN ('P0', 'P1'))),
    o.delivery IS NOT NULL,
    CASE WHEN o.verify THEN ARRAY(
        SELECT k.provider_id FROM outbox k WHERE k.conversation_id = o.conversation_id AND k.provider_id IS NOT NULL
        ORDER BY k.id DESC LIMIT 50
    ) END
"""

STALE = """
UPDATE outbox SET lease_until = to_timestamp(%(now)s + %(lease)s), claim = claim + 1
WHERE id IN (SELECT id FROM outbox WHERE state = 'sending' AND lease_until < to_timestamp(%(now)s)
             ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED)
RETURNING id, conversation_id, sender, purpose, urgent, part::text, verify, attempts, claim,
    extract(epoch FROM created_at)::float8, extract(epoch FROM first_tried_at)::float8, NULL::float8, false, delivery IS NOT NULL,
    NULL::text[]
"""

RECEIPT = """
UPDATE outbox SET delivery = %(status)s, delivered_at = to_timestamp(%(at)s), code = coalesce(%(code)s, code),
    provider_id = coalesce(provider_id, %(provider_id)s)
WHERE id = %(id)s AND (delivery IS NULL OR delivery = ANY(%(after)s))
RETURNING conversation_id
"""


class Row(NamedTuple):
    """What is to be said, ready for the table. `part` is JSON; `created_at` POSIX seconds. said: it has been already."""

    conversation_id: int
    inbox_id: int | None
    position: int
    sender: str
    purpose: str
    urgent: bool
    text: str
    part: str
    created_at: float
    said: bool = False


class Claimed(NamedTuple):
    """A row that this worker may send until its lease ends. `sender` is the channel's name. Times are POSIX seconds.

    stopped: nothing may be said of our own accord: the tenant has said STOP, is in danger, or might be by being written to,
    here or in another conversation of theirs.
    verify: an earlier try may have arrived; then `known` has the provider's ids of the tenant's other rows. received: the
    provider has reported on it, so it did arrive.
    claim: counts claims, so that a worker whose lease has passed cannot record over its successor.
    """

    id: int
    conversation_id: int
    sender: str
    purpose: str
    urgent: bool
    part: str
    verify: bool
    attempts: int
    claim: int
    created_at: float
    first_tried_at: float
    last_inbound_at: float | None
    stopped: bool
    received: bool
    known: list[str] | None


class Result(NamedTuple):
    """How a claimed row goes on. `state` is queued, sent, failed or cancelled; `due_at` POSIX seconds."""

    id: int
    claim: int
    state: str
    outcome: str
    code: str | None
    verify: bool
    due_at: float
    provider_id: str | None


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Queue rows in the order given. An urgent row makes everything its conversation still waits for urgent, and due now.

    Otherwise crisis words would wait behind an earlier answer that rests between two tries.
    """
    if not rows:
        return
    connection.execute(
        """
        INSERT INTO outbox (conversation_id, inbox_id, position, sender, purpose, urgent, text, part, created_at, due_at,
                            state, outcome, sent_at)
        SELECT n.conversation_id, n.inbox_id, n.position, n.sender, n.purpose, n.urgent, n.text, n.part::jsonb,
               to_timestamp(n.created_at), to_timestamp(n.created_at), CASE WHEN n.said THEN 'sent' ELSE 'queued' END,
               CASE WHEN n.said THEN 'accepted' END, CASE WHEN n.said THEN to_timestamp(n.created_at) END
        FROM unnest(%s::bigint[], %s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::boolean[], %s::text[], %s::text[],
                    %s::float8[], %s::boolean[]) WITH ORDINALITY
             AS n (conversation_id, inbox_id, position, sender, purpose, urgent, text, part, created_at, said, line)
        ORDER BY n.line
        """,
        [list(column) for column in zip(*rows, strict=True)],
    )
    raised = sorted({row.conversation_id for row in rows if row.urgent})
    if raised:
        connection.execute(
            """
            UPDATE outbox SET urgent = true, due_at = least(due_at, to_timestamp(%(now)s)) WHERE id IN (
                SELECT id FROM outbox WHERE conversation_id = ANY(%(raised)s) AND state IN ('queued', 'sending')
                  AND purpose <> 'proactive' AND (NOT urgent OR due_at > to_timestamp(%(now)s)) ORDER BY id FOR NO KEY UPDATE)
            """,
            {"raised": raised, "now": min(row.created_at for row in rows)},
        )


def add_page(connection: Connection, conversation_id: int, sender: str, text: str, part: str, now: float) -> int:
    """Queue a page to somebody on call, ahead of everything else, and return its id. now: POSIX seconds."""
    row = connection.execute(
        """
        INSERT INTO outbox (conversation_id, sender, purpose, urgent, text, part, created_at, due_at)
        VALUES (%s, %s, 'page', true, %s, %s::jsonb, to_timestamp(%s), to_timestamp(%s)) RETURNING id
        """,
        (conversation_id, sender, text, part, now, now),
    ).fetchone()
    assert row is not None
    return int(row[0])


def claim(
    connection: Connection, room: Mapping[str, int], *, now: float, lease: float, urgent_only: bool
) -> list[Claimed]:
    """Take the earliest due row of each conversation, urgent ones first, for `lease` seconds.

    room: how many rows may go out by each sender now.
    """
    open_senders = {sender: count for sender, count in room.items() if count > 0}
    if not open_senders:
        return []
    values = {
        "senders": list(open_senders),
        "rooms": list(open_senders.values()),
        "now": now,
        "lease": lease,
        "urgent": [True] if urgent_only else [True, False],
    }
    return sorted((Claimed(*row) for row in connection.execute(CLAIM, values).fetchall()), key=_urgent_first)


def _urgent_first(row: Claimed) -> tuple[bool, int]:
    return not row.urgent, row.id


def take_stale(connection: Connection, *, now: float, lease: float) -> list[Claimed]:
    """Take over rows whose worker vanished between the provider's answer and its record."""
    return [Claimed(*row) for row in connection.execute(STALE, {"now": now, "lease": lease}).fetchall()]


def record(connection: Connection, results: Sequence[Result], now: float) -> list[int]:
    """Write what became of claimed rows, unless the claim has passed on. Returns the ids that were written.

    That a row was sent still counts after a take-over, as long as nobody has begun to send it again.
    """
    if not results:
        return []
    ordered = sorted(results)
    rows = connection.execute(
        """
        UPDATE outbox AS o SET state = n.state, outcome = n.outcome, code = coalesce(n.code, o.code), verify = n.verify,
            due_at = to_timestamp(n.due_at), provider_id = coalesce(n.provider_id, o.provider_id), lease_until = NULL,
            sent_at = CASE WHEN n.state = 'sent' THEN to_timestamp(%s) ELSE o.sent_at END
        FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::float8[], %s::text[])
             AS n (id, claim, state, outcome, code, verify, due_at, provider_id)
        WHERE o.id = n.id AND (o.claim = n.claim AND o.state = 'sending'
                               OR n.state = 'sent' AND o.claim = n.claim + 1 AND o.state = 'queued')
        RETURNING o.id
        """,
        [now, *([*column] for column in zip(*ordered, strict=True))],
    ).fetchall()
    return [row[0] for row in rows]


class Report(NamedTuple):
    """A delivery report on our row `outbox_id`. `after`: the statuses that `status` may follow. at: POSIX seconds."""

    outbox_id: int
    status: str
    after: Sequence[str]
    code: str | None
    provider_id: str
    at: float


def report_all(connection: Connection, reports: Sequence[Report]) -> list[int | None]:
    """Move deliveries forward in one exchange with the server; the caller has a transaction.

    Returns for each report its conversation, or None if the row is unknown or already further. Rows are locked in the
    order of their ids, as `record` locks them, so that the two cannot wait for each other.
    """
    ordered = sorted(range(len(reports)), key=lambda place: reports[place].outbox_id)
    with connection.pipeline():
        cursors = {place: connection.execute(RECEIPT, _report_values(reports[place])) for place in ordered}
    rows = [cursors[place].fetchone() for place in range(len(reports))]
    return [int(row[0]) if row else None for row in rows]


def _report_values(report: Report) -> dict[str, object]:
    return {
        "id": report.outbox_id,
        "status": report.status,
        "after": list(report.after),
        "code": report.code,
        "provider_id": report.provider_id or None,
        "at": report.at,
    }


def any_due(connection: Connection, now: float, urgent_only: bool) -> bool:
    """Whether a row waits to be claimed. now: POSIX seconds."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM outbox WHERE state = 'queued' AND due_at <= to_timestamp(%s) AND urgent = ANY(%s))",
        (now, [True] if urgent_only else [True, False]),
    ).fetchone()
    return bool(row and row[0])
