"""What holds for every conversation there can be: a valid state, something said or done, bounded work, no clock."""

import ast
import builtins
import importlib
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine import effects as fx
from bot.engine import events as facts
from bot.engine.asking import REMINDER
from bot.engine.events import DeliveryFailed, Event, MessageReceived, TimerFired
from bot.engine.state import State, from_json, to_json
from bot.engine.step import step
from bot.engine.turn import MOST_TEXTS
from bot.nlu.understanding import Candidate, FaqMatch, Signal, Understanding
from channels.errors import Outcome
from flows.schema import Ask
from tests.engine.talking import book

ENGINE = Path(sys.modules[State.__module__].__file__ or "").parent
MOST_SAID = MOST_TEXTS + 4
"""The flows' own texts, and around them a greeting, the trouble text, the word on STOP and a language's offer."""
START = 1_764_000_000.0

BOOK = book()
CHOICES = [
    f"{flow.flow}.{name}:{choice.id}"
    for flow in BOOK.flows.values()
    for name, state in flow.states.items()
    if isinstance(state, Ask)
    for choice in state.choices
]
WORDS = sorted({*BOOK.words.always_said, *BOOK.words.consent_said, *BOOK.words.language_said})

text = st.one_of(
    st.sampled_from(
        ["yes", "no", "1", "2", "3", "5", "9", "the second one", "skip", "?", "", "kitchen", "thanks", "hi"]
    ),
    st.sampled_from(WORDS),
    st.sampled_from(
        ["my tap leaks {problem}", "{", "}{landlord}", "1" * 400, "٣", "2️⃣", "\u202e evil", "नमस्ते", "😀" * 50]
    ),
    st.text(max_size=40),
)
choice = st.one_of(
    st.none(),
    st.none(),
    st.sampled_from(CHOICES),
    st.sampled_from(
        ["faq:pay-rent", "faq:gone", "flow:report-repair", "flow:gone", "word:person", "word:none", "x", ":"]
    ),
    st.sampled_from(
        ["safety.ask-safe:no", "safety.ask-safe:yes", "safety.contact-ask:yes", "safety.how-was-it:good", "safety.x:y"]
    ),
)
topics = sorted(BOOK.topics)
match = st.one_of(
    st.just(FaqMatch()),
    st.sampled_from(topics).map(lambda name: FaqMatch(answer=name, score=0.9)),
    st.lists(st.sampled_from([*topics, "gone"]), min_size=2, max_size=3, unique=True).map(
        lambda names: FaqMatch(near=tuple(Candidate(name, 0.4) for name in names))
    ),
)
signal = st.builds(
    Signal,
    level=st.sampled_from(["P3", "P3", "P3", "P3", "P2", "P1", "P0"]),
    concerns=st.sampled_from([(), ("suicide",), ("gas", "fire"), ("no-such-concern",), ("domestic-abuse",)]),
    tentative=st.sampled_from([False, False, False, True]),
)
message = st.builds(
    MessageReceived,
    at=st.floats(START, START + 3e7),
    id=st.integers(1, 1000),
    channel=st.sampled_from(["sms", "whatsapp", "telegram"]),
    kind=st.sampled_from(["message", "message", "message", "button", "edit", "edit", "group", "blocked", "unblocked"]),
    message=st.sampled_from(["a", "b", "c"]),
    edits=st.sampled_from([None, "a", "b", "z"]),
    text=text,
    choice=choice,
    media=st.sampled_from([(), (), (), ("picture",), ("voice",), ("sticker",), ("picture", "document")]),
    location=st.booleans(),
    consent=st.sampled_from([None, None, None, None, "stop", "start", "help"]),
    provider_replied=st.booleans(),
    source=st.sampled_from([None, None, "WELL1"]),
    language_hint=st.sampled_from([None, "cy", "en-GB", "pl", ""]),
    understood=st.builds(
        Understanding, signal=signal, faq=match, language=st.sampled_from([None, None, "cy", "en", "pl"])
    ),
)
timer = st.builds(
    TimerFired,
    at=st.floats(START, START + 3e7),
    id=st.integers(1, 1000),
    name=st.sampled_from(["remind", "set-aside", "report-repair.gone", "nonsense"]),
)
failure = st.builds(
    DeliveryFailed,
    at=st.floats(START, START + 3e7),
    id=st.integers(1, 1000),
    outcome=st.sampled_from([outcome.value for outcome in Outcome]),
)
AT = {"at": st.floats(START, START + 3e7), "id": st.integers(1, 1000)}
LEVEL = st.sampled_from(["P0", "P1", "P2", "P3"])
JUDGED = (facts.HandoffReturned, facts.HandoffClosed, facts.LevelSet)
"""What only a person does, and the only things that may lower a level."""
by_staff = st.one_of(
    st.builds(facts.PageAccepted, **AT),
    st.builds(facts.PageAcknowledged, **AT),
    st.builds(facts.NobodyOnCall, **AT),
    st.builds(facts.NobodyCame, **AT),
    st.builds(facts.AdvisorClaimed, **AT),
    st.builds(facts.AdvisorReplied, text=st.just("Hello, I am Sam."), **AT),
    st.builds(facts.HandoffReturned, level=LEVEL, **AT),
    st.builds(facts.HandoffClosed, outcome=st.just("housing_action"), survey=st.booleans(), **AT),
    st.builds(facts.LevelSet, level=LEVEL, **AT),
)
event = st.one_of(message, message, message, message, timer, failure, by_staff)
TOLD = {BOOK.protocol[name].text["en"].default for name in ("told", "contact-told", "seen", "contact-seen")}


