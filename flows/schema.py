"""What a Book is: every conversation, answer, word and crisis text of one landlord's line, as one frozen value.

Authors write YAML (see `flows.load`); this schema is what makes it valid. This module is the way in: it also names what
its neighbours define (`wording`, `states`, `words`, `landlord`).
"""

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from flows.landlord import Landlord
from flows.states import (
    Ask,
    Branch,
    Call,
    Choice,
    Crisis,
    FlowState,
    Handoff,
    Lookup,
    Record,
    Say,
    Search,
    Speak,
    Timer,
)
from flows.wording import (
    BASE_LANGUAGE,
    COMPUTED,
    END,
    FAQ_SMS_CHARACTERS,
    MAX_SLOT_CHARACTERS,
    PLACEHOLDER,
    SCHEMA_VERSION,
    SMS_CHARACTERS,
    TELEGRAM_CHARACTERS,
    WHATSAPP_CHARACTERS,
    WHATSAPP_WINDOW_HOURS,
    AlwaysWord,
    ChannelName,
    ConsentWord,
    FlowName,
    Identifier,
    Language,
    Level,
    Model,
    Nation,
    Phrases,
    SlotName,
    StateName,
    Text,
    Weekday,
    Wording,
)
from flows.words import Calendar, LanguageName, Words

__all__ = [
    "AlwaysWord",
    "Ask",
    "BASE_LANGUAGE",
    "Book",
    "Branch",
    "COMPUTED",
    "Calendar",
    "Call",
    "ChannelName",
    "Choice",
    "ConsentWord",
    "Crisis",
    "END",
    "Escalation",
    "FAQ_SMS_CHARACTERS",
    "FaqTopic",
    "Flow",
    "FlowState",
    "FlowTimer",
    "Forbidden",
    "Handoff",
    "Helpline",
    "Landlord",
    "LanguageName",
    "Level",
    "Lookup",
    "MAX_SLOT_CHARACTERS",
    "Nation",
    "PLACEHOLDER",
    "Paging",
    "Patience",
    "Phrases",
    "ProtocolText",
    "Record",
    "SCHEMA_VERSION",
    "SMS_CHARACTERS",
    "SafetyChoice",
    "SafetyText",
    "Say",
    "Search",
    "Speak",
    "TELEGRAM_CHARACTERS",
    "Table",
    "Text",
    "Timer",
    "WHATSAPP_CHARACTERS",
    "WHATSAPP_WINDOW_HOURS",
    "Weekday",
    "Wording",
    "Words",
]


class Patience(Model):
    """What happens when a tenant stops in the middle: one gentle reminder, then the flow is set aside, never lost.

    template: approved WhatsApp template for a reminder later than the 24-hour window.
    """

    remind_after_hours: float = Field(gt=0)
    set_aside_after_hours: float = Field(gt=0)
    text: Text
    template: Identifier | None = None


class FlowTimer(Model):
    """Where a timer of this flow leads when it fires, and the WhatsApp template to use after 24 hours.

    slot: where the value that the timer carried is put.
    """

    to: StateName
    slot: SlotName | None = None
    template: Identifier | None = None


class Flow(Model):
    """One conversation. `start` is its first state; `slots` are the names of what it may learn, with a staff label."""

    flow: FlowName
    title: Text
    start: StateName
    slots: Mapping[SlotName, str] = {}
    states: Mapping[StateName, FlowState]
    timers: Mapping[Identifier, FlowTimer] = {}
    patience: Patience | None = None


class Escalation(Model):
    """When an FAQ question also needs a person: at these words, or always when there are none."""

    words: Phrases = {}
    queue: Identifier
    level: Level = "P2"


class FaqTopic(Model):
    """An approved answer. `flow` may follow it; `fills` is the slot of that flow which the question already answers.

    concern: this question is an emergency, and the approved crisis text for that concern is given in its place.
    nations: answers that replace `answer` where the law differs. comforts: the concerns for which this answer has kind
    words of its own, so that they are not said before it as well.
    """

    id: Identifier
    title: Text
    owner: str
    review_date: date
    examples: Phrases
    answer: Text
    nations: Mapping[Nation, Text] = {}
    escalate_on: tuple[Escalation, ...] = ()
    flow: FlowName | None = None
    fills: SlotName | None = None
    concern: Identifier | None = None
    comforts: tuple[Identifier, ...] = ()
    phone: str

    def answer_in(self, nation: Nation) -> Text:
        """The answer that is right in a nation."""
        return self.nations.get(nation, self.answer)


