"""What a state of a flow can be: a closed set of kinds, told apart by `do`."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from flows.wording import (
    MAX_CHOICES,
    ChoiceId,
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
    are, and lead `to`. minimum, maximum: limits of a `number`.
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
    """Choose the way by a slot's value, the channel, the language, the opening hours (open, closed) or the nation."""

    do: Literal["branch"]
    on: Literal["slot", "channel", "language", "hours", "nation"]
    slot: SlotName | None = None
    cases: Mapping[str, StateName]
    otherwise: StateName

    @model_validator(mode="after")
    def _slot_is_named(self) -> Self:
        if (self.on == "slot") != (self.slot is not None):
            raise ValueError("`slot` is needed exactly when the branch is on a slot")
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
    """Start or cancel one of the flow's timers, which are named in `Flow.timers`."""

    do: Literal["timer"]
    start: Identifier | None = None
    cancel: Identifier | None = None
    after_hours: float | None = Field(default=None, gt=0)
    to: StateName

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        if (self.start is None) == (self.cancel is None) or (self.start is None) != (self.after_hours is None):
            raise ValueError("give `start` with `after_hours`, or `cancel`")
        return self


class Lookup(Model):
    """Find the row of a table whose first column equals a slot, and copy columns of it into slots."""

    do: Literal["lookup"]
    table: Identifier
    slot: SlotName
    into: Mapping[SlotName, str]
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
