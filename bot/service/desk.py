"""What people do at the desk. One function, one transaction; each act is on record, and what a tenant is told of it is a fact
for the engine, which has the only way out.

A refusal is a value that says why and what to do. Times are POSIX seconds.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

from bot.service import clocks, paging, tending
from bot.service.parts import Parts
from bot.store import audit, desk, inbox, presence, thread, waiting
from bot.store.database import Connection
from bot.store.desk import Case, Ending, Fit
from bot.store.staff import Role, Staff

PASSED_ON = 300.0
"""Seconds in which whoever an urgent handoff was passed on to may take it before people are paged."""
WINDOW = 24 * 3600.0
"""WhatsApp's customer service window (WhatsApp Business Platform, "Send messages")."""
LOOKING = 20.0
READERS = (Role.ADVISOR, Role.SUPERVISOR, Role.SAFETY_LEAD)
OVERSEERS = (Role.SUPERVISOR, Role.SAFETY_LEAD)


class Outcome(StrEnum):
    """What became of a handoff. The first two are the field's two measures of a support line."""

    SUPPORT = "in-the-moment-support"
    AGENCY = "referred-to-agency"
    HOUSING = "housing-action"
    EMERGENCY = "emergency-services"
    ANSWERED = "answered"
    NO_REPLY = "no-reply"
    DUPLICATE = "duplicate"


class Refusal(NamedTuple):
    """Why something was not done. kind: a fixed word for the page and for tests; who: who has it, where that is why."""

    kind: str
    remedy: str
    who: str = ""


class Done(NamedTuple):
    """It was done. id: of the handoff."""

    id: int


Result = Done | Refusal

GONE = Refusal("gone", "It has ended meanwhile. Look at the conversation for how.")
NOT_YOURS = Refusal("not-yours", "Somebody else has it now. Ask them, or ask a supervisor to give it to you.")


class Reply(NamedTuple):
    """Words to a tenant. token: makes a form that is sent twice count once. seen: the newest message the writer had seen.

    template: approved WhatsApp template for after the 24 hours.
    media_url: signed address of a file to send along; file: its name with us.
    """

    text: str
    token: str
    seen: int
    template: str | None = None
    media_url: str | None = None
    file: str = ""


def fit(connection: Connection, parts: Parts, staff: Staff) -> Fit:
    """What somebody may be given now: by their teams, languages, topics and duties."""
    status, _ = presence.status_of(connection, staff.id)
    return Fit(staff.id, _serving(connection, parts, staff.teams), staff.languages, staff.topics, status == "light")


def may_read(connection: Connection, parts: Parts, staff: Staff, case: Case) -> bool:
    """Whether somebody may read a conversation: overseers all, advisors what is their teams' or in their hands."""
    if staff.has(*OVERSEERS):
        return True
    teams = _serving(connection, parts, staff.teams)
    mine = staff.id in (case.claimed_by, case.offered_to, case.for_staff)
    helps = staff.id in dict(desk.helpers(connection, case.id))
    return staff.has(Role.ADVISOR) and (teams is None or case.team in teams or mine or helps)


def _serving(connection: Connection, parts: Parts, teams: tuple[str, ...]) -> Collection[str] | None:
    return clocks.serving(parts.library.book().landlord, tending.plans(connection), teams, parts.clock())