class SafetyText(Model):
    """Approved crisis wording for a concern, or for a level when `id` is P0 or P1. `nations` replace it there.

    asks: whether "are you safe right now?" follows it. It does not where the tenant must put the phone away.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=40)]
    level: Level
    text: Text
    nations: Mapping[Nation, Text] = {}
    asks: bool = True


class SafetyChoice(Model):
    """One answer to a question of the crisis protocol. `words` are other ways to say it, by language."""

    id: Identifier
    label: Text
    words: Phrases = {}


class ProtocolText(Model):
    """What the crisis protocol says at one point after the first words. `nations` replace it there."""

    id: Identifier
    text: Text
    nations: Mapping[Nation, Text] = {}
    choices: tuple[SafetyChoice, ...] = ()

    def text_in(self, nation: Nation) -> Text:
        """The words that are right in a nation."""
        return self.nations.get(nation, self.text)


class Paging(Model):
    """How alarms climb and what pages say. Staff read the texts, in English.

    again_minutes: between two pages until somebody answers. patience_seconds: for a provider to take a page before the
    next person is paged too. open_minutes: how long P1 may wait in the queue before anybody is paged, while people are
    there. todo: what to do, by concern, and by level for every other.
    """

    again_minutes: Annotated[float, Field(gt=0, le=60)] = 5
    patience_seconds: Annotated[float, Field(ge=10, le=600)] = 60
    open_minutes: Annotated[float, Field(ge=0, le=120)] = 15
    text: str = "Hearthline {reference}: {level}, {concern}. {todo} Reply ACK {reference} or open {link}"
    todo: Mapping[str, str] = {}
    acknowledged: str = "{reference} is yours."
    too_late: str = "{reference} has been answered already."
    unknown: str = "No open alarm has the number {reference}."


class Forbidden(Model):
    """What safety texts must not say, by language; see `flows.safety_check`."""

    methods: Phrases = {}
    promises: Phrases = {}
    claims: Phrases = {}
    telling: Phrases = {}


class Helpline(Model):
    """Whom tenants can reach, where, and how sure we are. `enabled` is false until somebody has verified it.

    reachable_by: how (voice, sms, email ...) to a number or address. verified_on: when somebody last called it or read
    its own page. source: where the facts are from.
    """

    id: Identifier
    name: str
    concerns: tuple[str, ...]
    nations: tuple[Nation, ...]
    reachable_by: Mapping[str, str]
    hours: str
    cost: str
    languages: tuple[Language, ...]
    note: str = ""
    source: str
    verified_on: date | None = None
    enabled: bool


class Table(Model):
    """Rows that staff can replace by CSV. The first column is the key."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Book(Model):
    """All of it. `places` says where each part was written, for issues; it does not count towards `revision`."""

    version: int = SCHEMA_VERSION
    revision: str = ""
    landlord: Landlord
    flows: Mapping[str, Flow]
    faq: tuple[FaqTopic, ...]
    texts: Mapping[str, Text]
    words: Words
    safety: tuple[SafetyText, ...] = ()
    protocol_texts: tuple[ProtocolText, ...] = ()
    paging: Paging = Paging()
    forbidden: Forbidden = Forbidden()
    helplines: tuple[Helpline, ...] = ()
    tables: Mapping[str, Table] = {}
    places: Mapping[str, tuple[str, int]] = {}

    def text(self, name: str, language: str, channel: str = "sms") -> str:
        """One of the global texts in a language, or in English where it has none, with the landlord's values filled in.

        Raises `KeyError` if the Book has no such text.
        """
        wordings = self.texts[name]
        wording = wordings.get(language) or wordings[BASE_LANGUAGE]
        return PLACEHOLDER.sub(lambda found: self.landlord.value(found[1], language) or found[0], wording.on(channel))

    @cached_property
    def topics(self) -> Mapping[str, FaqTopic]:
        """FAQ topics by id."""
        return {topic.id: topic for topic in self.faq}

    @cached_property
    def crisis(self) -> Mapping[str, SafetyText]:
        """Crisis texts by concern or level."""
        return {entry.id: entry for entry in self.safety}

    @cached_property
    def protocol(self) -> Mapping[str, ProtocolText]:
        """Texts of the crisis protocol by id."""
        return {entry.id: entry for entry in self.protocol_texts}
