"""What SMS and WhatsApp share on the way out: the account, the calls through Twilio's own client, and their outcomes.

The client is Twilio's; the HTTP below it is ours, because the one it brings has no timeout of its own, logs addresses
with tenants' numbers in them, cannot be pointed at another host, and hides whether a failed request had left.
"""

import json
import logging
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from channels._http import Answer, Exchange, MayHaveArrived, NeverLeft, pooled
from channels._twilio_errors import refusal
from channels.errors import SEND_TIMEOUT, Outcome, Sent, Unavailable
from channels.messages import ConsentWord, Part, SendContext
from channels.text import fold

BODY_LIMIT = 1600
"""Characters of a Body (https://www.twilio.com/docs/api/errors/21617)."""

TYPING_TIMEOUT = 1.0
"""Seconds that the typing indicator may cost a tenant's answer."""

LOOKUP_TIMEOUT = 3.0
"""Seconds that asking what was sent may take, before the send that may follow it."""

LOOK_BACK = 50
"""Messages to one tenant among which `find_sent` looks."""

_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)
"""What Twilio's client raises for a success whose fields have other types than documented."""

_ARGUMENTS = {
    "To": "to",
    "From": "from_",
    "MessagingServiceSid": "messaging_service_sid",
    "Body": "body",
    "MediaUrl": "media_url",
    "ContentSid": "content_sid",
    "ContentVariables": "content_variables",
}


@dataclass(frozen=True)
class TwilioAccount:
    """One Twilio account and its senders.

    public_base_url: where Twilio reaches us, without a trailing slash; it is part of every signature.
    api_base_url: another host for all of Twilio's APIs, empty for the real one.
    content: name of a template or menu, with ".language" for each other than English, to its ContentSid.
    provider_answers: consent words that long codes answer themselves
        (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out); short codes answer none.
    shared_key: secret of Twilio's SharedKey webhooks (HMAC_SHA256), if it is not the auth token.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    public_base_url: str
    sms_from: str = ""
    messaging_service_sid: str = ""
    whatsapp_from: str = ""
    api_base_url: str = ""
    content: Mapping[str, str] = field(default_factory=dict)
    provider_answers: Collection[ConsentWord] = ("stop", "start", "help")
    shared_key: str = field(default="", repr=False)

    def status_callback(self, message_id: str) -> str:
        """Where Twilio reports what becomes of our message."""
        return f"{self.public_base_url.rstrip('/')}/webhooks/twilio/status/{quote(message_id, safe='')}"


class _Refused(Exception):
    """Twilio answered, and not with a success."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(sent.code)
        self.sent = sent


class _Http(HttpClient):  # type: ignore[misc]  # twilio ships no types
    """Twilio's seam for HTTP, over an `Exchange`. Raises `NeverLeft`, `MayHaveArrived` or `_Refused`."""

    def __init__(self, account: TwilioAccount, exchange: Exchange, seconds: float) -> None:
        super().__init__(logging.getLogger(__name__), False, seconds)
        self._base = account.api_base_url.rstrip("/")
        self._exchange = exchange
        self._seconds = seconds
        self._authorization = "Basic " + b64encode(f"{account.account_sid}:{account.auth_token}".encode()).decode()

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: object = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one call, as Twilio's client asks for it; credentials and time come from the account instead."""
        url = self._url(uri) + (f"?{urlencode(params, doseq=True)}" if params else "")
        body = urlencode(data, doseq=True).encode() if data else None
        answer = self._exchange(
            method.upper(), url, body, {**(headers or {}), "Authorization": self._authorization}, self._seconds
        )
        parsed = _object(answer.body)
        if not 200 <= answer.status < 300:
            raise _Refused(refusal(answer.status, _code(parsed), _retry_after(answer)))
        if parsed is None:
            raise MayHaveArrived("answer")
        return Response(answer.status, answer.body.decode(), answer.headers)

    def _url(self, uri: str) -> str:
        """With another base, product hosts become its folders: messaging.twilio.com/v2 is BASE/messaging/v2."""
        if not self._base:
            return uri
        target = urlsplit(uri)
        product = (target.hostname or "").partition(".")[0]
        folder = "" if product == "api" else f"/{product}"
        return f"{self._base}{folder}{target.path}" + (f"?{target.query}" if target.query else "")