def claim(parts: Parts, staff: Staff, handoff_id: int) -> Result:
    """Take a handoff. Of fifty who try at once one gets it, and the rest are told who has it."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if case is None or not may_read(connection, parts, staff, case):
            return GONE
        if not desk.claim(connection, handoff_id, staff.id, now):
            return _taken(connection, staff, handoff_id)
        _claimed(connection, staff, case, now)
    parts.bell.ring("talk")
    return Done(handoff_id)


def _taken(connection: Connection, staff: Staff, handoff_id: int) -> Result:
    case = desk.find(connection, handoff_id)
    if case is not None and case.state == "claimed":
        return (
            Done(case.id)
            if case.claimed_by == staff.id
            else Refusal("taken", f"{case.claimant} has it.", case.claimant)
        )
    if case is not None and case.state in desk.LIVE:
        return Refusal("offered", "It is being offered to somebody else: it comes to you if they do not take it.")
    return GONE


def _claimed(connection: Connection, staff: Staff, case: Case, now: float) -> None:
    paging.acknowledge(connection, case.id, staff.name, now)
    tending.fact(connection, case.conversation_id, "advisor_claimed", f"claim:{case.id}:{staff.id}:{now}", {}, now)
    audit.record(connection, staff, "claimed", case.conversation_id, handoff=case.id, level=case.level)


def take_next(parts: Parts, staff: Staff) -> Result:
    """Take the most urgent handoff that fits somebody's teams, languages and load."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        mine = presence.here(connection, 0, staff_id=staff.id)
        offered = {case.id for case in desk.offers_to(connection, staff.id, now)}
        if mine and mine[0].load - len(offered) >= mine[0].load_limit:
            return Refusal("full", f"You have {mine[0].load - len(offered)} in hand. Close or pass on one first.")
        case = _claim_first(connection, staff, fit(connection, parts, staff), now)
        if case is None:
            return Refusal("none", "Nobody is waiting whom you can take.")
        _claimed(connection, staff, case, now)
    parts.bell.ring("talk")
    return Done(case.id)


def _claim_first(connection: Connection, staff: Staff, wanted: Fit, now: float) -> Case | None:
    """Others may be taking the same one at this moment; then the one after it."""
    tried: list[int] = []
    while found := desk.next_for(connection, wanted, now, tried):
        if desk.claim(connection, found, staff.id, now):
            return desk.find(connection, found)
        tried.append(found)
    return None


def decline(parts: Parts, staff: Staff, handoff_id: int) -> Result:
    """Let an offer pass to somebody else."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        if not waiting.decline(connection, handoff_id, staff.id, now):
            return _taken(connection, staff, handoff_id)
        audit.record(connection, staff, "declined", None, handoff=handoff_id)
    with parts.database.transaction() as connection:
        tending.offer_waiting(connection, parts, now)
    return Done(handoff_id)


def reply(parts: Parts, staff: Staff, handoff_id: int, words: Reply) -> Result:
    """Answer the tenant, unless something newer came that the writer has not seen, or WhatsApp's window has closed."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        refused = _may_write(connection, staff, case) or _unsendable(connection, case, words, now)
        if case is not None and refused and words.text.strip() and may_read(connection, parts, staff, case):
            thread.save_draft(connection, staff.id, case.conversation_id, words.text, now)
        if case is None or refused:
            return refused or GONE
        said = {"text": words.text, "by": str(staff.id), "name": staff.name}
        more = (("template", words.template), ("media_url", words.media_url), ("file", words.file))
        said |= {key: value for key, value in more if value}
        tending.fact(connection, case.conversation_id, "advisor_replied", f"reply:{words.token}", said, now)
        desk.replied(connection, case.id, now)
        # Whoever writes has seen what was raised since they took it.
        paging.acknowledge(connection, case.id, staff.name, now)
        thread.forget_draft(connection, staff.id, case.conversation_id)
        audit.record(connection, staff, "replied", case.conversation_id, handoff=case.id)
    parts.bell.ring("talk")
    return Done(handoff_id)


def _may_write(connection: Connection, staff: Staff, case: Case | None) -> Refusal | None:
    if case is None or case.state not in desk.LIVE:
        return GONE
    helps = staff.id in dict(desk.helpers(connection, case.id))
    return None if case.state == "claimed" and (case.claimed_by == staff.id or helps) else NOT_YOURS


def _unsendable(connection: Connection, case: Case | None, words: Reply, now: float) -> Refusal | None:
    if case is None:
        return GONE
    if not words.text.strip() and not words.template and not words.media_url:
        return Refusal("empty", "Write something first.")
    standing = thread.standing(connection, case.conversation_id)
    if standing.newest > words.seen:
        return Refusal("newer", "The tenant has written meanwhile. Read it, then send yours as it is or change it.")
    closed = standing.last_inbound_at is None or now - standing.last_inbound_at > WINDOW
    if case.channel == "whatsapp" and closed and not words.template:
        return Refusal("window", "WhatsApp allows only approved templates now: pick one below, or ring the tenant.")
    return None


