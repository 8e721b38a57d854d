"""From what happened to what will be written: one conversation's unseen rows go through the engine, and nothing is saved yet.

Pure but for the clock of its caller, so that everything a message causes can be read, and tested, in one place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import structs

from bot.engine import effects as fx
from bot.engine.events import Event, MessageReceived
from bot.engine.state import State, from_json, to_json
from bot.engine.step import step
from bot.log import get
from bot.nlu.language import latin
from bot.nlu.understanding import Level, Signal, Understanding
from bot.service import facts
from bot.service.facts import FACTS
from bot.service.library import Edition, Library
from bot.store.conversations import Locked, Standing
from bot.store.handoffs import Opening
from bot.store.inbox import Pending
from bot.store.outbox import Row
from channels.messages import Channel, Inbound, Option, Outbound, Part
from channels.text import isolate
from flows.schema import BASE_LANGUAGE

TOGETHER = 5
"""A tenant's messages that are read together, the newest included."""

log = get(__name__)
_inbound = msgspec.json.Decoder(Inbound).decode
_signal = msgspec.json.Decoder(Signal).decode


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody on the rota answered a page. by: their name."""

    inbox_id: int
    reference: str
    by: str


@dataclass(slots=True)
class Plan:
    """What one conversation's transaction will write."""

    standing: Standing
    seen: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    notes: list[tuple[int, fx.Effect]] = field(default_factory=list)
    acks: list["Ack"] = field(default_factory=list)

    @property
    def urgent(self) -> bool:
        """Whether something of it overtakes other conversations."""
        return any(row.urgent for row in self.rows)


@dataclass(frozen=True, slots=True)
class Reader:
    """What turns words into an `Understanding`.

    screen: oldest message first. language: None where it cannot be known. second: the second reader of distress, given
    messages, oldest first, and what the phrases said of them.
    """

    screen: Callable[[Sequence[str]], Signal]
    language: Callable[[str, str], str | None]
    second: Callable[[Sequence[str], Signal], Signal] | None = None


def plan(
    conversation: Locked,
    pending: Sequence[Pending],
    recent: Sequence[str],
    *,
    library: Library,
    channels: Mapping[str, Channel],
    reader: Reader,
    now: float,
    acks: Mapping[int, Ack] = MappingProxyType({}),
) -> Plan:
    """Take one locked conversation through its unseen rows in order.

    recent: what the tenant wrote in the last minutes, oldest first, because people split sentences. now: POSIX seconds.
    acks: rows that answer a page, by their ids; the engine does not see them.
    """
    state, written, heard = _state(conversation), list(recent), _Heard()
    made = Plan(_standing(conversation, state, heard))
    for row in pending:
        edition = library.of(state.revision if state.stack else "")
        made.seen.append(row.id)
        if row.id in acks:
            made.acks.append(acks[row.id])
            heard.last_inbound_at = row.at
            continue
        before = len(made.rows), len(made.openings), len(made.notes)
        try:
            event = _event(row, conversation, state, edition, reader, written, heard)
            after, effects = step(state, event, edition.book)
            reply_to = event.message if isinstance(event, MessageReceived) else None
            _add_effects(made, conversation, row, reply_to, effects, channels, after.level, now)
            state = after
        except Exception as error:
            # A defect must cost nobody their message, nor hold up the rest of the batch: the tenant gets a person instead.
            log.exception("row_failed", inbox=row.id, error=type(error).__name__)
            del made.rows[before[0] :], made.openings[before[1] :], made.notes[before[2] :]
            level = _worst(row, state)
            state = structs.replace(state, level=level)
            _add_effects(made, conversation, row, None, _safe_effects(row, state, level, edition), channels, level, now)
    made.standing = _standing(conversation, state, heard, made.notes)
    return made


def _state(conversation: Locked) -> State:
    """Where the conversation stands; a state that this code cannot read starts afresh rather than blocking its tenant.

    What only a person may lower, or a tenant take back, is kept.
    """
    try:
        return from_json(conversation.state)
    except msgspec.ValidationError:
        log.error("state_unreadable", conversation=conversation.id, remedy="was a newer release rolled back?")
    try:
        return State(**structs.asdict(_kept(conversation.state)), stopped=conversation.stopped)
    except msgspec.ValidationError:
        return State(stopped=conversation.stopped)


