"""Page people for whoever is in danger, and climb from one to the next until somebody answers.

An alarm opens in the same transaction as the handoff it is for, and is a row with a due time: the sweep climbs, any number
of clocks may, and one that died leaves nothing behind. A page has a reference, a level, a concern and what to do; nothing
of the tenant. Times are POSIX seconds.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from bot.engine.days import bank_holidays
from bot.engine.hours import is_open
from bot.log import get
from bot.service.parts import Parts
from bot.service.rota import Line, Override, Person, Rota, ladder
from bot.store import handoffs, inbox, outbox, pages, presence
from bot.store import rota as rota_rows
from bot.store.database import Connection
from bot.store.handoffs import Opening
from bot.store.pages import Alarm
from channels.messages import Outbound
from flows.schema import Book, Landlord

MINUTE = 60.0
HIGHEST_RUNG = 1000
DESK_PATIENCE = 180.0
"""Seconds that people at the desk are given to take an offer before a tenant hears that nobody could be reached."""
TRY_AGAIN = 10.0
"""Seconds after which an alarm that could not climb tries again."""
TRIES = 50
"""Random references tried. Ten thousand are enough for as many conversations in danger at once as there will ever be."""
_ACK = re.compile(r"\W*ack(?:nowledged?)?\W*(\d{4})\W*", re.IGNORECASE)

log = get(__name__)


def read_rota(connection: Connection, landlord: Landlord, now: float) -> Rota:
    """The rota as it stands, with the holidays of the landlord's nation: those kept, or the bank holidays."""
    tables = rota_rows.read(connection)
    kept = tables.holidays.get(landlord.nation)
    return Rota(
        timezone=landlord.timezone,
        people={row.id: Person(*row) for row in tables.people},
        lines=tuple(Line(row.day, row.starts, row.lasts, tuple(row.people)) for row in tables.lines),
        overrides=tuple(Override(row.starts_at, row.ends_at, tuple(row.people)) for row in tables.overrides),
        holidays=_bank_holidays(landlord, now) if kept is None else kept,
    )


def _bank_holidays(landlord: Landlord, now: float) -> frozenset[date]:
    year = datetime.fromtimestamp(now, ZoneInfo(landlord.timezone)).year
    return frozenset().union(*(bank_holidays(landlord.nation, near) for near in (year - 1, year, year + 1)))


def open_all(connection: Connection, parts: Parts, openings: Sequence[tuple[int, Opening]], now: float) -> None:
    """Open an alarm for each handoff at P0 or P1, or raise the one its conversation has, and send the first pages.

    openings: [(handoff, what asked for it)]. One alarm is enough for a conversation, whatever it is queued for. P1 waits in
    the queue for a moment while people are there; P0 never does.
    """
    # The worst first: a page about what came before it would stand in its way.
    for handoff_id, opening in sorted(openings, key=lambda one: one[1].level):
        if opening.level in ("P0", "P1") and not opening.tentative:
            _open(connection, parts, handoff_id, opening, now)


def open_again(connection: Connection, parts: Parts, handoff_ids: Sequence[int], now: float, wait: float = 0.0) -> None:
    """Page again for urgent handoffs that whoever had them no longer has.

    wait: seconds to leave to those whom they are offered to.
    """
    for handoff_id, opening in handoffs.urgent_again(connection, handoff_ids, now):
        alarm = pages.open_for(connection, opening.conversation_id)
        if alarm is None:
            _add(connection, handoff_id, opening, _concern(parts, opening) or "distress", now, now + wait)
        else:
            level = min(alarm.level, opening.level)
            pages.raise_to(connection, alarm.id, level, alarm.concern, now, now + wait)


def end_over(connection: Connection, conversation_id: int, now: float) -> None:
    """End a conversation's alarm if a person has closed or lowered what it is for. now: POSIX seconds."""
    pages.end_over(connection, now, conversation_id)


def _concern(parts: Parts, opening: Opening) -> str:
    known = opening.reason in parts.library.book().crisis or opening.queue != "crisis"
    return opening.reason if known else ""


def _open(connection: Connection, parts: Parts, handoff_id: int, opening: Opening, now: float) -> None:
    book = parts.library.book()
    pages.end_over(connection, now, opening.conversation_id)
    alarm = pages.open_for(connection, opening.conversation_id)
    known = _concern(parts, opening)
    if alarm is not None:
        if opening.level < alarm.level:
            raised = pages.raise_to(connection, alarm.id, opening.level, known or alarm.concern, now)
            _try_to_climb(connection, parts, raised, now)
        return
    waits = opening.level == "P1" and is_open(book.landlord, now)
    due_at = now + book.paging.open_minutes * MINUTE if waits else now
    alarm = _add(connection, handoff_id, opening, known or "distress", now, due_at)
    if not waits:
        _try_to_climb(connection, parts, alarm, now)


