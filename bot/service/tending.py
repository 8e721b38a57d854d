"""What time does at the desk: clocks start and run out, offers lapse and go on, lost advisors are noticed.

Nobody who waits is forgotten.
"""

from collections.abc import Mapping

import msgspec

from bot.service import clocks, paging
from bot.service.allocation import match
from bot.service.parts import Parts
from bot.store import audit, changes, inbox, presence, teams, waiting
from bot.store.database import Connection
from bot.store.presence import ABSENT

FORMER = 3 * 86_400.0
"""Seconds for which a tenant who comes back is offered to whoever helped them, if they are there."""
OFFER = 60.0
"""Seconds that an offer lasts."""

KEPT = 86_400.0
"""Seconds for which the stream of changes is kept: far longer than a page is without a connection and comes back."""
FORGETTING = 10.0
"""Seconds of each hour in which old changes are deleted."""


def plans(connection: Connection) -> Mapping[str, clocks.Plan]:
    """Each team's hours and out-of-hours plan."""
    return {name: clocks.Plan(*plan) for name, plan in teams.teams(connection).items()}


def keep(parts: Parts) -> None:
    """What time does at the desk: clocks start, offers lapse and go on, lost advisors are noticed, nobody is forgotten.

    The clock process calls this every second; two at once do no harm. Raises `DatabaseAway`.
    """
    now = parts.clock()
    with parts.database.transaction() as connection:
        _start_clocks(connection, parts, now)
        waiting.lapse_offers(connection, now, now - ABSENT)
        released = waiting.release_abandoned(connection, now - parts.abandoned_after)
        for handoff_id, whose in released:
            audit.record(connection, None, "abandoned", None, handoff=handoff_id, former=whose)
        paging.open_again(connection, parts, [handoff_id for handoff_id, _ in released], now)
        offer_waiting(connection, parts, now)
        waiting.warn(connection, now)
        lapsed = waiting.lapse(connection, now)
        for handoff_id, conversation_id in lapsed:
            fact(connection, conversation_id, "nobody_came", f"nobody_came:{handoff_id}:{now}", {}, now)
    if lapsed:
        parts.bell.ring("talk")


def forget_changes(parts: Parts) -> None:
    """Delete what the stream no longer needs; it is looked for once an hour, and nothing found costs nothing."""
    now = parts.clock()
    if now % 3600 < FORGETTING:
        with parts.database.transaction() as connection:
            changes.forget_old(connection, now - KEPT)


def _start_clocks(connection: Connection, parts: Parts, now: float) -> None:
    started = waiting.lock_unclocked(connection, now - FORMER)
    if not started:
        return
    landlord, hours = parts.library.book().landlord, plans(connection)
    there = {one.staff_id for one in presence.here(connection, now - ABSENT) if one.status == "available"}
    for one in started:
        kept = clocks.keeping(landlord, hours.get(one.team, clocks.Plan()))
        former = one.former if one.former in there else None
        waiting.set_clock(connection, one.id, one.level, clocks.due_at(kept, one.level, one.since), former)


def offer_waiting(connection: Connection, parts: Parts, now: float) -> int:
    """Offer urgent handoffs that nobody is offered to people who are there. Returns how many."""
    unoffered = waiting.lock_unoffered(connection)
    if not unoffered:
        return 0
    landlord, hours = parts.library.book().landlord, plans(connection)
    pairs = match(
        unoffered,
        presence.here(connection, now - ABSENT),
        lambda one: clocks.serving(landlord, hours, one.teams, now),
    )
    for handoff_id, staff_id in pairs:
        waiting.offer(connection, handoff_id, staff_id, now + OFFER)
    return len(pairs)


def fact(
    connection: Connection, conversation_id: int, kind: str, key: str, said: Mapping[str, str], now: float
) -> None:
    """Put what people did, or did not do, into a conversation for the engine, once by its key."""
    inbox.add_fact(connection, [conversation_id], kind, [key], [msgspec.json.encode(dict(said)).decode()], now)
