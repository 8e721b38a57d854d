"""Take in what a provider delivered: screen it, store it once, and only then let the provider hear that it arrived."""

import threading
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from bot.log import get
from bot.nlu.understanding import Signal
from bot.queues import QueueName
from bot.service import receipts, upkeep
from bot.service.parts import Parts
from bot.service.receipts import Report
from bot.service.spool import SpooledInbound, SpooledReceipt
from bot.service.together import Together
from bot.store import inbox
from bot.store.database import DatabaseAway, ValuesRefused
from channels.messages import Inbound

REPLAY_EVERY = 1.0
"""Seconds between looks at the spool."""

log = get(__name__)


class Kept(StrEnum):
    """Where an arrival is safe."""

    STORED = "stored"
    REPEATED = "repeated"
    SPOOLED = "spooled"


class Arrival(NamedTuple):
    """Something a tenant said or did, and when it came, in POSIX seconds.

    answered: the webhook has said the crisis words for it itself.
    """

    inbound: Inbound
    at: float
    answered: bool = False


class Intake:
    """A web process's way in: what arrives at once is committed together."""

    def __init__(self, parts: Parts) -> None:
        self.messages = Together[Arrival, Kept](lambda arrivals: store(parts, arrivals), name="messages")
        self.reports = Together[Report, bool](lambda reports: receipts.follow(parts, reports), name="reports")

    def close(self) -> None:
        """Write what was asked for and stop."""
        self.messages.close()
        self.reports.close()


def receive(parts: Parts, inbound: Inbound, at: float) -> Kept:
    """Store one arrival in PostgreSQL, or spool it while PostgreSQL is away. at: POSIX seconds of receipt.

    Raises `SpoolUnwritable` if neither can be done: whoever delivered it must then keep it.
    """
    if not parts.spool.holds_any():
        try:
            return store(parts, [Arrival(inbound, at)])[0]
        except (DatabaseAway, ValuesRefused) as error:
            log.warning("not_stored", kept="spool", channel=inbound.channel, error=type(error).__name__)
    parts.spool.put(SpooledInbound(inbound, at), at)
    return Kept.SPOOLED


def store(parts: Parts, arrivals: Sequence[Arrival]) -> list[Kept]:
    """Store arrivals in one transaction and ring for them. Raises `DatabaseAway` or `ValuesRefused`."""
    signals = [screen(parts, arrival.inbound.text) for arrival in arrivals]
    screened = [(one.inbound, signal, one.at, one.answered) for one, signal in zip(arrivals, signals, strict=True)]
    with parts.database.connection() as connection:
        added = inbox.add_all(connection, screened)
        for arrival, found in zip(arrivals, added, strict=True):
            if found.inbox_id is None:
                _compare_repeat(arrival.inbound, inbox.text_of(connection, arrival.inbound))
    parts.bell.ring(*_queues(arrivals, signals))
    return [Kept.REPEATED if found.inbox_id is None else Kept.STORED for found in added]


def screen(parts: Parts, text: str) -> Signal:
    """Read one message for distress. What the reader fails on is stored all the same, and goes to a person (P2)."""
    try:
        return parts.screen([text]) if text else Signal()
    except Exception as error:
        log.exception("screening_failed", error=type(error).__name__)
        return Signal(level="P2")


def _queues(arrivals: Sequence[Arrival], signals: Sequence[Signal]) -> set[QueueName]:
    queues: set[QueueName] = {"urgent" if signal.urgent else "talk" for signal in signals}
    return queues | {"media"} if any(arrival.inbound.media for arrival in arrivals) else queues


def _compare_repeat(inbound: Inbound, stored: str | None) -> None:
    """A provider repeats a webhook word for word; anything else deserves an operator's eye, and changes nothing."""
    if stored is not None and stored != inbound.text:
        log.warning("repeated_id_with_other_text", channel=inbound.channel)


def replay(parts: Parts) -> int:
    """Store what was spooled, oldest first, and return how many. Raises `DatabaseAway` while it still is."""

    def put_back(spooled: SpooledInbound | SpooledReceipt) -> None:
        if isinstance(spooled, SpooledInbound):
            store(parts, [Arrival(spooled.inbound, spooled.at, spooled.answered)])
        else:
            receipts.follow(parts, [Report(spooled.outbox_id, spooled.receipt, spooled.at)])

    return parts.spool.replay(put_back)


def replay_all(parts: Parts) -> None:
    """Replay until the spool is empty. Raises `DatabaseAway`.

    Under a steady load, what came meanwhile is there too, and all that is new would follow it for ever.
    """
    while count := replay(parts):
        log.info("spool_replayed", count=count)


def start_replaying(parts: Parts) -> threading.Thread:
    """Replay whenever something is spooled, in a thread of each process that takes messages."""
    return upkeep.start(parts, "replay", replay_all, REPLAY_EVERY)
