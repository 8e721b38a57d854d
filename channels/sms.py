"""The SMS channel: texts and pictures by Twilio's Programmable Messaging.

A conversation belongs to the number that the tenant wrote to, also when a Messaging Service owns that number: answers
name it as From, so that they come from the number that the tenant knows whatever else is in the service's pool. Only
where Twilio names no number, or we start a conversation ourselves, does the service choose one.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping

from channels import _twilio_webhook as webhook
from channels._http import Exchange
from channels._twilio import BODY_LIMIT, Twilio, TwilioAccount
from channels.errors import Malformed, Sent
from channels.messages import ChannelName, ConsentWord, Inbound, Outbound, Part, Receipt, SendContext, WebhookRequest
from channels.text import clean, segments, split, to_gsm7

CONSENT_WORDS: Mapping[str, ConsentWord] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "stop"),
    **dict.fromkeys(("START", "UNSTOP"), "start"),
    **dict.fromkeys(("HELP", "INFO"), "help"),
}
"""The words that carriers and Twilio act on, when they are the whole message, in any case.

https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out. YES starts again too, but tenants answer questions
with it, so it counts only when Twilio says that it did (OptOutType).
"""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BASE64_SHORTEST = 40


class Sms:
    """The `Channel` of one Twilio account's numbers. Safe to share between threads.

    exchange: how HTTP is done, for tests; a pool of connections by default.
    """

    name: ChannelName = "sms"

    def __init__(self, account: TwilioAccount, exchange: Exchange | None = None) -> None:
        self.account = account
        self._twilio = Twilio(account, exchange)

    def verify(self, request: WebhookRequest) -> None:
        """Check Twilio's signature and the account. Raises `Forged`."""
        webhook.verify(request, self.account)

    def parse(self, request: WebhookRequest) -> tuple[Inbound | Receipt, ...]:
        """Read a message or a status callback. Raises `Malformed`."""
        form = webhook.read_form(request)
        if webhook.is_status(form):
            return webhook.read_receipt(form)
        return (read_message(form, self.account.provider_answers),)

    def render(self, outbound: Outbound) -> tuple[Part, ...]:
        """Numbered options, lighter typography where it saves segments, and at most 1600 characters a part.

        A picture goes as its address: Twilio sends no MMS from UK numbers
        (https://help.twilio.com/articles/223179808).
        """
        lines = [outbound.text, *numbered(outbound), outbound.media_url or ""]
        text = to_gsm7("\n".join(line for line in lines if line))
        return tuple(self._part(outbound, body) for body in split(text, BODY_LIMIT))

    def send(self, part: Part, context: SendContext) -> Sent:
        """Make the call. Blocks up to `SEND_TIMEOUT` seconds; a provider's fault is an outcome, never raised."""
        return self._twilio.send(part, context)

    def find_sent(self, part: Part, since: float, known: Collection[str] = ()) -> str | None:
        """Look whether `part` was sent after all; see `Twilio.find_sent`. Raises `Unavailable`."""
        return self._twilio.find_sent(part, since, known)

    def _part(self, outbound: Outbound, body: str) -> Part:
        by_service = outbound.account.startswith("MG")
        sender = {"MessagingServiceSid" if by_service else "From": outbound.account}
        return Part(
            channel="sms",
            account=outbound.account,
            address=outbound.address,
            params={"To": outbound.address, **sender, "Body": body},
            text=body,
            segments=segments(body).count,
        )


def numbered(outbound: Outbound) -> list[str]:
    """The options as lines that a tenant answers by number: "1 Report a repair"."""
    return [f"{number} {option.label}" for number, option in enumerate(outbound.options, 1)]


def read_message(form: webhook.Form, provider_answers: Collection[ConsentWord]) -> Inbound:
    """Read an SMS or MMS (https://www.twilio.com/docs/messaging/guides/webhook-request). Raises `Malformed`."""
    webhook.require(form, "AccountSid")
    address = webhook.require(form, "From")
    if ":" in address:
        raise Malformed("From is of another channel; give Twilio that channel's own webhook address")
    account = webhook.require(form, "To", "MessagingServiceSid")
    text = decoded(form.get("Body", ""))
    word = CONSENT_WORDS.get(text.strip().upper().rstrip(".!?,;:"))
    seen = webhook.consent_of(form)
    answered = word in provider_answers and text.strip().upper() in CONSENT_WORDS and is_long_code(account)
    return Inbound(
        channel="sms",
        account=account,
        address=address,
        provider_id=webhook.require(form, "MessageSid", "SmsMessageSid", "SmsSid"),
        text=text,
        media=webhook.read_media(form),
        location=webhook.read_location(form),
        consent=seen or word,
        provider_replied=seen is not None or answered,
    )


def is_long_code(number: str) -> bool:
    """Whether a sender is a whole telephone number, for which Twilio answers consent words by itself."""
    return number.startswith("+")


def decoded(body: str) -> str:
    """Undo the base64 in which Twilio sometimes delivers long messages.

    Only what cannot be anything else is decoded: forty or more characters of the alphabet with correct padding and no
    space between them, whose bytes are UTF-8 text of several words without control characters. A word, a code or an
    address that a tenant typed does not decode to that; random letters do so about once in 10^12.
    """
    packed = re.sub(r"\r?\n", "", body.strip())
    if len(packed) < _BASE64_SHORTEST or len(packed) % 4 or not _BASE64.fullmatch(packed):
        return body
    raw = b64decode(packed)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return body
    words = text.split()
    legible = len(words) > 1 and all(character.isprintable() or character in "\r\n\t" for character in text)
    return clean(text) if legible and b64encode(raw).decode() == packed else body
