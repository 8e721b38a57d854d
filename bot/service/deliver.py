"""Send what is due: many conversations at once, each in order, and never waiting for a provider inside a transaction.

Each turn of the loop records what has come back and claims what may go next, in one transaction; the calls themselves
run on threads in between.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import msgspec

from bot.log import get
from bot.service import paging
from bot.service.converse import BUDGET
from bot.service.parts import Parts
from bot.service.retry import LEASE, Next, decide
from bot.store import contacts, inbox, outbox
from bot.store.database import Connection, DatabaseAway
from bot.store.outbox import Claimed, Result
from channels.errors import Outcome, Sent, Unavailable
from channels.messages import Channel, Part, SendContext

AT_ONCE = 32
"""Calls of providers under way in one process."""
NEXT_LOOK = 0.01
"""Seconds after which to look for more to send while calls are under way."""
GATHER = 0.003
"""Seconds to let further answers come in once one has, so that they share a transaction."""
WINDOW = 24 * 3600.0
"""Seconds after a tenant's last message during which WhatsApp takes free text (Meta's customer service window)."""
CLOCK_SLACK = 60.0
"""Seconds by which a provider's clock may be behind ours when it is asked what it has sent."""
FULL_PAUSE = 0.05
"""Seconds to wait when a sender has used up its rate."""
WE_HELD_BACK = "stopped"
"""Code of a part that was not sent because its tenant has said STOP."""
KEEP_TRYING = 30.0
"""Seconds to go on trying to record what providers answered, while PostgreSQL is away. A process that ends has 3."""

log = get(__name__)
_part = msgspec.json.Decoder(Part).decode


@dataclass(slots=True)
class Round:
    """What the senders are doing now: calls under way, and results not recorded yet."""

    flying: dict[Future[Sent], Claimed] = field(default_factory=dict)
    landed: list[tuple[Claimed, Sent]] = field(default_factory=list)

    def gather(self) -> None:
        """Wait a moment for a call to come back, and take along all that have."""
        if not self.flying:
            return
        # No longer than a moment: other conversations must not wait for a slow provider's answer to one.
        wait(self.flying, timeout=None if len(self.flying) == AT_ONCE else NEXT_LOOK, return_when=FIRST_COMPLETED)
        if len(self.flying) > 1:
            time.sleep(GATHER)
        for future in [future for future in self.flying if future.done()]:
            self.landed.append((self.flying.pop(future), future.result()))


def drain(parts: Parts, pool: ThreadPoolExecutor, *, urgent_only: bool, budget: float = BUDGET) -> int:
    """Send whatever is due until nothing is. Returns how many calls were made. Raises `DatabaseAway`.

    pool: threads for the calls, `AT_ONCE` of them. After `budget` seconds nothing new is claimed and the queue is rung.
    """
    current = Round()
    try:
        return _drain(parts, pool, current, urgent_only, budget)
    except Exception:
        _land(parts, current)
        raise


def _drain(parts: Parts, pool: ThreadPoolExecutor, current: Round, urgent_only: bool, budget: float) -> int:
    made, until = 0, time.monotonic() + budget
    while True:
        late = time.monotonic() > until or parts.stopping.is_set()
        claimed, full = _turn(parts, current, 0 if late else AT_ONCE - len(current.flying), urgent_only)
        for row in claimed:
            current.flying[pool.submit(attempt, parts.channels.get(row.sender), row, parts.clock)] = row
        made += len(claimed)
        if not current.flying:
            if late or not full:
                break
            time.sleep(FULL_PAUSE)
        current.gather()
    if late:
        parts.bell.ring("urgent" if urgent_only else "send")
    return made


def _land(parts: Parts, current: Round) -> None:
    """Wait for the calls under way and record them once that can be done: what nobody records is sent again."""
    until = time.monotonic() + (3.0 if parts.stopping.is_set() else KEEP_TRYING)
    while current.flying or current.landed:
        current.gather()
        try:
            _record_landed(parts, current)
        except DatabaseAway:
            if not current.flying and time.monotonic() > until:
                log.error(
                    "answers_not_recorded", count=len(current.landed), remedy="they are decided on after their lease"
                )
                return
            time.sleep(FULL_PAUSE)


def _record_landed(parts: Parts, current: Round) -> None:
    with parts.database.transaction() as connection:
        failed = settle(connection, current.landed, parts, parts.clock())
    current.landed = []
    parts.bell.ring("send", "urgent", *(("talk",) if failed else ()))