class _Kept(msgspec.Struct, frozen=True):
    """What outlives a state that cannot be read."""

    level: Level = "P3"
    mode: Literal["bot", "advisor"] = "bot"
    group: bool = False
    contact: str = ""
    safe_word: str = ""
    quiet: bool = False
    suppressed: bool = False


_kept = msgspec.json.Decoder(_Kept).decode


@dataclass(slots=True)
class _Heard:
    """What the rows said about the tenant beside their words."""

    last_inbound_at: float | None = None
    profile_name: str | None = None
    external_user_id: str | None = None


def _event(
    row: Pending,
    conversation: Locked,
    state: State,
    edition: Edition,
    reader: Reader,
    written: list[str],
    heard: _Heard,
) -> Event:
    if row.kind in FACTS:
        return facts.read(row)
    inbound = _inbound(row.payload)
    heard.profile_name = inbound.profile_name or heard.profile_name
    heard.external_user_id = inbound.external_user_id or heard.external_user_id
    if inbound.kind in ("message", "button"):
        heard.last_inbound_at = row.at
    return message_of(row.id, row.at, inbound, _understand(row, inbound, state, edition, reader, written))


def message_of(row_id: int, at: float, inbound: Inbound, understood: Understanding) -> MessageReceived:
    """A message as the engine takes it. row_id: of the inbox. at: POSIX seconds of receipt."""
    return MessageReceived(
        at=at,
        id=row_id,
        channel=inbound.channel,
        kind=inbound.kind,
        message=inbound.provider_id,
        edits=inbound.edits,
        text=inbound.text,
        choice=inbound.choice,
        media=tuple(media.kind for media in inbound.media),
        location=inbound.location is not None,
        consent=inbound.consent,
        provider_replied=inbound.provider_replied,
        source=inbound.source,
        language_hint=inbound.language_hint,
        understood=understood,
    )


def _understand(
    row: Pending, inbound: Inbound, state: State, edition: Edition, reader: Reader, written: list[str]
) -> Understanding:
    """Everything read from one message. The webhook screened it alone; here it is read with the ones just before it."""
    signal = _signal(row.signal) if row.signal else Signal()
    if not inbound.text:
        return Understanding(signal=signal)
    if written:
        together = reader.screen([*written[1 - TOGETHER :], inbound.text])
        # What has raised the level already must not make every calm word after it urgent again. A doubt pages nobody, so
        # that it counts for nothing here.
        known = "P2" if state.tentative else state.level
        signal = together if together.level < min(signal.level, known) else signal
    written.append(inbound.text)
    if inbound.choice is not None:
        return Understanding(signal=signal)
    if reader.second is not None and not signal.urgent:
        doubted = reader.second(written[-TOGETHER:], signal)
        signal = doubted if doubted.level < min(signal.level, state.level) else signal
    if signal.level == "P0":
        # Somebody in danger gets the crisis words, whatever else they ask.
        return Understanding(signal=signal)
    current = state.language or edition.book.landlord.languages[0]
    other = reader.language(inbound.text, current)
    return Understanding(signal=signal, faq=edition.answer(inbound.text, other or current), language=other)


def words_to_read(pending: Sequence[Pending]) -> list[str]:
    """What an encoder will be asked about: what was written, not tapped, in Latin letters."""
    inbounds = [inbound for row in pending if (inbound := _readable(row)) is not None]
    return [one.text for one in inbounds if one.choice is None and latin(one.text)]


def _readable(row: Pending) -> Inbound | None:
    """A row's message; one that cannot be read has its own turn later, and sends its tenant to a person."""
    try:
        return None if row.kind in FACTS else _inbound(row.payload)
    except msgspec.DecodeError:
        return None


def _worst(row: Pending, state: State) -> Level:
    try:
        return min(state.level, _signal(row.signal).level) if row.signal else state.level
    except msgspec.DecodeError:
        return state.level


def _safe_effects(row: Pending, state: State, level: Level, edition: Edition) -> tuple[fx.Effect, ...]:
    language = state.language or edition.book.landlord.languages[0]
    top = state.stack[-1] if state.stack else None
    told = (
        fx.OpenHandoff(queue="general", level=level, reason="engine failed", fields=dict(state.slots)),
        fx.ReportAuthorError(top.flow if top else "", top.state if top else "", "the engine failed"),
    )
    # Nobody waits for an answer to a timer or a failed delivery, and one to the latter might fail for ever.
    if row.kind in FACTS:
        return told
    return (fx.SendText(text=edition.book.text("trouble", language), language=language), *told)


