"""The people behind conversations: where they can be reached, what they consented to, what came of them before; finding them,
and saying that two conversations are with one person."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.service import desk as service
from bot.service.desk import GONE, OVERSEERS, Done, Refusal, Result
from bot.service.parts import Parts
from bot.store import audit, desk, thread
from bot.store.database import Connection
from bot.store.desk import Case, Closed
from bot.store.staff import Staff
from bot.store.thread import Consent, Found, Tenant

FEWEST = 2
"""Characters of a search: one would find nearly everybody."""


@dataclass(frozen=True)
class Card:
    """All that is known of a person. tenant: of the conversation that was asked for. contacts: of all of theirs, that one first.

    cases: every time they waited for a person, the newest first.
    """

    tenant: Tenant
    contacts: Sequence[Tenant]
    consents: Sequence[Consent]
    cases: Sequence[Case]


def read(parts: Parts, staff: Staff, conversation_id: int, *, record: bool = True) -> Card | Refusal:
    """A person's card. record: put the reading into the audit; the answer to a form is none of its own."""
    with parts.database.transaction() as connection:
        tenant = thread.tenant(connection, conversation_id)
        if tenant is None or not may_see(connection, parts, staff, tenant):
            return GONE
        if record:
            audit.record(connection, staff, "tenant_read", conversation_id)
        others = (thread.tenant(connection, other) for other in tenant.linked if other != conversation_id)
        return Card(
            tenant,
            [tenant, *(other for other in others if other)],
            thread.consents(connection, tenant.linked),
            _cases(connection, tenant),
        )


def _cases(connection: Connection, tenant: Tenant) -> list[Case]:
    found = [case for one in tenant.linked for case in desk.of_conversation(connection, one)]
    return sorted(found, key=lambda case: case.opened_at, reverse=True)


def may_see(connection: Connection, parts: Parts, staff: Staff, tenant: Tenant) -> bool:
    """Whether somebody may see a tenant: overseers all, advisors those of whom they may read some handoff."""
    if staff.has(*OVERSEERS):
        return True
    return any(service.may_read(connection, parts, staff, case) for case in _cases(connection, tenant))


def search(parts: Parts, staff: Staff, words: str) -> list[Found] | Refusal:
    """Conversations by name, number, reference or words, as far as somebody may read them. What was asked is not kept."""
    if len(words.strip()) < FEWEST:
        return Refusal("short", "Enter two characters or more.")
    with parts.database.transaction() as connection:
        audit.record(connection, staff, "searched")
        teams = None if staff.has(*OVERSEERS) else service.fit(connection, parts, staff).teams
        return thread.search(connection, words.strip(), teams, staff.id, unhanded=staff.has(*OVERSEERS))


def link(parts: Parts, staff: Staff, conversation_id: int, other_id: int) -> Result:
    """Say that two conversations are with one person. Each is shown with the other from now on."""
    with parts.database.transaction() as connection:
        pair = [thread.tenant(connection, one) for one in (conversation_id, other_id)]
        known = [one for one in pair if one is not None and may_see(connection, parts, staff, one)]
        if len(known) < 2:
            return GONE
        if other_id in known[0].linked:
            return Refusal("linked", "They are linked already.")
        name = next((one.name for one in known if one.name), "")
        thread.link(connection, conversation_id, other_id, name, parts.clock())
        audit.record(connection, staff, "linked", conversation_id, other=other_id)
    return Done(conversation_id)


def unlink(parts: Parts, staff: Staff, conversation_id: int) -> Result:
    """Say that a conversation is with somebody else after all."""
    with parts.database.transaction() as connection:
        tenant = thread.tenant(connection, conversation_id)
        if tenant is None or not may_see(connection, parts, staff, tenant):
            return GONE
        thread.unlink(connection, conversation_id)
        audit.record(connection, staff, "unlinked", conversation_id, person=tenant.person_id)
    return Done(conversation_id)


def unlooked(parts: Parts, staff: Staff) -> list[Closed]:
    """Urgent handoffs that wait for a second person's look, the oldest first."""
    with parts.database.transaction() as connection:
        audit.record(connection, staff, "second_looks_read")
        return desk.unlooked(connection)
