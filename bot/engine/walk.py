"""Moving through a flow: one function for each kind of state, run until a question waits or the flow ends."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.engine import crisis
from bot.engine.approved import give_topic
from bot.engine.asking import ask, known_target
from bot.engine.days import deadline, eve_of, iso_day, kinds_of_day
from bot.engine.effects import CancelTimer, RecordField, SetLanguage, StartTimer
from bot.engine.events import MessageReceived
from bot.engine.hours import is_open, local
from bot.engine.reading import answers, choice_inside
from bot.engine.state import Frame
from bot.engine.turn import MOST_DEPTH, MOST_TEXTS, MOST_VISITS, AuthorError, Turn
from flows.folding import fold
from flows.schema import (
    END,
    MAX_SLOT_CHARACTERS,
    Ask,
    Branch,
    Call,
    Crisis,
    Flow,
    Handoff,
    Lookup,
    Phrases,
    Record,
    Say,
    Search,
    Speak,
    Timer,
)

WAIT = None
_HOUR = 3600.0


def begin(turn: Turn, flow: str, slots: Mapping[str, str] | None = None, first_told: float | None = None) -> None:
    """Start a flow afresh and go as far as it goes.

    slots: what was already told of its answers. first_told: when the tenant first spoke of it (POSIX seconds), now if
    not given.
    """
    given = {name: value[:MAX_SLOT_CHARACTERS] for name, value in (slots or {}).items()}
    if turn.state.aside and turn.state.aside[0].flow == flow:
        turn.change(aside=(), aside_slots={})
    told = turn.event.at if first_told is None else first_told
    turn.change(stack=(), trail=(), slots=given, offered=(), said="", first_told=told)
    enter(turn, flow)


def enter(turn: Turn, flow: str, state: str | None = None) -> None:
    """Put a flow on top of the stack and run it."""
    start = state or (turn.book.flows[flow].start if flow in turn.book.flows else "")
    if len(turn.state.stack) >= MOST_DEPTH:
        raise AuthorError(Frame(flow, start), f"flows call each other more than {MOST_DEPTH} deep")
    turn.change(stack=(*turn.state.stack, Frame(flow, start)))
    run(turn)


def proceed(turn: Turn, target: str) -> None:
    """Go on from the present state to a target and run."""
    _move(turn, target)
    run(turn)


def run(turn: Turn) -> None:
    """Visit states until one waits or the stack is empty. Raises `AuthorError` when it takes too many."""
    while turn.state.stack:
        frame, flow = turn.frame_flow()
        _count(turn, frame)
        state = flow.states[frame.state]
        if isinstance(state, Call):
            _call(turn, frame, state)
            continue
        target = _VISITS[type(state)](turn, flow, state)
        if target is WAIT:
            return
        _move(turn, target)


def _count(turn: Turn, frame: Frame) -> None:
    turn.visits += 1
    if turn.visits > MOST_VISITS:
        raise AuthorError(frame, f"one message passes through more than {MOST_VISITS} states")
    if turn.texts > MOST_TEXTS:
        raise AuthorError(frame, f"one message is answered with more than {MOST_TEXTS} texts")


def _move(turn: Turn, target: str) -> None:
    """Put the top of the stack at the target. The end of a flow is where its caller goes on, or asks again."""
    while target == END:
        stack = turn.state.stack[:-1]
        turn.change(stack=stack)
        if not stack:
            return _settle(turn)
        frame, flow = turn.frame_flow()
        state = flow.states[frame.state]
        target = state.to if isinstance(state, Call) else frame.state
    turn.change(stack=(*turn.state.stack[:-1], Frame(turn.state.stack[-1].flow, target)))
    return None


def _settle(turn: Turn) -> None:
    """Nothing is in progress, so its answers are forgotten."""
    turn.change(trail=(), misses=0, slots={})


def _call(turn: Turn, frame: Frame, state: Call) -> None:
    if state.flow not in turn.book.flows:
        raise AuthorError(frame, f"there is no flow called {state.flow}")
    if len(turn.state.stack) >= MOST_DEPTH:
        raise AuthorError(frame, f"flows call each other more than {MOST_DEPTH} deep")
    callers = turn.state.stack
    if state.to == END:
        # A flow that only hands over, as the menu does, begins the other's story now.
        callers = callers[:-1]
        turn.change(first_told=turn.event.at)
    turn.change(stack=(*callers, Frame(state.flow, turn.book.flows[state.flow].start)))


def _say(turn: Turn, flow: Flow, state: Say) -> str:
    turn.say(state.text)
    return state.to


def _ask(turn: Turn, flow: Flow, state: Ask) -> str | None:
    target = known_target(turn, state)
    if target is None:
        ask(turn)
    return target


def _branch(turn: Turn, flow: Flow, state: Branch) -> str:
    seen = (state.cases[value] for value in _seen(turn, state) if value in state.cases)
    return next(seen, state.otherwise)


def _seen(turn: Turn, state: Branch) -> tuple[str, ...]:
    """What a branch looks at, the telling first."""
    landlord, value = turn.book.landlord, turn.state.slots.get(state.slot or "", "")
    if state.on == "day":
        day = iso_day(value)
        return kinds_of_day(landlord, day, turn.event.at) if day else ()
    if state.on == "words":
        found = choice_inside(value, answers((case, _every(said)) for case, said in state.words.items()))
        return (found,) if found else ()
    hours = "open" if is_open(landlord, turn.event.at) else "closed"
    values = {"slot": value, "channel": turn.channel, "language": turn.language, "hours": hours}
    return (values.get(state.on, landlord.nation),)


def _every(phrases: Phrases) -> list[str]:
    return [said for words in phrases.values() for said in words]


def _handoff(turn: Turn, flow: Flow, state: Handoff) -> str:
    if state.text is not None:
        turn.say(state.text)
    turn.hand_off(state.queue, state.level, state.reason)
    return state.to


def _crisis(turn: Turn, flow: Flow, state: Crisis) -> str:
    """The protocol ends the flow, so `to` matters only to a Book in which the concern is ordinary."""
    entry = turn.book.crisis.get(state.concern)
    crisis.respond(turn, (state.concern,), entry.level if entry else "P0")
    return END


def _record(turn: Turn, flow: Flow, state: Record) -> str:
    told = _instant(turn.state.first_told or turn.event.at)
    extra = {"now": _instant(turn.event.at), "first_told": told}
    for name in turn.book.landlord.deadlines:
        day = deadline(turn.book.landlord, name, turn.event.at)
        extra[name] = day.isoformat() if day else ""
    turn.ask_for(RecordField(state.field, turn.filled(state.value, extra)))
    return state.to


def _instant(at: float) -> str:
    """POSIX seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _speak(turn: Turn, flow: Flow, state: Speak) -> str:
    speak(turn, turn.state.slots.get(state.slot, ""))
    return state.to


