"""Take in what a provider delivered: screen it, store it once, and only then let the provider hear that it arrived."""

import threading
from enum import StrEnum

from bot.log import get
from bot.nlu.understanding import Signal
from bot.service import receipts
from bot.service.parts import Parts
from bot.service.spool import SpooledInbound, SpooledReceipt
from bot.store import inbox
from bot.store.database import DatabaseAway
from channels.messages import Inbound, Receipt

REPLAY_EVERY = 1.0
"""Seconds between looks at the spool."""

log = get(__name__)


class Kept(StrEnum):
    """Where an arrival is safe."""

    STORED = "stored"
    REPEATED = "repeated"
    SPOOLED = "spooled"


def receive(parts: Parts, inbound: Inbound, at: float) -> Kept:
    """Store one arrival in PostgreSQL, or spool it while PostgreSQL is away. at: POSIX seconds of receipt.

    Raises `SpoolUnwritable` if neither can be done: the provider must then be told to try again.
    """
    if parts.spool.holds_any():
        return spool(parts, inbound, at)
    try:
        return store(parts, inbound, at)
    except DatabaseAway:
        log.warning("database_away", kept="spool", channel=inbound.channel)
        return spool(parts, inbound, at)


def spool(parts: Parts, inbound: Inbound, at: float) -> Kept:
    """Keep one arrival on disk until PostgreSQL is back. Raises `SpoolUnwritable`."""
    parts.spool.put(SpooledInbound(inbound, at), at)
    return Kept.SPOOLED


def store(parts: Parts, inbound: Inbound, at: float) -> Kept:
    """Store one arrival and ring for it. Raises `DatabaseAway`."""
    signal = parts.screen([inbound.text]) if inbound.text else Signal()
    with parts.database.connection() as connection:
        added = inbox.add(connection, inbound, signal, at)
        if added.inbox_id is None:
            _compare_repeat(inbound, inbox.text_of(connection, inbound))
            return Kept.REPEATED
    parts.bell.ring("urgent" if signal.urgent else "talk", *(("media",) if inbound.media else ()))
    return Kept.STORED


def _compare_repeat(inbound: Inbound, stored: str | None) -> None:
    """A provider repeats a webhook word for word; anything else deserves an operator's eye, and changes nothing."""
    if stored is not None and stored != inbound.text:
        log.warning("repeated_id_with_other_text", channel=inbound.channel)


def follow(parts: Parts, outbox_id: int, receipt: Receipt, at: float) -> Kept:
    """Take in a delivery report as `receive` takes in a message."""
    if not parts.spool.holds_any():
        try:
            receipts.follow(parts, outbox_id, receipt, at)
        except DatabaseAway:
            log.warning("database_away", kept="spool", channel="receipt")
        else:
            return Kept.STORED
    parts.spool.put(SpooledReceipt(receipt, outbox_id, at), at)
    return Kept.SPOOLED


def replay(parts: Parts) -> int:
    """Store what was spooled, oldest first, and return how many. Raises `DatabaseAway` while it still is."""

    def put_back(spooled: SpooledInbound | SpooledReceipt) -> None:
        if isinstance(spooled, SpooledInbound):
            store(parts, spooled.inbound, spooled.at)
        else:
            receipts.follow(parts, spooled.outbox_id, spooled.receipt, spooled.at)

    return parts.spool.replay(put_back)


def keep_replaying(parts: Parts) -> None:
    """Replay whenever something is spooled, until the process stops. Runs in a thread of each web process."""
    while not parts.stopping.wait(REPLAY_EVERY):
        if parts.spool.holds_any():
            try:
                log.info("spool_replayed", count=replay(parts))
            except DatabaseAway:
                log.warning("spool_waits")


def start_replaying(parts: Parts) -> threading.Thread:
    """Start `keep_replaying` in a daemon thread."""
    thread = threading.Thread(target=keep_replaying, args=(parts,), name="replay", daemon=True)
    thread.start()
    return thread
