"""Follow what became of each sent part. Reports come in any order, more than once, and before our own call returns."""

from collections.abc import Mapping
from typing import get_args

import msgspec

from bot.engine.events import DeliveryFailed
from bot.service.parts import Parts
from bot.store import inbox, outbox
from channels.messages import DeliveryStatus, Receipt

MAY_FOLLOW: Mapping[str, tuple[str, ...]] = {
    "queued": (),
    "sent": ("queued",),
    "delivered": ("queued", "sent"),
    "read": ("queued", "sent", "delivered"),
    "undelivered": ("queued", "sent"),
    "failed": ("queued", "sent"),
}
"""Which statuses each may replace. Twilio: a terminal status is never left, except delivered for read."""

assert set(MAY_FOLLOW) == set(get_args(DeliveryStatus))


def follow(parts: Parts, outbox_id: int, receipt: Receipt, at: float) -> bool:
    """Record a delivery report; a failure becomes a fact for the engine. at: POSIX seconds.

    Returns False for an unknown row or a status that the row has passed. Raises `DatabaseAway`.
    """
    failed = receipt.status in ("failed", "undelivered")
    with parts.database.transaction() as connection:
        conversation = outbox.receipt(
            connection,
            outbox_id,
            status=receipt.status,
            after=MAY_FOLLOW[receipt.status],
            code=receipt.code,
            provider_id=receipt.provider_id,
            at=at,
        )
        if conversation is not None and failed:
            fact = msgspec.json.encode({"outcome": "unreachable"}).decode()
            inbox.add_fact(connection, [conversation], "delivery_failed", [f"receipt:{outbox_id}"], [fact], at)
    if conversation is not None and failed:
        parts.bell.ring("talk")
    return conversation is not None


def as_event(payload: str, at: float, row_id: int) -> DeliveryFailed:
    """The engine's view of a `delivery_failed` row. at: POSIX seconds."""
    return DeliveryFailed(at=at, id=row_id, outcome=str(msgspec.json.decode(payload)["outcome"]))