def note(parts: Parts, staff: Staff, handoff_id: int, kind: str, text: str) -> Result:
    """Keep a note for colleagues; the tenant never sees it. kind: 'note', 'support' or 'safeguarding'."""
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if case is None or not may_read(connection, parts, staff, case):
            return GONE
        if not text.strip():
            return Refusal("empty", "Write something first.")
        thread.add_note(connection, case.conversation_id, staff.id, kind, text, parts.clock())
        audit.record(connection, staff, "noted", case.conversation_id, handoff=case.id, kind=kind)
    return Done(handoff_id)


def transfer(parts: Parts, staff: Staff, handoff_id: int, *, team: str = "", to: int | None = None) -> Result:
    """Pass a handoff on to a team, or first of all to one person; notes and thread go with it."""
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if not (team or to):
            return Refusal("nowhere", "Choose a team or a person.")
        if case is None or not desk.pass_on(connection, handoff_id, staff.id, team=team, to=to):
            return _not_held(case)
        audit.record(connection, staff, "transferred", case.conversation_id, handoff=case.id, team=team, to=to or 0)
        again = waiting.waiting_of(connection, case.conversation_id)
        paging.open_again(connection, parts, again, parts.clock(), wait=PASSED_ON)
        tending.offer_waiting(connection, parts, parts.clock())
    return Done(handoff_id)


def refer(parts: Parts, staff: Staff, handoff_id: int, agency: str, because: str) -> Result:
    """Pass a tenant on to a specialist agency: the handoff ends here, and the bot is there again."""
    if not agency.strip():
        return Refusal("agency", "Name the agency.")
    ending = Ending("transferred", staff.id, parts.clock(), Outcome.AGENCY, agency.strip(), because.strip() or None)
    return _end(parts, staff, handoff_id, ending, "handoff_closed", {"outcome": Outcome.AGENCY})


def give_back(parts: Parts, staff: Staff, handoff_id: int, level: str) -> Result:
    """Give the conversation back to the bot, which knows what was said. level: what the advisor judges it to be now."""
    if level not in ("P2", "P3"):
        return Refusal("level", "Only what is no longer urgent can go back to the bot: P2 or P3.")
    return _end(
        parts, staff, handoff_id, Ending("returned", staff.id, parts.clock()), "handoff_returned", {"level": level}
    )


def withdraw(parts: Parts, staff: Staff, handoff_id: int) -> Result:
    """The tenant no longer wants a person."""
    ending = Ending("withdrawn", staff.id, parts.clock())
    return _end(parts, staff, handoff_id, ending, "handoff_closed", {"outcome": "withdrawn"})


class Closing(NamedTuple):
    """How an advisor closes: with an outcome, the agency where that is one, a reason where it was urgent."""

    outcome: str
    agency: str = ""
    because: str = ""
    survey: bool = False


def close(parts: Parts, staff: Staff, handoff_id: int, closing: Closing) -> Result:
    """Close with an outcome. What was urgent needs a reason, and then a second person's look."""
    with parts.database.connection() as connection:
        case = desk.find(connection, handoff_id)
    if case is None:
        return GONE
    if closing.outcome not in set(Outcome):
        return Refusal("outcome", "Choose what became of it.")
    if closing.outcome == Outcome.AGENCY and not closing.agency.strip():
        return Refusal("agency", "Name the agency.")
    if case.level in ("P0", "P1") and not closing.because.strip():
        return Refusal("because", "This was urgent: say why it can be closed, and what was done.")
    survey = closing.survey and case.level == "P3"
    ending = Ending("closed", staff.id, parts.clock(), closing.outcome, closing.agency or None, closing.because or None)
    return _end(
        parts,
        staff,
        handoff_id,
        ending,
        "handoff_closed",
        {"outcome": closing.outcome, **({"survey": "true"} if survey else {})},
    )


def _end(parts: Parts, staff: Staff, handoff_id: int, ending: Ending, kind: str, said: Mapping[str, str]) -> Result:
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if case is not None and inbox.urgent_unseen(connection, case.conversation_id):
            return Refusal("newer", "The tenant has just written of danger. Read it first.")
        if case is None or not desk.end(connection, handoff_id, ending):
            return _not_held(case)
        paging.end_over(connection, case.conversation_id, ending.at)
        tending.fact(connection, case.conversation_id, kind, f"{kind}:{handoff_id}", said, ending.at)
        audit.record(
            connection, staff, ending.state, case.conversation_id, handoff=handoff_id, outcome=ending.outcome or ""
        )
    parts.bell.ring("talk")
    return Done(handoff_id)


