"""All that an advisor sees of a conversation at once: who it is, what was said, what they have told already, and what helps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.service import desk as service
from bot.service.desk import GONE, OVERSEERS, WINDOW, Refusal
from bot.service.parts import Parts
from bot.store import audit, desk, presence, thread
from bot.store.database import Connection
from bot.store.desk import Case
from bot.store.staff import Staff
from bot.store.thread import Line, Tenant
from flows.schema import BASE_LANGUAGE, Book, Helpline
from flows.texts import filled

RESTRICTED = ("support", "safeguarding")
"""Notes that only whoever has or had the conversation, a supervisor or the safety lead may read."""
LINES = 200


class Piece(NamedTuple):
    """A part of a message; `concern` names why it was raised, and is empty for the rest."""

    text: str
    concern: str


class Answer(NamedTuple):
    """An approved answer, ready to send."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Dossier:
    """What a conversation's page shows.

    newest: id of the tenant's newest message, for the reply's check. closes_at: when WhatsApp's window closes, None on other
    channels. told: what the tenant has said already, by label. others: (name, whether they write) of those who look at it.
    may_write: whether this reader holds it or helps.
    """

    case: Case
    tenant: Tenant
    lines: Sequence[Line]
    earlier: bool
    told: Mapping[str, str]
    helpers: Sequence[tuple[int, str]]
    others: Sequence[tuple[str, bool]]
    draft: str
    newest: int
    closes_at: float | None
    may_write: bool
    restricted: bool
    helplines: Sequence[Helpline]
    now: float

    @property
    def window_closed(self) -> bool:
        """Whether WhatsApp takes only templates now."""
        return self.closes_at is not None and self.closes_at <= self.now

    @property
    def urgent(self) -> bool:
        """Whether it is at P0 or P1."""
        return self.case.level in ("P0", "P1")


def read(parts: Parts, staff: Staff, handoff_id: int, *, record: bool = True) -> Dossier | Refusal:
    """Everything of a conversation that somebody may see. record: put the reading into the audit; a refresh is none."""
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if case is None or not service.may_read(connection, parts, staff, case):
            return GONE
        tenant = thread.tenant(connection, case.conversation_id)
        if tenant is None:
            return GONE
        if record:
            audit.record(connection, staff, "conversation_read", case.conversation_id, handoff=case.id)
        presence.look(connection, case.conversation_id, staff.id, parts.clock(), typing=False)
        return _dossier(connection, parts, staff, case, tenant)


def _dossier(connection: Connection, parts: Parts, staff: Staff, case: Case, tenant: Tenant) -> Dossier:
    now, book = parts.clock(), parts.library.book()
    restricted = staff.has(*OVERSEERS) or staff.id in (case.claimed_by, *_former(connection, case))
    kinds = ("note", *RESTRICTED) if restricted else ("note",)
    lines = thread.lines(connection, tenant.linked, kinds, most=LINES + 1)
    helpers = desk.helpers(connection, case.id)
    standing = thread.standing(connection, case.conversation_id)
    return Dossier(
        case=case,
        tenant=tenant,
        lines=lines[-LINES:],
        earlier=len(lines) > LINES,
        told=told(book, case.fields, tenant.fields),
        helpers=helpers,
        others=presence.others_looking(connection, case.conversation_id, staff.id, now - service.LOOKING),
        draft=thread.draft(connection, staff.id, case.conversation_id),
        newest=standing.newest,
        closes_at=(standing.last_inbound_at or 0.0) + WINDOW if case.channel == "whatsapp" else None,
        may_write=case.state == "claimed" and (case.claimed_by == staff.id or staff.id in dict(helpers)),
        restricted=restricted,
        helplines=lines_for(book, case),
        now=now,
    )


def _former(connection: Connection, case: Case) -> Iterator[int]:
    """Those who had this tenant's handoffs before."""
    rows = connection.execute(
        "SELECT ended_by FROM handoffs WHERE conversation_id = %s AND ended_by IS NOT NULL", (case.conversation_id,)
    ).fetchall()
    return (row[0] for row in rows)


def told(book: Book, *fields: Mapping[str, str]) -> Mapping[str, str]:
    """What the tenant has told already, by the labels that the flows give it, so that nobody asks again."""
    labels = {slot: label for flow in book.flows.values() for slot, label in flow.slots.items()}
    given = {name: value for part in fields for name, value in part.items() if value}
    return {
        labels.get(name, name.replace("_", " ").replace("-", " ").capitalize()): value for name, value in given.items()
    }


def lines_for(book: Book, case: Case) -> list[Helpline]:
    """Verified lines of the landlord's nation, those for this concern first."""
    nation, concern = book.landlord.nation, case.reason
    here = [line for line in book.helplines if line.enabled and nation in line.nations]
    return sorted(here, key=lambda line: (concern not in line.concerns, "any" not in line.concerns))


def pieces(line: Line) -> list[Piece]:
    """A message cut at the evidence that raised it."""
    evidence = (line.signal or {}).get("evidence", ())
    found, at = [], 0
    for start, end, concern in sorted((*one["span"], one["concern"]) for one in evidence):
        if at <= start < end <= len(line.text):
            found += [Piece(line.text[at:start], ""), Piece(line.text[start:end], concern)]
            at = end
    return [piece for piece in (*found, Piece(line.text[at:], "")) if piece.text]


def answers(book: Book, language: str, channel: str, words: str = "") -> list[Answer]:
    """Approved answers in a tenant's language, or in English where there is none. words: all must be in title or answer."""
    wanted = words.casefold().lstrip("/").split()
    found = []
    for topic in book.faq:
        text = filled(book, topic.answer_in(book.landlord.nation), language, channel)
        title = topic.title[BASE_LANGUAGE].default
        haystack = f"{title} {text} {topic.id}".casefold()
        if topic.concern is None and all(word in haystack for word in wanted):
            found.append(Answer(topic.id, title, text))
    return sorted(found, key=lambda answer: answer.title)
