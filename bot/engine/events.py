"""Facts that move a conversation. Each carries its own time and id, so that a step needs no clock and no database."""

from typing import Literal

from msgspec import Struct

from bot.nlu.understanding import Level, Understanding

MediaKind = Literal["picture", "voice", "video", "document", "sticker", "other"]


class MessageReceived(Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """The tenant wrote, tapped, sent a file, corrected a message, or a consent word came.

    at: POSIX seconds of receipt. id: the inbox row. message: the provider's id, which an answer may refer to.
    edits: the provider's id of the message that this one corrects.
    """

    at: float
    id: int
    channel: str
    kind: Literal["message", "edit", "button", "blocked", "unblocked", "group"] = "message"
    message: str = ""
    edits: str | None = None
    text: str = ""
    choice: str | None = None
    media: tuple[MediaKind, ...] = ()
    location: bool = False
    consent: Literal["stop", "start", "help"] | None = None
    provider_replied: bool = False
    source: str | None = None
    language_hint: str | None = None
    understood: Understanding = Understanding()


class TimerFired(Struct, frozen=True, tag=True, kw_only=True):
    """A timer that the conversation started has come due. `name` is the one it was started under."""

    at: float
    id: int
    name: str


class DeliveryFailed(Struct, frozen=True, tag=True, kw_only=True):
    """Something we said will not arrive. `outcome` is one of `channels.errors.Outcome`."""

    at: float
    id: int
    outcome: str


class PageAccepted(Struct, frozen=True, tag=True, kw_only=True):
    """A provider took a page about this conversation for delivery: from now on it is true that a person has been told."""

    at: float
    id: int


class PageAcknowledged(Struct, frozen=True, tag=True, kw_only=True):
    """A person said that they have seen the page."""

    at: float
    id: int


class NobodyOnCall(Struct, frozen=True, tag=True, kw_only=True):
    """Nobody could be paged: no one is on the rota, or no page was taken by any provider."""

    at: float
    id: int


class AdvisorClaimed(Struct, frozen=True, tag=True, kw_only=True):
    """An advisor took the conversation; the bot is silent until it is given back."""

    at: float
    id: int


class AdvisorReplied(Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """An advisor wrote to the tenant. template: approved WhatsApp template to use outside the 24-hour window.

    media_url: a signed address of a file to send along.
    """

    at: float
    id: int
    text: str
    language: str = ""
    template: str | None = None
    media_url: str | None = None


class HandoffReturned(Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """An advisor gave the conversation back to the bot. level: what the advisor judged it to be now."""

    at: float
    id: int
    level: Level = "P3"


class HandoffClosed(Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """An advisor closed the handoff with an outcome; the level falls, because a person said so."""

    at: float
    id: int
    outcome: str
    survey: bool = False


class NobodyCame(Struct, frozen=True, tag=True, kw_only=True):
    """A handoff's clock lapsed with nobody to take it: the tenant is told the truth and offered a callback."""

    at: float
    id: int


class LevelSet(Struct, frozen=True, tag=True, kw_only=True):
    """A person judged how urgent the conversation is, up or down."""

    at: float
    id: int
    level: Level


StaffFact = (
    PageAccepted
    | PageAcknowledged
    | NobodyOnCall
    | AdvisorClaimed
    | AdvisorReplied
    | HandoffReturned
    | HandoffClosed
    | NobodyCame
    | LevelSet
)
"""What people on our side did, or failed to do."""
Event = MessageReceived | TimerFired | DeliveryFailed | StaffFact