def _try_to_climb(connection: Connection, parts: Parts, alarm: Alarm, now: float) -> None:
    """Climb; what goes wrong with it costs neither the tenant their answer nor another alarm its pages. It stays due."""
    try:
        with connection.transaction():
            _climb(connection, parts, alarm, now)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        log.exception("alarm_stuck", alarm=alarm.id, error=type(error).__name__, remedy="hearthline rota check")
        pages.climbed(connection, alarm.id, alarm.rung, now + TRY_AGAIN)


def _add(connection: Connection, handoff_id: int, opening: Opening, concern: str, now: float, due_at: float) -> Alarm:
    for _ in range(TRIES):
        alarm = pages.add(
            connection,
            handoff_id,
            opening.conversation_id,
            f"{secrets.randbelow(10_000):04}",
            level=opening.level,
            concern=concern,
            now=now,
            due_at=due_at,
        )
        # Somebody else may have opened the conversation's own at this moment.
        alarm = alarm or pages.open_for(connection, opening.conversation_id)
        if alarm is not None:
            return alarm
    raise RuntimeError("no reference is free: acknowledge or close what is open")


def climb_due(parts: Parts) -> int:
    """Climb every alarm that has come due. Returns how many. The sweep calls this; two at once do no harm."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        pages.end_over(connection, now)
        due = pages.take_due(connection, now)
        for alarm in due:
            _try_to_climb(connection, parts, _next(connection, alarm), now)
    if due:
        parts.bell.ring("urgent")
    return len(due)


def _next(connection: Connection, alarm: Alarm) -> Alarm:
    """The next rung. The same person is paged again only if the page before was taken; else the next one at once."""
    if not pages.begun(connection, alarm.id):
        return alarm
    reached = alarm.told and not pages.all_failed(connection, alarm.id)
    rung = alarm.rung + 1 if reached else max(alarm.rung + 1, 2)
    return alarm._replace(rung=min(rung, HIGHEST_RUNG))


def _climb(connection: Connection, parts: Parts, alarm: Alarm, now: float) -> None:
    """Page everybody up to the present rung: the first twice, then the next as well, and at last the supervisors."""
    book = parts.library.book()
    people = [one for one in ladder(read_rota(connection, book.landlord, now), now) if _ways(parts, one)]
    busy = pages.on_their_way(connection, alarm.id)
    sent = len(busy)
    for place, person in enumerate(people):
        # Beyond the rung only for as long as nobody could be paged at all.
        if place < max(1, alarm.rung) or not sent:
            sent += _try_to_page(connection, parts, book, alarm, person, busy, now)
    exhausted = alarm.rung > len(people) and not alarm.told
    unpaged = not sent or exhausted
    offered = unpaged and _at_the_desk(connection, alarm, now)
    if unpaged and not offered and not alarm.nobody:
        _say_nobody(connection, alarm, now)
    settled = alarm.told or not (people or offered)
    rest = book.paging.again_minutes * MINUTE if settled else book.paging.patience_seconds
    pages.climbed(connection, alarm.id, alarm.rung, now + rest)


def _at_the_desk(connection: Connection, alarm: Alarm, now: float) -> bool:
    """Whether somebody at the desk is being asked just now: then it is not true yet that nobody can be reached."""
    if now - alarm.opened_at >= DESK_PATIENCE:
        return False
    return any(one.status == "available" for one in presence.here(connection, now - presence.ABSENT))


def _say_nobody(connection: Connection, alarm: Alarm, now: float) -> None:
    log.error("nobody_to_page", alarm=alarm.id, level=alarm.level, remedy="hearthline rota check")
    pages.note_nobody(connection, alarm.id, now)
    _tell(connection, alarm.conversation_id, "nobody_on_call", f"{alarm.id}:{alarm.opened_at}", now)


def _try_to_page(
    connection: Connection,
    parts: Parts,
    book: Book,
    alarm: Alarm,
    person: Person,
    busy: set[tuple[int, str]],
    now: float,
) -> int:
    """As `_page`; an address that no page can be made for does not keep the next person from being paged."""
    try:
        with connection.transaction():
            return _page(connection, parts, book, alarm, person, busy, now)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        log.exception("page_not_made", alarm=alarm.id, person=person.id, error=type(error).__name__)
        return 0


def _page(
    connection: Connection,
    parts: Parts,
    book: Book,
    alarm: Alarm,
    person: Person,
    busy: set[tuple[int, str]],
    now: float,
) -> int:
    """Page one person by every means at once, except by those that are still under way. Returns how many pages."""
    made = 0
    for means, address in _ways(parts, person).items():
        if (person.id, means) in busy:
            continue
        token = secrets.token_urlsafe(16)
        text = words(book, alarm, parts.pager.link(token))
        row = None if means == "webhook" else _queue(connection, parts, means, address, text, now)
        pages.add_page(connection, alarm, person.id, means, token=hashed(token), text=text, outbox_id=row, now=now)
        made += 1
    return made


def _ways(parts: Parts, person: Person) -> dict[str, str]:
    """By what a page can reach somebody now: an address on a channel that is off is none, and holds up nobody's turn."""
    ways = {"sms": person.sms, "telegram": person.telegram, "webhook": person.webhook}
    on = {"webhook", *(set(parts.channels) & set(parts.pager.senders))}
    return {means: address for means, address in ways.items() if address is not None and means in on}


