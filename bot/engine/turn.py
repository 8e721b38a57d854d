"""One step in the making: where the conversation stands by now, and what has been asked for so far.

A `Turn` lives as long as one call of `step` and is seen by nobody else, so that `step` stays a function.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec.structs import replace

from bot.engine.days import deadline, iso_day, spoken_date
from bot.engine.effects import Choice, Effect, OpenHandoff, SendText
from bot.engine.events import Event, MessageReceived
from bot.engine.hours import is_open, spoken_closing, spoken_opening
from bot.engine.state import Frame, State
from bot.nlu.understanding import Level
from flows.folding import fold
from flows.schema import BASE_LANGUAGE, PLACEHOLDER, Ask, Book, Flow, Text, Wording

MOST_VISITS = 40
"""States that one event may pass through. The longest shipped path is under ten; more is a loop."""
MOST_TEXTS = 5
"""Texts that the flows may say for one event: nobody reads more at once, and each costs."""
MOST_DEPTH = 8
READ_CHARACTERS = 2000
"""How much of a message is looked at for words and choices. An answer is short; a story is kept, not searched."""
SHOWN_CHARACTERS = 60
"""How much of the tenant's own words a text quotes back, so that a long story does not become a long SMS."""


class AuthorError(Exception):
    """A flow cannot go on as it was written. `step` turns it into a safe answer, a person and a report."""

    def __init__(self, frame: Frame, problem: str) -> None:
        """`problem` is a sentence for the author, without the tenant's words."""
        super().__init__(problem)
        self.frame = frame
        self.problem = problem