def set_aside(conversation: Locked, pending: Sequence[Pending], now: float) -> Plan:
    """What is written when PostgreSQL refuses a conversation's plan: nothing new but a request for a person.

    now: POSIX seconds.
    """
    state = _state(conversation)
    level = min(_worst(row, state) for row in pending)
    opening = Opening(conversation.id, pending[0].id, "general", level, "engine failed", "{}", now)
    return Plan(_standing(conversation, state, _Heard()), [row.id for row in pending], openings=[opening])


def _add_effects(
    made: Plan,
    conversation: Locked,
    row: Pending,
    reply_to: str | None,
    effects: Sequence[fx.Effect],
    channels: Mapping[str, Channel],
    level: str,
    now: float,
) -> None:
    position = 0
    for effect in effects:
        if isinstance(effect, fx.SendText):
            for part in render(conversation, effect, channels, None if position else reply_to):
                made.rows.append(_row(conversation, row, position, effect, part, level, now))
                position += 1
        elif isinstance(effect, fx.OpenHandoff):
            fields = msgspec.json.encode(effect.fields).decode()
            opening = Opening(conversation.id, row.id, effect.queue, effect.level, effect.reason, fields, row.at)
            made.openings.append(opening._replace(tentative=effect.tentative))
        else:
            made.notes.append((row.id, effect))


def reply_rows(conversation: Locked, row_id: int, text: str, channels: Mapping[str, Channel], now: float) -> list[Row]:
    """An answer to somebody on the rota. now: POSIX seconds."""
    effect = fx.SendText(text=text, language=BASE_LANGUAGE)
    parts = render(conversation, effect, channels, None)
    return [
        Row(
            conversation_id=conversation.id,
            inbox_id=row_id,
            position=position,
            sender=conversation.channel,
            purpose="reply",
            urgent=True,
            text=part.text,
            part=msgspec.json.encode(part).decode(),
            created_at=now,
        )
        for position, part in enumerate(parts)
    ]


def render(
    conversation: Locked, effect: fx.SendText, channels: Mapping[str, Channel], reply_to: str | None
) -> tuple[Part, ...]:
    """An effect as the calls of its conversation's channel. reply_to: the provider's id of the message answered."""
    outbound = Outbound(
        channel=conversation.channel,  # type: ignore[arg-type]  # the table's CHECK allows only these names
        account=conversation.account,
        address=conversation.address,
        text=isolate(effect.text),
        language=effect.language,
        options=tuple(Option(choice.id, isolate(choice.label)) for choice in effect.choices),
        template=effect.template,
        menu=effect.menu,
        media_url=effect.media_url,
        reply_to=reply_to or None,
    )
    channel = channels.get(conversation.channel)
    if channel is not None:
        return channel.render(outbound)
    off = Part(
        channel=outbound.channel, account=outbound.account, address=outbound.address, params={}, text=effect.text
    )
    return (off,)


def _row(
    conversation: Locked, row: Pending, position: int, effect: fx.SendText, part: Part, level: str, now: float
) -> Row:
    return Row(
        conversation_id=conversation.id,
        inbox_id=row.id,
        position=position,
        sender=conversation.channel,
        purpose=effect.purpose,
        urgent=effect.purpose == "crisis" or (level in ("P0", "P1") and effect.purpose == "reply"),
        text=part.text,
        part=msgspec.json.encode(part).decode(),
        created_at=now,
        # What the webhook has said by itself is kept with what was said, and not said again.
        said=row.answered and effect.purpose == "crisis",
    )


def _standing(
    conversation: Locked, state: State, heard: _Heard, notes: Sequence[tuple[int, fx.Effect]] = ()
) -> Standing:
    stopped = reachable = source = None
    for _, effect in notes:
        if isinstance(effect, fx.SetConsent):
            stopped = effect.stopped
        elif isinstance(effect, fx.SetReachable):
            reachable = effect.reachable
        elif isinstance(effect, fx.RecordSource):
            source = effect.source
    return Standing(
        id=conversation.id,
        state=to_json(state).decode(),
        language=state.language,
        level=state.level,
        stopped=conversation.stopped if stopped is None else stopped,
        reachable=reachable,
        source=source,
        profile_name=heard.profile_name,
        external_user_id=heard.external_user_id,
        last_inbound_at=heard.last_inbound_at,
        suppressed=state.suppressed,
    )
