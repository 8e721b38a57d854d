"""Rows of conversations: who talks with us on which channel, and where they stand."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.store.database import Connection

LOCK_DUE = """
SELECT c.id, channel, account, address, state::text, stopped_at IS NOT NULL, extract(epoch FROM last_inbound_at)::float8
FROM (SELECT conversation_id, bool_or(urgent) AS urgent, min(id) AS earliest FROM inbox
      WHERE processed_at IS NULL AND urgent = ANY(%s) GROUP BY conversation_id ORDER BY 2 DESC, 3 LIMIT %s) AS due
JOIN conversations AS c ON c.id = due.conversation_id
ORDER BY due.urgent DESC, due.earliest LIMIT %s
FOR NO KEY UPDATE OF c SKIP LOCKED
"""
WINDOW = 6
"""How many times a batch to look at for unlocked conversations, so that several workers do not starve each other.

Conversations are counted, not their rows: a tenant's ten thousand messages would otherwise hide everybody else's.
"""


class Locked(NamedTuple):
    """A conversation that this transaction holds. `last_inbound_at` is POSIX seconds."""

    id: int
    channel: str
    account: str
    address: str
    state: str
    stopped: bool
    last_inbound_at: float | None


class Standing(NamedTuple):
    """What a step changed of a conversation's row. None leaves a value as it is."""

    id: int
    state: str
    language: str
    level: str
    stopped: bool | None
    reachable: bool | None
    source: str | None
    profile_name: str | None
    external_user_id: str | None
    last_inbound_at: float | None
    suppressed: bool = False


def lock_due(connection: Connection, *, urgent_only: bool, most: int) -> list[Locked]:
    """Lock up to `most` conversations that have something unseen, skipping those that another worker holds."""
    rows = connection.execute(LOCK_DUE, ([True] if urgent_only else [True, False], most * WINDOW, most)).fetchall()
    return [Locked(*row) for row in rows]


def save(connection: Connection, standings: Sequence[Standing]) -> None:
    """Write back what steps changed, for conversations that this transaction has locked."""
    connection.execute(
        """
        UPDATE conversations AS c SET
            state = n.state::jsonb, language = n.language, level = n.level,
            stopped_at = CASE WHEN n.stopped IS NULL THEN c.stopped_at WHEN n.stopped THEN coalesce(c.stopped_at, now()) END,
            reachable = coalesce(n.reachable, c.reachable), source = coalesce(c.source, n.source),
            profile_name = coalesce(n.profile_name, c.profile_name),
            external_user_id = coalesce(n.external_user_id, c.external_user_id),
            last_inbound_at = greatest(c.last_inbound_at, to_timestamp(n.last_inbound_at)), suppressed = n.suppressed
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::boolean[], %s::text[], %s::text[],
                    %s::text[], %s::float8[], %s::boolean[])
             AS n (id, state, language, level, stopped, reachable, source, profile_name, external_user_id, last_inbound_at,
                   suppressed)
        WHERE c.id = n.id
        """,
        [list(column) for column in zip(*standings, strict=True)],
    )
