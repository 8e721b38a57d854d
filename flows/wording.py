"""Limits, names and wordings: the small parts that everything in a Book is made of.

Every limit is a named constant here, so that the schema, the checker and the engine agree on it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

SCHEMA_VERSION = 1
END = "end"
"""Target that leaves the flow: the caller goes on, or the conversation is free again."""

MAX_FLOW_NAME = 24
MAX_STATE_NAME = 20
MAX_CHOICE_ID = 18
"""The three joined as `flow.state:choice` fit the 64 bytes of a Telegram button (Bot API, InlineKeyboardButton)."""
MAX_CHOICES = 25
MAX_SLOT_CHARACTERS = 1000
SMS_CHARACTERS = 1600
WHATSAPP_CHARACTERS = 4096
TELEGRAM_CHARACTERS = 4096
FAQ_SMS_CHARACTERS = 306
"""Two GSM-7 segments: the longest answer that a tenant should have to read in a text message."""
WHATSAPP_WINDOW_HOURS = 24
BASE_LANGUAGE = "en"

ChannelName = Literal["sms", "whatsapp", "telegram"]
Nation = Literal["england", "wales", "scotland", "northern-ireland"]
Level = Literal["P0", "P1", "P2", "P3"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
AlwaysWord = Literal["menu", "person", "language", "back", "again", "resume"]
ConsentWord = Literal["stop", "start", "help"]

_SLUG = r"^[a-z][a-z0-9-]*$"
FlowName = Annotated[str, StringConstraints(pattern=_SLUG, max_length=MAX_FLOW_NAME)]
StateName = Annotated[str, StringConstraints(pattern=_SLUG, max_length=MAX_STATE_NAME)]
ChoiceId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=MAX_CHOICE_ID)]
SlotName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Identifier = Annotated[str, StringConstraints(pattern=_SLUG, max_length=40)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TELEGRAM_CHARACTERS)]
TimeRange = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
COMPUTED = frozenset({"landlord", "out_of_hours_phone", "opens", "closes", "hours"})
"""Placeholders that the engine fills by itself, beside the landlord's values and the flow's slots."""


class Model(BaseModel):
    """Frozen, and strict about names, so that a misspelt key is an issue and not silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Wording(Model):
    """One text in one language. A plain string in YAML is its `default`.

    sms, whatsapp, telegram: said instead on that channel. reviewed_by: the person who signed this translation, null
    until one has. source: `flows.check.fingerprint` of the English it was translated from, to notice a stale one.
    """

    default: Said
    sms: Said | None = None
    whatsapp: Said | None = None
    telegram: Said | None = None
    reviewed_by: str | None = None
    source: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _accept_plain_text(cls, value: Any) -> Any:
        return {"default": value} if isinstance(value, str) else value

    def on(self, channel: str) -> str:
        """The words for a channel."""
        variant: str | None = {"sms": self.sms, "whatsapp": self.whatsapp, "telegram": self.telegram}.get(channel)
        return variant or self.default


Text = Mapping[Language, Wording]
Phrases = Mapping[Language, tuple[str, ...]]
