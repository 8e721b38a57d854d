"""Inbox rows that are no message, read as the engine's facts: what our own side did, and what became of it."""

from collections.abc import Mapping

import msgspec

from bot.engine import events
from bot.engine.events import Event
from bot.store.inbox import Pending

FACTS: Mapping[str, type[Event]] = {
    "timer": events.TimerFired,
    "delivery_failed": events.DeliveryFailed,
    "page_accepted": events.PageAccepted,
    "page_acknowledged": events.PageAcknowledged,
    "nobody_on_call": events.NobodyOnCall,
    "nobody_came": events.NobodyCame,
    "advisor_claimed": events.AdvisorClaimed,
    "advisor_replied": events.AdvisorReplied,
    "handoff_returned": events.HandoffReturned,
    "handoff_closed": events.HandoffClosed,
    "level_set": events.LevelSet,
}
"""The kinds there are, by the name that the row has."""
_said = msgspec.json.Decoder(dict[str, str]).decode


def read(row: Pending) -> Event:
    """The fact that a row of one of `FACTS` is. Raises `msgspec.MsgspecError` if its payload does not fit its kind."""
    kind = FACTS[row.kind]
    said = {**_said(row.payload), "type": kind.__name__, "at": row.at, "id": row.id}
    return msgspec.convert(said, kind, strict=False)
