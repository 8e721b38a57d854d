"""What a state of a flow can be: a closed set of kinds, told apart by `do`."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from flows.wording import (
    MAX_CHOICES,
    ChoiceId,
    ClockTime,
    FlowName,
    Identifier,
    Level,
    Model,
    Phrases,
    Said,
    SlotName,
    StateName,
    Text,
)


class Choice(Model):
    """One answer to a question. `words` are other ways to say it, by language."""

    id: ChoiceId
    label: Text
    words: Phrases = {}
    to: StateName


class Say(Model):
    """Say something and go on."""

    do: Literal["say"]
    text: Text
    to: StateName


class Ask(Model):
    """Ask something and wait.

    expects: what counts as an answer. slot: where it is kept. again: the question reworded after a miss.
    choices: for `choice`; choices_from: choices that the Book knows already. yes, no: targets for `yesno`.
    skip: target when the tenant would rather not answer. known: do not ask what the slot already holds.
    infer_from: slots whose words may already name exactly one choice. open: words that name no choice are kept as they
    are, and lead `to`. takes_language: a language's name is an answer here, and no wish to change to it. minimum, maximum:
    limits of a `number`.
    """

    do: Literal["ask"]
    expects: Literal["choice", "text", "number", "date", "postcode", "phone", "yesno", "picture"]
    text: Text
    again: Text | None = None
    slot: SlotName | None = None
    choices: tuple[Choice, ...] = Field(default=(), max_length=MAX_CHOICES)
    choices_from: Literal["languages"] | None = None
    yes: StateName | None = None
    no: StateName | None = None
    skip: StateName | None = None
    known: bool = False
    open: bool = False
    takes_language: bool = False
    infer_from: tuple[SlotName, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    to: StateName | None = None

    @model_validator(mode="after")
    def _targets_fit_kind(self) -> Self:
        listed = bool(self.choices) and self.choices_from is None
        if self.expects == "choice" and not (listed or (self.choices_from and not self.choices and self.to)):
            raise ValueError("a choice needs `choices`, or `choices_from` and `to`")
        if self.expects == "yesno" and not (self.yes and self.no):
            raise ValueError("a yes or no question needs the targets `yes` and `no`")
        if (self.open or self.expects not in ("choice", "yesno")) and not self.to:
            raise ValueError("this question needs the target `to`")
        return self


class Branch(Model):
    """Choose the way by a slot's value, the channel, the language, the opening hours (open, closed) or the nation.

    On `day`, the slot holds a date: past, today, tomorrow, open or closed (no opening left on that day); the first of
    these that is both true and a case counts. On `words`, the slot is searched for the `words` of each case.
    """

    do: Literal["branch"]
    on: Literal["slot", "channel", "language", "hours", "nation", "day", "words"]
    slot: SlotName | None = None
    words: Mapping[str, Phrases] = {}
    cases: Mapping[str, StateName]
    otherwise: StateName

    @model_validator(mode="after")
    def _slot_is_named(self) -> Self:
        if (self.on in ("slot", "day", "words")) != (self.slot is not None):
            raise ValueError("`slot` is needed exactly when the branch is on a slot, a day or words")
        if (set(self.cases) if self.on == "words" else set()) != set(self.words):
            raise ValueError("give `words` for each case, exactly when the branch is on words")
        return self


class Call(Model):
    """Run another flow, then go on."""

    do: Literal["call"]
    flow: FlowName
    to: StateName


class Handoff(Model):
    """Put a person on the line, saying `text` first where there is one. The flow's slots go with it."""

    do: Literal["handoff"]
    queue: Identifier
    level: Level = "P3"
    reason: Identifier
    text: Text | None = None
    to: StateName


class Crisis(Model):
    """Say the approved crisis text of a concern and put a person on the line at its level."""

    do: Literal["crisis"]
    concern: Identifier
    to: StateName


class Record(Model):
    """Keep a value under a name. `value` may hold placeholders."""

    do: Literal["record"]
    field: SlotName
    value: Said
    to: StateName


class Speak(Model):
    """Change the conversation's language to the one that a slot names."""

    do: Literal["speak"]
    slot: SlotName
    to: StateName


class Timer(Model):
    """Start or cancel one of the flow's timers, which are named in `Flow.timers`.

    It fires `after_hours`, or on the eve of the date in the slot `day_before` at the local time `at`. carry: a slot
    whose value comes back when it fires; every value is a timer of its own, and none may tell who the tenant is.
    """

    do: Literal["timer"]
    start: Identifier | None = None
    cancel: Identifier | None = None
    after_hours: float | None = Field(default=None, gt=0)
    day_before: SlotName | None = None
    at: ClockTime = "16:00"
    carry: SlotName | None = None
    to: StateName

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        whens = (self.after_hours is not None) + (self.day_before is not None)
        if (self.start is None) == (self.cancel is None) or (self.start is not None) != whens:
            raise ValueError("give `start` with `after_hours` or `day_before`, or give `cancel`")
        return self


class Lookup(Model):
    """Find the row of a table whose first column equals a slot, and copy columns of it into slots.

    A column `place_cy` replaces `place` in Welsh. by_start: the first column may be the start of the slot, as "AB1" is
    of a postcode; the longest start counts. upcoming: the column of dates; only today's and later ones count, the
    nearest first.
    """

    do: Literal["lookup"]
    table: Identifier
    slot: SlotName
    into: Mapping[SlotName, str]
    by_start: bool = False
    upcoming: str | None = None
    found: StateName
    missing: StateName


class Search(Model):
    """Answer the tenant's last message from the FAQ."""

    do: Literal["search"]
    found: StateName
    missing: StateName


FlowState = Annotated[
    Say | Ask | Branch | Call | Handoff | Crisis | Record | Speak | Timer | Lookup | Search,
    Field(discriminator="do"),
]