def _valid(state: State) -> None:
    assert from_json(to_json(state)) == state
    assert len(state.stack) <= 8
    for frame in (*state.stack, *state.aside):
        assert frame.state in BOOK.flows[frame.flow].states
    if state.stack:
        top = state.stack[-1]
        assert isinstance(BOOK.flows[top.flow].states[top.state], Ask), "a flow rests only where it has asked something"


def _answered(before: State, happened: Event, effects: tuple[fx.Effect, ...]) -> None:
    if not isinstance(happened, MessageReceived) or happened.kind not in ("message", "edit", "button"):
        return
    if before.mode == "bot":
        assert effects, "nobody is left without anything said or done"
    said = [effect for effect in effects if isinstance(effect, fx.SendText)]
    if before.mode == "bot" and happened.consent is None and not happened.provider_replied:
        assert said or any(isinstance(effect, fx.SetConsent | fx.OpenHandoff) for effect in effects)
    if happened.understood.signal.urgent and happened.consent != "stop":
        handoffs = [effect for effect in effects if isinstance(effect, fx.OpenHandoff)]
        assert happened.consent or any(item.level in ("P0", "P1") for item in handoffs)


def _reminds(happened: Event, before: State, effects: tuple[fx.Effect, ...], running: set[str]) -> None:
    """Keep account of the reminders that would fire, and see that none says anything to somebody in danger."""
    if isinstance(happened, TimerFired):
        running.discard(happened.name)
        assert not (before.urgent and effects)
    for effect in effects:
        if isinstance(effect, fx.StartTimer) and effect.name == REMINDER:
            running.add(effect.name)
        if isinstance(effect, fx.CancelTimer):
            running.discard(effect.name)


@settings(max_examples=300)
@given(events=st.lists(event, min_size=1, max_size=14), mode=st.sampled_from(["bot", "bot", "bot", "advisor"]))
def test_any_conversation(events: list[Event], mode: str) -> None:
    state, accepted, reminders = State(mode=mode), False, set[str]()
    for happened in events:
        before = from_json(to_json(state))
        assert before == state
        state, effects = step(before, happened, BOOK)
        _valid(state)
        _answered(before, happened, effects)
        said = [effect for effect in effects if isinstance(effect, fx.SendText)]
        assert len(said) <= MOST_SAID
        assert all(item.text.strip() for item in said)
        assert not any(isinstance(effect, fx.ReportAuthorError) for effect in effects)
        assert state.level <= before.level or isinstance(happened, JUDGED), "a level falls only by a person's hand"
        assert state.mode == before.mode or isinstance(happened, (*JUDGED, facts.AdvisorClaimed)), (
            "nor is it given back"
        )
        accepted |= isinstance(happened, facts.PageAccepted | facts.PageAcknowledged)
        assert accepted or not any(item.text in TOLD for item in said), "nobody is told of what has not happened"
        _reminds(happened, before, effects, reminders)
        assert not (state.urgent and reminders), "nothing reminds anybody in danger"
        msgspec.json.encode(effects)


@settings(max_examples=60)
@given(happened=event)
def test_the_same_step_twice_is_the_same(happened: Event) -> None:
    assert step(State(), happened, BOOK) == step(State(), happened, BOOK)


@settings(max_examples=100)
@given(
    frames=st.lists(
        st.tuples(st.sampled_from([*BOOK.flows, "gone"]), st.sampled_from(["start", "choose", "x"])), max_size=9
    ),
    happened=message,
)
def test_a_state_that_no_longer_fits_the_book_is_safe(frames: list[tuple[str, str]], happened: MessageReceived) -> None:
    broken = msgspec.convert(
        {"revision": BOOK.revision, "stack": [{"flow": flow, "state": name} for flow, name in frames]}, State
    )
    state, _ = step(broken, happened, BOOK)
    assert from_json(to_json(state)) == state


def test_another_revision_ends_the_flow() -> None:
    state, _ = step(State(), MessageReceived(at=START, id=1, channel="sms", text="menu"), BOOK)
    older = msgspec.structs.replace(state, revision="0" * 64)
    state, effects = step(older, MessageReceived(at=START, id=2, channel="sms", text="1"), BOOK)
    assert state.revision == BOOK.revision
    assert state.stack == ()
    assert effects


FORBIDDEN = frozenset(
    {"time", "random", "uuid", "os", "logging", "socket", "secrets", "subprocess", "threading", "asyncio", "structlog"}
)
CLOCKS = frozenset({"now", "today", "utcnow", "time", "monotonic", "perf_counter"})


@pytest.mark.parametrize("path", sorted(ENGINE.glob("*.py")), ids=lambda path: path.name)
def test_no_module_can_reach_a_clock_or_the_world(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not FORBIDDEN.intersection(name.split(".")[0] for name in names), f"{path.name} imports {names}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            clock = node.value.id in ("datetime", "date", "time") and node.attr in CLOCKS
            assert not clock, f"{path.name} reads a clock"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print", "input", "exec", "eval"), f"{path.name} touches the world"


def test_a_step_runs_without_clock_or_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The poison is the point here: a step that read a clock or a file would raise."""
    heard = MessageReceived(at=START, id=1, channel="sms", text="person")
    first = step(State(), heard, BOOK)

    def poison(*_: Any, **__: Any) -> Any:
        raise AssertionError("the engine reached outside its arguments")

    for name in ("time", "monotonic", "time_ns", "perf_counter", "localtime", "gmtime"):
        monkeypatch.setattr(time, name, poison)
    monkeypatch.setattr(builtins, "open", poison)
    again = step(State(), heard, BOOK)
    monkeypatch.undo()
    assert again == first


def test_every_module_has_a_paragraph() -> None:
    for path in sorted(ENGINE.glob("*.py")):
        module = importlib.import_module("bot.engine" if path.stem == "__init__" else f"bot.engine.{path.stem}")
        assert module.__doc__
