"""Follow what became of each sent part. Reports come in any order, more than once, and before our own call returns."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

import msgspec

from bot.service import paging
from bot.service.parts import Parts
from bot.store import contacts, inbox, outbox
from bot.store.database import Connection
from channels.errors import Outcome
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

FAILURES = ("failed", "undelivered")

assert set(MAY_FOLLOW) == set(get_args(DeliveryStatus))


class Report(NamedTuple):
    """A delivery report on our row `outbox_id`. at: POSIX seconds."""

    outbox_id: int
    receipt: Receipt
    at: float


def follow(parts: Parts, reports: Sequence[Report]) -> list[bool]:
    """Record delivery reports in one transaction; a failure becomes a fact for the engine.

    Returns for each whether it told something new. Raises `DatabaseAway`.
    """
    rows = [
        outbox.Report(to, found.status, MAY_FOLLOW[found.status], found.code, found.provider_id, at)
        for to, found, at in reports
    ]
    with parts.database.transaction() as connection:
        contacts.hold(connection, [to for to, found, _ in reports if found.status in FAILURES])
        conversations = outbox.report_all(connection, rows)
        failed = [
            (conversation, report)
            for conversation, report in zip(conversations, reports, strict=True)
            if conversation is not None and report.receipt.status in FAILURES
        ]
        paged = _pages_failed(connection, parts, [report for _, report in failed])
        for conversation, report in failed:
            _note_failure(connection, conversation, report, page=report.outbox_id in paged)
    if failed:
        parts.bell.ring("talk")
    return [conversation is not None for conversation in conversations]


def _pages_failed(connection: Connection, parts: Parts, failed: Sequence[Report]) -> set[int]:
    """Pages that never arrived: the next person's turn has come. Returns which of the reports are about pages."""
    outcomes = [(report.outbox_id, False, report.receipt.code) for report in failed]
    return paging.followed(connection, parts, outcomes, parts.clock()) if outcomes else set()


def _note_failure(connection: Connection, conversation: int, report: Report, *, page: bool) -> None:
    """Carriers tell of a stop or a dead number only now (Twilio's error codes), sometimes days after accepting."""
    outcome = report.receipt.outcome or Outcome.UNREACHABLE
    contacts.note_outcomes(connection, [(conversation, outcome)], report.at)
    if page:
        return
    fact = msgspec.json.encode({"outcome": outcome}).decode()
    inbox.add_fact(connection, [conversation], "delivery_failed", [f"receipt:{report.outbox_id}"], [fact], report.at)