class Turn:
    """State, event and Book of one step, and the effects it has asked for, in order."""

    __slots__ = (
        "book",
        "comforted",
        "effects",
        "event",
        "language",
        "purpose",
        "said",
        "state",
        "template",
        "texts",
        "visits",
    )

    def __init__(self, state: State, event: Event, book: Book) -> None:
        """Begin with nothing done. `said` will be the message folded, for comparing with words."""
        self.state, self.event, self.book = state, event, book
        self.effects: list[Effect] = []
        self.language = state.language or state.crisis_language or book.landlord.languages[0]
        self.purpose: Literal["crisis", "reply", "proactive"] = "reply"
        self.template: str | None = None
        self.texts = self.visits = 0
        self.said = fold(event.text[:READ_CHARACTERS]) if isinstance(event, MessageReceived) else ""
        self.comforted = False

    @property
    def message(self) -> MessageReceived:
        """The event, where only messages lead. Raises `TypeError` for another, which is a mistake of ours."""
        if not isinstance(self.event, MessageReceived):
            raise TypeError("only a message can be read")
        return self.event

    @property
    def channel(self) -> str:
        """Where the tenant is; a timer does not know, and the plain wording fits every channel."""
        return self.event.channel if isinstance(self.event, MessageReceived) else ""

    def change(self, **fields: Any) -> None:
        """Move the state on."""
        self.state = replace(self.state, **fields)

    def ask_for(self, effect: Effect) -> None:
        """Add an effect."""
        self.effects.append(effect)

    def words(self, text: Text, language: str | None = None, extra: Mapping[str, str] | None = None) -> str:
        """A text in the tenant's language (English where it has none) and channel, with its placeholders filled."""
        tongue = language or self.language
        wording = _wording(text, tongue)
        spoken_in = tongue if tongue in text else BASE_LANGUAGE
        return PLACEHOLDER.sub(lambda found: self._value(found[1], spoken_in, extra or {}), wording.on(self.channel))

    def filled(self, pattern: str, extra: Mapping[str, str]) -> str:
        """A pattern that is not for tenants, with its placeholders filled in English."""
        return PLACEHOLDER.sub(lambda found: self._value(found[1], BASE_LANGUAGE, extra), pattern)

    def say(
        self,
        text: Text | str,
        choices: Sequence[Choice] = (),
        *,
        menu: str | None = None,
        purpose: Literal["crisis", "reply", "proactive"] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Say a text, or one of the Book's global texts by its name."""
        spoken = self.book.texts[text] if isinstance(text, str) else text
        self.say_plainly(self.words(spoken, extra=extra), choices, menu=menu, purpose=purpose)

    def say_plainly(
        self,
        said: str,
        choices: Sequence[Choice] = (),
        *,
        menu: str | None = None,
        purpose: Literal["crisis", "reply", "proactive"] | None = None,
    ) -> None:
        """Say words that are already filled and approved."""
        self.texts += 1
        self.ask_for(
            SendText(
                text=said,
                language=self.language,
                choices=tuple(choices),
                purpose=purpose or self.purpose,
                template=self.template,
                menu=menu,
            )
        )

    def hand_off(self, queue: str, level: Level, reason: str, fields: Mapping[str, str] | None = None) -> None:
        """Put a person on the line, at the conversation's level if that is higher, with all that was told so far."""
        told = {**self.told(), **(fields or {})}
        highest = min(level, self.state.level)
        doubtful = self.state.tentative and highest != "P0"
        self.ask_for(OpenHandoff(queue=queue, level=highest, reason=reason, fields=told, tentative=doubtful))
        self.change(waiting=queue, waiting_at=self.event.at)

    def set_aside(self) -> None:
        """Keep a flow that the tenant leaves half-way, if it is one worth resuming."""
        stack, flows = self.state.stack, self.book.flows
        if any(flows[frame.flow].patience for frame in stack if frame.flow in flows):
            self.change(aside=stack, aside_slots=self.state.slots)

    def told(self) -> dict[str, str]:
        """The slots as staff read them: the label of the slot, and of the choice in English."""
        return {slot: self.shown(slot, BASE_LANGUAGE, limit=None) for slot, value in self.state.slots.items() if value}

    def shown(self, slot: str, language: str, limit: int | None = SHOWN_CHARACTERS) -> str:
        """A slot's value as people read it: the label of a choice, or the tenant's words, cut to `limit` characters."""
        value = self.state.slots.get(slot, "")
        frames = (*self.state.stack, *self.state.aside)
        flows = [self.book.flows.get(frame.flow) for frame in frames]
        # Staff also read answers given in a flow that has been left since, such as how to ring somebody.
        for flow in (*flows, *(self.book.flows.values() if limit is None else ())):
            label = _label(flow, slot, value) if flow else None
            if label is not None:
                return _wording(label, language).on(self.channel)
        return value if limit is None or len(value) <= limit else value[: limit - 3].rstrip() + "..."

    def frame_flow(self) -> tuple[Frame, Flow]:
        """The flow the tenant is in. Raises `AuthorError` when the Book has no such flow or state."""
        frame = self.state.stack[-1]
        flow = self.book.flows.get(frame.flow)
        if flow is None or frame.state not in flow.states:
            raise AuthorError(frame, "this state is not in the Book")
        return frame, flow

    def asking(self) -> Ask | None:
        """The question that waits for an answer, if one does."""
        if not self.state.stack:
            return None
        frame, flow = self.frame_flow()
        state = flow.states[frame.state]
        return state if isinstance(state, Ask) else None

    def _value(self, name: str, language: str, extra: Mapping[str, str]) -> str:
        if name in extra:
            return extra[name]
        if name == "opens":
            return spoken_opening(self.book, self.event.at, language)
        if name == "closes":
            return spoken_closing(self.book, self.event.at, language)
        if name == "hours":
            state = "open" if is_open(self.book.landlord, self.event.at) else "closed"
            return self.words(self.book.texts[f"hours_{state}"], language)
        value = self.book.landlord.value(name, language)
        if value is None:
            value = self.shown(name, language)
        day = deadline(self.book.landlord, name, self.event.at) or iso_day(value)
        return spoken_date(self.book, day, language) if day else value


def _wording(text: Text, language: str) -> Wording:
    """English is every text's last resort: the checker lets no Book without it be published."""
    return text.get(language) or text.get(BASE_LANGUAGE) or next(iter(text.values()))


def _label(flow: Flow, slot: str, value: str) -> Text | None:
    for state in flow.states.values():
        if isinstance(state, Ask) and state.slot == slot:
            for choice in state.choices:
                if choice.id == value:
                    return choice.label
    return None