def _turn(parts: Parts, current: Round, free: int, urgent_only: bool) -> tuple[list[Claimed], bool]:
    """Record what has landed and claim what may fly. Returns the claims, and whether a sender's rate held some back."""
    now = parts.clock()
    room = parts.rates.room(free, urgent=urgent_only) if free else {}
    with parts.database.transaction() as connection:
        failed = settle(connection, current.landed, parts, now)
        claimed = outbox.claim(connection, room, now=now, lease=LEASE, urgent_only=urgent_only) if room else []
        full = free > 0 and not claimed and min(room.values()) < free and outbox.any_due(connection, now, urgent_only)
    # Only now: what a failed commit did not record must still be known.
    current.landed = []
    if claimed:
        parts.rates.spend(Counter(row.sender for row in claimed))
    if failed:
        parts.bell.ring("talk")
    return claimed, full


def attempt(channel: Channel | None, row: Claimed, clock: Callable[[], float]) -> Sent:
    """Make one call, unless it need not be made. Never raises: one row must not take the others down. clock: POSIX seconds."""
    try:
        return _attempt(channel, row, clock)
    except Exception as error:
        log.exception("attempt_failed", outbox=row.id, channel=row.sender, error=type(error).__name__)
        return Sent(Outcome.UNKNOWN, code="defect")


def _attempt(channel: Channel | None, row: Claimed, clock: Callable[[], float]) -> Sent:
    if row.received:
        return Sent(Outcome.ACCEPTED)
    if channel is None:
        return Sent(Outcome.MISCONFIGURED, code="channel_off")
    if row.stopped and row.purpose == "proactive":
        return Sent(Outcome.OPTED_OUT, code=WE_HELD_BACK)
    try:
        part = _part(row.part)
    except msgspec.DecodeError:
        log.error("part_unreadable", outbox=row.id, remedy="was a newer release rolled back?")
        return Sent(Outcome.REJECTED, code="part_unreadable")
    find = getattr(channel, "find_sent", None)
    if row.verify and find is not None:
        try:
            found = find(part, row.first_tried_at - CLOCK_SLACK, row.known or ())
        except Unavailable:
            return Sent(Outcome.UNKNOWN, code="look_up")
        if found is not None:
            return Sent(Outcome.ACCEPTED, provider_id=found)
    closes = None if row.last_inbound_at is None else row.last_inbound_at + WINDOW
    return channel.send(part, SendContext(message_id=str(row.id), now=clock(), window_closes_at=closes))


def settle(connection: Connection, landed: Sequence[tuple[Claimed, Sent]], parts: Parts, now: float) -> bool:
    """Record what became of claimed rows. Returns whether something failed for good, which the engine must hear of.

    now: POSIX seconds.
    """
    if not landed:
        return False
    decided = [(row, sent, next_for(parts, row, sent, now)) for row, sent in landed]
    contacts.hold(connection, [row.id for row, _, step in decided if step.state == "failed"])
    written = set(outbox.record(connection, [_result(row, sent, step, now) for row, sent, step in decided], now))
    _follow_pages(connection, parts, [one for one in decided if one[0].id in written], now)
    lost = [(row, sent) for row, sent, step in decided if step.state == "failed" and row.id in written]
    for row, sent in lost:
        log.warning("send_failed", outbox=row.id, channel=row.sender, outcome=sent.outcome, code=sent.code)
    # What we held back ourselves tells nothing new, and must not undo a START that has come in since it was claimed.
    lost = [(row, sent) for row, sent in lost if sent.code != WE_HELD_BACK]
    contacts.note_outcomes(connection, [(row.conversation_id, sent.outcome) for row, sent in lost], now)
    # A page's tenant is not the one it was sent to, and its own ladder goes on.
    lost = [(row, sent) for row, sent in lost if row.purpose != "page"]
    facts = [msgspec.json.encode({"outcome": sent.outcome}).decode() for _, sent in lost]
    ids, keys = [row.conversation_id for row, _ in lost], [f"outbox:{row.id}" for row, _ in lost]
    return bool(lost) and inbox.add_fact(connection, ids, "delivery_failed", keys, facts, now) > 0


def _follow_pages(
    connection: Connection, parts: Parts, decided: Sequence[tuple[Claimed, Sent, Next]], now: float
) -> None:
    outcomes = [
        (row.id, step.state == "sent", sent.code)
        for row, sent, step in decided
        if row.purpose == "page" and step.state in ("sent", "failed")
    ]
    if outcomes:
        paging.followed(connection, parts, outcomes, now)
        parts.bell.ring("urgent")


def next_for(parts: Parts, row: Claimed, sent: Sent, now: float) -> Next:
    """Apply the retry table to one attempt. now: POSIX seconds."""
    return decide(
        sent.outcome,
        purpose=row.purpose,
        attempts=row.attempts,
        age=now - row.created_at,
        retry_after=sent.retry_after,
        can_look_up=hasattr(parts.channels.get(row.sender), "find_sent"),
        jitter=random.random,
    )


def _result(row: Claimed, sent: Sent, step: Next, now: float) -> Result:
    return Result(
        row.id, row.claim, step.state, sent.outcome, sent.code, step.verify, now + step.delay, sent.provider_id
    )