def speak(turn: Turn, language: str) -> None:
    """Use a language from here on. One that the Book does not speak changes nothing."""
    if language in turn.book.words.languages:
        turn.change(language=language)
        turn.language = language
        turn.ask_for(SetLanguage(language))


def _timer(turn: Turn, flow: Flow, state: Timer) -> str:
    carried = f":{turn.state.slots.get(state.carry, '')}" if state.carry else ""
    due = _due_at(turn, state)
    if state.start is not None and due is not None:
        turn.ask_for(StartTimer(f"{flow.flow}.{state.start}{carried}", due))
    if state.cancel is not None:
        turn.ask_for(CancelTimer(f"{flow.flow}.{state.cancel}{carried}"))
    return state.to


def _due_at(turn: Turn, state: Timer) -> float | None:
    if state.after_hours is not None:
        return turn.event.at + state.after_hours * _HOUR
    day = iso_day(turn.state.slots.get(state.day_before or "", ""))
    return eve_of(turn.book.landlord, day, state.at, turn.event.at) if day else None


def _lookup(turn: Turn, flow: Flow, state: Lookup) -> str:
    table = turn.book.tables.get(state.table)
    if table is None:
        raise AuthorError(turn.state.stack[-1], f"there is no table called {state.table}")
    key = fold(turn.state.slots.get(state.slot, ""))
    rows = [dict(zip(table.columns, row, strict=False)) for row in table.rows if key and _fits(state, row[0], key)]
    if state.upcoming is not None:
        today = local(turn.book.landlord, turn.event.at).date().isoformat()
        rows = sorted((row for row in rows if _day(row, state) >= today), key=lambda row: _day(row, state))
    if not rows:
        return state.missing
    cells = max(rows, key=lambda row: len(row[table.columns[0]]))
    found = {
        slot: cells.get(f"{column}_{turn.language}") or cells.get(column, "") for slot, column in state.into.items()
    }
    turn.change(slots={**turn.state.slots, **found})
    return state.found


def _day(row: Mapping[str, str], state: Lookup) -> str:
    return row.get(state.upcoming or "", "")


def _fits(state: Lookup, start: str, key: str) -> bool:
    """Whether a row is the one meant. "ZM1" begins "ZM1 2AB" and not "ZM12 3AB"; "ZM1 2" begins the first, too."""
    first = fold(start)
    begins = key.startswith(f"{first} ") or (" " in first and key.startswith(first))
    return first == key or (state.by_start and begins)


def _search(turn: Turn, flow: Flow, state: Search) -> str:
    event = turn.event
    if not isinstance(event, MessageReceived) or event.understood.faq.answer not in turn.book.topics:
        return state.missing
    topic = event.understood.faq.answer or ""
    turn.change(said=event.text[:MAX_SLOT_CHARACTERS])
    give_topic(turn, turn.book.topics[topic])
    return state.found


_VISITS: Mapping[type, Callable[[Turn, Flow, Any], str | None]] = {
    Say: _say,
    Ask: _ask,
    Branch: _branch,
    Handoff: _handoff,
    Crisis: _crisis,
    Record: _record,
    Speak: _speak,
    Timer: _timer,
    Lookup: _lookup,
    Search: _search,
}