def _not_held(case: Case | None) -> Refusal:
    return GONE if case is None or case.state not in desk.LIVE else NOT_YOURS


def set_level(parts: Parts, staff: Staff, handoff_id: int, level: str) -> Result:
    """Judge how urgent a conversation is. Only a person may lower it, and it is on record who did."""
    if level not in ("P0", "P1", "P2", "P3"):
        return Refusal("level", "Choose a level.")
    now = parts.clock()
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        refused = _may_write(connection, staff, case) if not staff.has(*OVERSEERS) else None
        if case is None or refused:
            return refused or GONE
        desk.set_level(connection, case.conversation_id, level)
        paging.end_over(connection, case.conversation_id, now)
        tending.fact(connection, case.conversation_id, "level_set", f"level:{handoff_id}:{now}", {"level": level}, now)
        audit.record(
            connection, staff, "level_set", case.conversation_id, handoff=handoff_id, before=case.level, after=level
        )
    parts.bell.ring("talk")
    return Done(handoff_id)


def look_again(parts: Parts, staff: Staff, handoff_id: int) -> Result:
    """A second person has looked at how an urgent handoff was closed."""
    with parts.database.transaction() as connection:
        if not desk.second_look(connection, handoff_id, staff.id, parts.clock()):
            return Refusal("second-look", "Somebody else than whoever closed it must look, and once is enough.")
        audit.record(connection, staff, "second_look", None, handoff=handoff_id)
    return Done(handoff_id)


def join(parts: Parts, staff: Staff, handoff_id: int) -> Result:
    """Help the advisor who has it: ring 999 while they keep writing."""
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if case is None or not may_read(connection, parts, staff, case):
            return GONE
        desk.join(connection, handoff_id, staff.id, parts.clock())
        audit.record(connection, staff, "joined", case.conversation_id, handoff=handoff_id)
    return Done(handoff_id)


def ask_help(parts: Parts, staff: Staff, handoff_id: int) -> Result:
    """Call a colleague to one's side: everybody who sees this queue is told at once, and one of them joins."""
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        refused = _may_write(connection, staff, case)
        if case is None or refused:
            return refused or GONE
        desk.ask_help(connection, case, parts.clock())
        audit.record(connection, staff, "help_asked", case.conversation_id, handoff=handoff_id)
    return Done(handoff_id)


def take_over(parts: Parts, staff: Staff, handoff_id: int) -> Result:
    """A supervisor takes what somebody else holds."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if case is None or case.claimed_by is None:
            return GONE
        if not staff.has(*OVERSEERS) or not desk.take_over(connection, handoff_id, case.claimed_by, staff.id, now):
            return NOT_YOURS
        audit.record(connection, staff, "took_over", case.conversation_id, handoff=handoff_id, former=case.claimed_by)
    return Done(handoff_id)


def set_presence(parts: Parts, staff: Staff, status: str, limit: int | None = None) -> None:
    """Say whether somebody can take handoffs, and how many at a time; what waits then flows by itself.

    Raises ValueError for an unknown status.
    """
    if status not in presence.STATUSES:
        raise ValueError(f"{status!r} is no status: {', '.join(presence.STATUSES)}")
    now = parts.clock()
    with parts.database.transaction() as connection:
        presence.set_status(connection, staff.id, status, now)
        if limit is not None:
            presence.set_limit(connection, staff.id, limit, now)
        audit.record(connection, staff, "presence", None, status=status)
    tending.keep(parts)


def beat(parts: Parts, staff: Staff, conversation_id: int | None = None, *, typing: bool = False) -> None:
    """A sign of life from somebody's page, and which conversation it shows."""
    with parts.database.transaction() as connection:
        presence.beat(connection, staff.id, parts.clock())
        if conversation_id is not None:
            presence.look(connection, conversation_id, staff.id, parts.clock(), typing=typing)
