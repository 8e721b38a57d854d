"""Find what time or an accident has left due, and ring for it. The clock process calls this; two at once do no harm."""

import msgspec

from bot.log import get
from bot.queues import QueueName
from bot.service import paging, tending
from bot.service.deliver import settle
from bot.service.parts import Parts
from bot.service.retry import LEASE
from bot.store import due, inbox, outbox, timers
from bot.store.database import DatabaseAway, ValuesRefused
from channels.errors import Outcome, Sent

EVERY = 1.0
"""Seconds between sweeps."""
UNRUNG = 1.0
"""Seconds after which something due counts as not rung for."""

log = get(__name__)


def sweep(parts: Parts) -> list[QueueName]:
    """Fire due timers, take over abandoned sends, and return the queues that have something waiting unrung.

    Raises `DatabaseAway`. What goes wrong with one kind of work does not stop the others: people in danger come first.
    """
    away: DatabaseAway | None = None
    for act in (paging.climb_due, tending.keep, take_over, fire_timers, tending.forget_changes):
        try:
            act(parts)
        except ValuesRefused as refused:
            log.error("sweep_refused", act=act.__name__, problem=str(refused))
        except DatabaseAway as error:
            away = error
        except Exception as error:
            log.exception("sweep_failed", act=act.__name__, error=type(error).__name__)
    if away is not None:
        raise away
    with parts.database.connection() as connection:
        return due.queues_waiting(connection, parts.clock() - UNRUNG)


def fire_timers(parts: Parts) -> int:
    """Turn timers that have come due into facts for the engine, each exactly once. Returns how many."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        fired = timers.take_due(connection, now)
        if fired:
            inbox.add_fact(
                connection,
                [conversation for conversation, _, _ in fired],
                "timer",
                [f"timer:{name}:{conversation}:{started_by}" for conversation, name, started_by in fired],
                [_payload(name) for _, name, _ in fired],
                now,
            )
    if fired:
        parts.bell.ring("talk")
    return len(fired)


def _payload(name: str) -> str:
    return msgspec.json.encode({"name": name}).decode()


def take_over(parts: Parts) -> int:
    """Decide on sends whose worker vanished before it could record the answer: their outcome is unknown."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        stale = outbox.take_stale(connection, now=now, lease=LEASE)
        landed = [(row, Sent(Outcome.ACCEPTED if row.received else Outcome.UNKNOWN, code="lease")) for row in stale]
        failed = settle(connection, landed, parts, now)
    if stale:
        log.warning("sends_taken_over", count=len(stale))
        parts.bell.ring("send", "urgent", *(("talk",) if failed else ()))
    return len(stale)
