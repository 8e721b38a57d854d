"""Searching the audit, which is itself an act in it."""

from dataclasses import dataclass

from bot.service.parts import Parts
from bot.store import audit
from bot.store.audit import Act, Wanted
from bot.store.staff import Staff

PAGE = 50
"""Acts on one page."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found, the newest first. older: where the next page begins, None if there is none."""

    acts: list[Act]
    older: int | None


def search(parts: Parts, staff: Staff, wanted: Wanted) -> Found:
    """Find acts, and record that somebody looked: for whom, and at which conversation."""
    with parts.database.transaction() as connection:
        acts = audit.search(connection, wanted, PAGE + 1)
        audit.record(connection, staff, "audit_searched", wanted.conversation_id, account=wanted.staff_id)
    more = len(acts) > PAGE
    return Found(acts[:PAGE], acts[PAGE - 1].id if more else None)


def kinds(parts: Parts) -> list[str]:
    """Every kind of act there is."""
    with parts.database.connection() as connection:
        return audit.kinds(connection)
