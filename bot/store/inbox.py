"""Rows of what happened to a conversation: messages, taps, timers and failed deliveries, in the order they count."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bot.nlu.understanding import Signal
from bot.store.database import Connection
from channels.messages import Inbound

ADD = """
WITH known AS (
    SELECT id FROM conversations WHERE channel = %(channel)s AND account = %(account)s AND address = %(address)s
), made AS (
    INSERT INTO conversations (channel, account, address)
    SELECT %(channel)s, %(account)s, %(address)s WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO inbox (conversation_id, channel, account, provider_id, sequence, kind, text, payload, signal, urgent, received_at,
                   answered)
SELECT id, %(channel)s, %(account)s, %(provider_id)s, %(sequence)s, %(kind)s, %(text)s, %(payload)s::jsonb,
       %(signal)s::jsonb, %(urgent)s, to_timestamp(%(at)s), %(answered)s
FROM (SELECT id FROM known UNION ALL SELECT id FROM made) AS found
ON CONFLICT (channel, account, provider_id) DO NOTHING
RETURNING id, conversation_id
"""


LOOK_BACK = 5
"""How many rows to pass over for each text looked for, so that no tenant's whole history is read for each message."""


class Added(NamedTuple):
    """Where an arrival was put. `inbox_id` is None when the provider had sent it before."""

    inbox_id: int | None
    conversation_id: int | None


class Pending(NamedTuple):
    """One row that the engine has not seen yet. `at` is POSIX seconds."""

    id: int
    conversation_id: int
    kind: str
    payload: str
    signal: str | None
    at: float
    answered: bool = False


def add(connection: Connection, inbound: Inbound, signal: Signal, at: float, answered: bool = False) -> Added:
    """Store one arrival once, whatever number of times and at whatever moment it comes.

    at: POSIX seconds of receipt. answered: the webhook has said the crisis words for it itself. Corrections, consent words
    and files are recorded in the same transaction.
    """
    values = _values(inbound, signal, at, answered)
    if _is_plain(inbound):
        return _add_row(connection, values)
    with connection.transaction():
        added = _add_row(connection, values)
        if added.inbox_id is not None:
            _correct(connection, inbound, at)
            _record_consent(connection, inbound, added, at)
            _list_media(connection, inbound, added, at)
        return added


def add_all(connection: Connection, arrivals: Sequence[tuple[Inbound, Signal, float, bool]]) -> list[Added]:
    """Store several arrivals in one transaction and one exchange with the server, as `add` would one by one.

    Tenants are taken in the order of their addresses: two processes that make the same new conversations in different
    orders would wait for each other. Each tenant's own messages keep their order.
    """
    if len(arrivals) == 1 or not all(_is_plain(arrival[0]) for arrival in arrivals):
        return [add(connection, *arrival) for arrival in arrivals]
    ordered = sorted(range(len(arrivals)), key=lambda place: _whose(arrivals[place][0]))
    with connection.pipeline(), connection.transaction():
        cursors = {place: connection.execute(ADD, _values(*arrivals[place])) for place in ordered}
    rows = [cursors[place].fetchone() for place in range(len(arrivals))]
    return [Added(*row) if row else add(connection, *arrival) for row, arrival in zip(rows, arrivals, strict=True)]


def _whose(inbound: Inbound) -> tuple[str, str, str]:
    return inbound.channel, inbound.account, inbound.address


def _is_plain(inbound: Inbound) -> bool:
    return inbound.kind == "message" and not inbound.media and inbound.consent is None


def _add_row(connection: Connection, values: dict[str, object]) -> Added:
    row = connection.execute(ADD, values).fetchone()
    if row is None:
        # Either a repeat, or a first message raced another one to create the conversation: then the second try finds it.
        row = connection.execute(ADD, values).fetchone()
    return Added(*row) if row else Added(None, None)


def _values(inbound: Inbound, signal: Signal, at: float, answered: bool = False) -> dict[str, object]:
    return {
        "channel": inbound.channel,
        "account": inbound.account,
        "address": inbound.address,
        "provider_id": inbound.provider_id,
        "sequence": inbound.sequence,
        "kind": inbound.kind,
        "text": inbound.text,
        "payload": msgspec.json.encode(inbound).decode(),
        "signal": None if signal.level == "P3" else msgspec.json.encode(signal).decode(),
        "urgent": signal.urgent,
        "at": at,
        "answered": answered,
    }


def _correct(connection: Connection, inbound: Inbound, at: float) -> None:
    if inbound.kind == "edit" and inbound.edits:
        connection.execute(
            "UPDATE inbox SET text = %s, edited_at = to_timestamp(%s) WHERE channel = %s AND account = %s AND provider_id = %s",
            (inbound.text, at, inbound.channel, inbound.account, inbound.edits),
        )


def _record_consent(connection: Connection, inbound: Inbound, added: Added, at: float) -> None:
    if inbound.consent in ("stop", "start"):
        connection.execute(
            "UPDATE conversations SET stopped_at = CASE WHEN %s THEN to_timestamp(%s) END WHERE id = %s",
            (inbound.consent == "stop", at, added.conversation_id),
        )
        connection.execute(
            "INSERT INTO consents (conversation_id, word, origin, at) VALUES (%s, %s, 'tenant', to_timestamp(%s))",
            (added.conversation_id, inbound.consent, at),
        )


def _list_media(connection: Connection, inbound: Inbound, added: Added, at: float) -> None:
    for position, media in enumerate(inbound.media):
        connection.execute(
            "INSERT INTO media (inbox_id, position, ref, kind, content_type, due_at)"
            " VALUES (%s, %s, %s, %s, %s, to_timestamp(%s))",
            (added.inbox_id, position, media.ref, media.kind, media.content_type, at),
        )


def text_of(connection: Connection, inbound: Inbound) -> str | None:
    """The text stored under an arrival's provider id, to see whether a repeat said something else."""
    row = connection.execute(
        "SELECT payload->>'text' FROM inbox WHERE channel = %s AND account = %s AND provider_id = %s",
        (inbound.channel, inbound.account, inbound.provider_id),
    ).fetchone()
    return None if row is None else (row[0] or "")


def add_fact(
    connection: Connection,
    conversation_ids: Sequence[int],
    kind: str,
    keys: Sequence[str],
    payloads: Sequence[str],
    at: float,
    *,
    urgent: bool = False,
) -> int:
    """Queue facts of our own making (timers, failed deliveries, what staff did) for conversations, each once by its key.

    Returns how many were new. at: POSIX seconds. urgent: the urgent worker is to take them.
    """
    return connection.execute(
        """
        INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, payload, received_at, urgent)
        SELECT fact.conversation_id, c.channel, c.account, fact.key, %s, fact.payload::jsonb, to_timestamp(%s), %s
        FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS fact (conversation_id, key, payload)
        JOIN conversations c ON c.id = fact.conversation_id
        ON CONFLICT DO NOTHING
        """,
        (kind, at, urgent, list(conversation_ids), list(keys), list(payloads)),
    ).rowcount


def pending(connection: Connection, conversation_ids: Sequence[int], most: int) -> list[Pending]:
    """The rows the engine has not seen of conversations that the caller has locked, in order, at most `most` of each."""
    rows = connection.execute(
        """
        SELECT p.id, p.conversation_id, p.kind, p.payload::text, p.signal::text, extract(epoch FROM p.received_at)::float8,
            p.answered
        FROM unnest(%s::bigint[]) AS c (id)
        CROSS JOIN LATERAL (
            SELECT * FROM inbox i WHERE i.conversation_id = c.id AND i.processed_at IS NULL
            ORDER BY i.sequence, i.id LIMIT %s
        ) AS p
        """,
        (list(conversation_ids), most),
    ).fetchall()
    return [Pending(*row) for row in rows]


def recent_texts(
    connection: Connection, conversation_ids: Sequence[int], since: float, most: int
) -> dict[int, list[str]]:
    """What each tenant wrote lately and the engine has seen, oldest first. since: POSIX seconds."""
    rows = connection.execute(
        """
        SELECT c.id, array_agg(r.text ORDER BY r.id)
        FROM unnest(%s::bigint[]) AS c (id)
        CROSS JOIN LATERAL (
            SELECT l.id, l.text FROM (
                SELECT i.id, i.text, i.received_at FROM inbox i
                WHERE i.conversation_id = c.id AND i.processed_at IS NOT NULL ORDER BY i.id DESC LIMIT %s
            ) AS l
            WHERE l.received_at > to_timestamp(%s) AND l.text <> '' ORDER BY l.id DESC LIMIT %s
        ) AS r
        GROUP BY c.id
        """,
        (list(conversation_ids), most * LOOK_BACK, since, most),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def urgent_unseen(connection: Connection, conversation_id: int) -> bool:
    """Whether a tenant has written of danger and the engine has not read it yet."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM inbox WHERE conversation_id = %s AND processed_at IS NULL AND urgent"
        " AND kind IN ('message', 'edit', 'button'))",
        (conversation_id,),
    ).fetchone()
    return bool(row and row[0])


def mark_processed(connection: Connection, ids: Sequence[int], at: float) -> None:
    """The engine has seen these rows. at: POSIX seconds."""
    connection.execute("UPDATE inbox SET processed_at = to_timestamp(%s) WHERE id = ANY(%s)", (at, list(ids)))