class Twilio:
    """The calls of one account. Made once per process before any fork: it imports Twilio's modules when it is made."""

    def __init__(self, account: TwilioAccount, exchange: Exchange | None = None) -> None:
        self.account = account
        exchange = exchange or pooled()
        seconds = SEND_TIMEOUT - TYPING_TIMEOUT
        self._messages = _client(account, exchange, seconds).messages
        self._sent = _client(account, exchange, LOOKUP_TIMEOUT).messages
        self._typing = _client(account, exchange, TYPING_TIMEOUT).messaging.v2.typing_indicator

    def send(self, part: Part, context: SendContext) -> Sent:
        """Create the message. Returns an outcome for everything that a provider can do."""
        call = {_ARGUMENTS[name]: value for name, value in part.params.items() if name in _ARGUMENTS}
        try:
            callback = self.account.status_callback(context.message_id)
            message = self._messages.create(**call, status_callback=callback)
        except NeverLeft:
            return Sent(Outcome.TEMPORARY, code="connect")
        except MayHaveArrived as error:
            return Sent(Outcome.UNKNOWN, code=str(error))
        except _Refused as error:
            return error.sent
        except _UNREADABLE:
            return Sent(Outcome.UNKNOWN, code="answer")
        if not isinstance(message.sid, str) or not message.sid:
            return Sent(Outcome.UNKNOWN, code="answer")
        return Sent(Outcome.ACCEPTED, provider_id=message.sid)

    def show_typing(self, provider_id: str) -> None:
        """Show the tenant that an answer is being written, if that works: it is in beta, and nothing depends on it.

        provider_id: the tenant's message, which is thereby marked as read.
        https://www.twilio.com/docs/whatsapp/api/typing-indicators-resource
        """
        try:
            self._typing.create(channel="whatsapp", message_id=provider_id)
        except (NeverLeft, MayHaveArrived, _Refused):
            return

    def find_sent(self, part: Part, since: float, known: Collection[str] = ()) -> str | None:
        """Look whether a message like `part` was created after all.

        since: POSIX seconds of the first attempt. known: provider ids of other parts, which cannot be this one.
        Returns its provider id, or None if there is none. Raises `Unavailable` if Twilio cannot say.
        """
        # Not filtered by DateSent: a message that is still queued has none.
        sender = str(part.params.get("From", ""))
        query = {"to": str(part.params["To"]), **({"from_": sender} if sender else {})}
        try:
            found = self._sent.list(**query, limit=LOOK_BACK)
        except (NeverLeft, MayHaveArrived, _Refused, TwilioException, *_UNREADABLE) as error:
            raise Unavailable("Twilio could not be asked what it has sent; ask again later") from error
        wanted = fold(part.text)
        matches = [m for m in found if _made_since(m, since) and fold(m.body or "") == wanted and m.sid not in known]
        return matches[-1].sid if matches else None


def _client(account: TwilioAccount, exchange: Exchange, seconds: float) -> Client:
    return Client(account.account_sid, account.auth_token, http_client=_Http(account, exchange, seconds))


def _made_since(message: MessageInstance, since: float) -> bool:
    """Twilio's times have whole seconds, so that one made in the same second counts."""
    made = message.date_created
    ours = str(message.direction or "").startswith("outbound")
    return ours and made is not None and made.timestamp() >= int(since)


def _object(body: bytes) -> dict[str, object] | None:
    try:
        parsed = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _code(parsed: Mapping[str, object] | None) -> str | None:
    code = (parsed or {}).get("code")
    return str(code) if isinstance(code, int) and not isinstance(code, bool) else None


def _retry_after(answer: Answer) -> float | None:
    """Seconds; the other form of the header, a date, would need a clock that agrees with Twilio's."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None