def words(book: Book, alarm: Alarm, link: str) -> str:
    """What a page says."""
    paging = book.paging
    todo = paging.todo.get(alarm.concern) or paging.todo.get(alarm.level, "")
    filled = {"reference": alarm.reference, "level": alarm.level, "concern": alarm.concern, "todo": todo, "link": link}
    text = paging.text
    for name, value in filled.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def hashed(token: str) -> bytes:
    """What is kept of a link's token."""
    return hashlib.sha256(token.encode()).digest()


def _queue(connection: Connection, parts: Parts, means: str, address: str, text: str, now: float) -> int:
    account = parts.pager.senders[means]
    conversation_id = pages.staff_conversation(connection, means, account, address)
    outbound = Outbound(
        channel=means,  # type: ignore[arg-type]  # only sms and telegram come here
        account=account,
        address=address,
        text=text,
        language="en",
    )
    part = parts.channels[means].render(outbound)[0]
    return outbox.add_page(connection, conversation_id, means, part.text, msgspec.json.encode(part).decode(), now)


def followed(
    connection: Connection, parts: Parts, outcomes: Sequence[tuple[int, bool, str | None]], now: float
) -> set[int]:
    """Hear what became of pages that went by a channel: [(outbox row, accepted, code)].

    The first that a provider takes makes it true that somebody has been told. When the last way to somebody fails, the next
    person's turn has come. Returns the outbox rows that were pages.
    """
    changed = pages.settle_by_outbox(connection, outcomes, now)
    for _, alarm_id, accepted in changed:
        landed(connection, parts, alarm_id, accepted, now)
    return {outbox_id for outbox_id, _, _ in changed}


def landed(connection: Connection, parts: Parts, alarm_id: int, accepted: bool, now: float) -> None:
    """One page was taken by a provider, or failed for good."""
    if not accepted:
        if pages.all_failed(connection, alarm_id):
            pages.hurry(connection, alarm_id, now)
        return
    rest = parts.library.book().paging.again_minutes * MINUTE
    conversation = pages.note_told(connection, alarm_id, now, now + rest)
    if conversation is not None:
        _tell(connection, conversation, "page_accepted", f"{alarm_id}:{now}", now)


def read_ack(text: str) -> str | None:
    """The reference in "ACK 4821", however it is written; None for any other words."""
    found = _ACK.fullmatch(text)
    return found[1] if found else None


def acknowledge(connection: Connection, handoff_id: int, by: str, at: float) -> bool:
    """An advisor has taken the handoff at the desk: nobody more is paged. Returns whether anybody still was being.

    by: their name. The tenant hears of the claim itself, so this adds no fact of its own.
    """
    alarm = pages.of_handoff(connection, handoff_id)
    return alarm is not None and pages.acknowledge(connection, alarm.id, by, at)


def acknowledge_alarm(connection: Connection, alarm_id: int, conversation_id: int, by: str, at: float) -> bool:
    """Somebody answered a page. Returns whether they were the first; the tenant is then told that it has been seen."""
    first = pages.acknowledge(connection, alarm_id, by, at)
    if first:
        log.info("page_acknowledged", alarm=alarm_id)
        _tell(connection, conversation_id, "page_acknowledged", f"{alarm_id}:{at}", at)
    return first


def answer(connection: Connection, book: Book, reference: str, by: str, at: float) -> str:
    """Act on "ACK 4821" from somebody on the rota, and say what came of it. by: their name."""
    alarm = pages.by_reference(connection, reference)
    said = book.paging.unknown
    if alarm is not None:
        first = acknowledge_alarm(connection, alarm.id, alarm.conversation_id, by, at)
        said = book.paging.acknowledged if first else book.paging.too_late
    return said.replace("{reference}", reference)


def _tell(connection: Connection, conversation_id: int, kind: str, key: str, now: float) -> None:
    inbox.add_fact(connection, [conversation_id], kind, [f"{kind}:{key}"], ["{}"], now, urgent=True)
