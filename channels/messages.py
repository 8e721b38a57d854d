"""The words that every channel shares with the rest of Hearthline.

A provider's webhook becomes `Inbound` and `Receipt` values; what Hearthline wants to say is an `Outbound`, which a
channel renders into `Part` values, each of them exactly one call of the provider's API. All are immutable and encode
to JSON with msgspec, because the inbox and the outbox keep them as they are.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

from channels.errors import Outcome, Sent

ChannelName = Literal["sms", "whatsapp", "telegram"]
InboundKind = Literal["message", "edit", "button", "blocked", "unblocked", "group"]
ConsentWord = Literal["stop", "start", "help"]
DeliveryStatus = Literal["queued", "sent", "delivered", "read", "undelivered", "failed"]
Purpose = Literal["crisis", "reply", "proactive"]


class WebhookRequest(Struct, frozen=True):
    """One HTTP request of a provider, as received.

    url: the public address the provider signed, query included (`PUBLIC_BASE_URL` and the path).
    headers: names in lower case.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes


class Media(Struct, frozen=True):
    """A file that came with a message. `ref` is what the provider needs to hand it over: an address or a file id."""

    ref: str
    content_type: str = ""
    kind: Literal["picture", "voice", "video", "document", "sticker", "other"] = "other"
    size: int | None = None
    name: str = ""


class Location(Struct, frozen=True):
    """A place that the tenant shared, in WGS 84 degrees."""

    latitude: float
    longitude: float
    label: str = ""
    address: str = ""


class Inbound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a tenant said or did on a channel.

    account: our side of the conversation (number, WhatsApp sender or bot id), so that two senders never mix.
    address: the tenant's side, in the form that `Part` needs to answer.
    provider_id: unique with (channel, account); the provider repeats it when it repeats a webhook.
    sequence: the provider's own order within the account where it has one (Telegram's update_id), else 0.
    text: words, caption or button label; lone surrogates and NUL are gone.
    choice: the id that one of our buttons carries.
    callback_id: what Telegram wants answered so that the button stops spinning.
    edits: provider_id of the message that this one corrects.
    consent: the provider's or the carrier's stop, start or help word.
    provider_replied: the provider has answered that word already, so Hearthline must not.
    source: the payload of a deep link, which says where the tenant found us.
    """

    channel: ChannelName
    account: str
    address: str
    provider_id: str
    kind: InboundKind = "message"
    sequence: int = 0
    text: str = ""
    choice: str | None = None
    callback_id: str | None = None
    edits: str | None = None
    media: tuple[Media, ...] = ()
    location: Location | None = None
    contact_card: str | None = None
    consent: ConsentWord | None = None
    provider_replied: bool = False
    source: str | None = None
    profile_name: str = ""
    language_hint: str | None = None
    external_user_id: str | None = None


class Receipt(Struct, frozen=True):
    """What became of one `Part`. Statuses may come in any order. outcome: what the code of a failure means, if known."""

    provider_id: str
    status: DeliveryStatus
    code: str | None = None
    outcome: Outcome | None = None


class Option(Struct, frozen=True):
    """One choice that the tenant may tap, or type by its number. `id` comes back as `Inbound.choice`."""

    id: str
    label: str


class Outbound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to say to one tenant, in no provider's terms.

    options: choices below the text; a channel without buttons numbers them.
    template: name of an approved WhatsApp template, for use outside the 24-hour window; `variables` fill it.
    reply_to: provider_id of the message this answers (WhatsApp's typing indicator needs it).
    menu: name of the question, which may have an interactive WhatsApp template of its own.
    """

    channel: ChannelName
    account: str
    address: str
    text: str
    language: str = "en"
    options: tuple[Option, ...] = ()
    template: str | None = None
    variables: Mapping[str, str] = {}
    media_url: str | None = None
    menu: str | None = None
    reply_to: str | None = None


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly one call of a provider's API, and one row of the outbox.

    params: the call's own parameters, JSON-able, without credentials or callback address.
    text: the words as the tenant will read them, for the thread.
    segments: how many SMS segments it costs (0 where the channel has none).
    """

    channel: ChannelName
    account: str
    address: str
    params: Mapping[str, object]
    text: str = ""
    segments: int = 0


class SendContext(Struct, frozen=True, kw_only=True):
    """What `send` must know beside the part.

    message_id: our id of the outbox row, put into the callback address so that a receipt finds it at any time.
    window_closes_at: POSIX seconds when WhatsApp's 24-hour window ends, None if it never opened.
    now: POSIX seconds.
    """

    message_id: str
    now: float
    window_closes_at: float | None = None


class Channel(Protocol):
    """What each channel can do. Adding one is a module with these four and a line in `registry`."""

    name: ChannelName

    def verify(self, request: WebhookRequest) -> None:
        """Return if the provider signed the request. Raises `channels.errors.Forged`."""

    def parse(self, request: WebhookRequest) -> tuple[Inbound | Receipt, ...]:
        """Read a verified request. An update of no interest gives (). Raises `channels.errors.Malformed`."""

    def render(self, outbound: Outbound) -> tuple[Part, ...]:
        """Turn what to say into one or more provider calls, within the provider's limits. Pure."""

    def send(self, part: Part, context: SendContext) -> Sent:
        """Make the call. Blocks up to `SEND_TIMEOUT` seconds; a provider's fault is an outcome, never raised."""
