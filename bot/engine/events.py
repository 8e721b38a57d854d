"""Facts that move a conversation. Each carries its own time and id, so that a step needs no clock and no database."""

from typing import Literal

from msgspec import Struct

from bot.nlu.understanding import Understanding

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


Event = MessageReceived | TimerFired | DeliveryFailed
