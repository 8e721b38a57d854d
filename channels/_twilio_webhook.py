"""What SMS and WhatsApp share on the way in: Twilio's signature, its form, and its status callbacks.

The signature is checked here and not by Twilio's own validator, with which it agrees on all its test vectors: that one
raises on bytes that are no UTF-8, and refuses a URL whose apostrophe Twilio has escaped (twilio-node accepts it).
"""

import hmac
import math
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha1, sha256
from typing import Literal
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit, urlunsplit

from channels._twilio import TwilioAccount
from channels._twilio_errors import outcome_of
from channels.errors import Forged, Malformed
from channels.messages import ConsentWord, DeliveryStatus, Location, Media, Receipt, WebhookRequest
from channels.text import clean

MAX_FIELDS = 200
"""Fields of one form. Twilio's own have about forty, media included."""

_FORM = "application/x-www-form-urlencoded"
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MAX_MEDIA = 10

MediaKind = Literal["picture", "voice", "video", "document", "sticker", "other"]
_FAMILIES: Mapping[str, MediaKind] = {"image": "picture", "audio": "voice", "video": "video"}
_DOCUMENTS = ("application/pdf", "application/msword", "text/plain")

STATUSES: Mapping[str, DeliveryStatus] = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "queued",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
    "partially_delivered": "sent",
}
"""MessageStatus to ours (enum of https://www.twilio.com/docs/messaging/api/message-resource).

A part of a message has not been delivered, and the rest may still be, so `partially_delivered` says no more than sent.
"""

_INBOUND_STATUSES = ("receiving", "received")

_ALGORITHMS = {"HMAC_SHA1": sha1, "HMAC_SHA256": sha256}

Form = Mapping[str, str]
"""Field names to cleaned values; the first of a repeated field."""


def verify(request: WebhookRequest, account: TwilioAccount) -> None:
    """Return if Twilio signed this request for our account (https://www.twilio.com/docs/usage/webhooks/webhooks-security).

    Raises `Forged`, also for a good signature with another account's SID: Twilio signs a subaccount's requests with the
    subaccount's own token, so none of its can be ours.
    """
    algorithm = _algorithm(request.headers.get("x-twilio-webhooks-signature-settings", ""))
    secret = account.auth_token if algorithm == "HMAC_SHA1" or not account.shared_key else account.shared_key
    given = request.headers.get("x-twilio-signature", "").encode("utf-8", "replace")
    fields = list(_fields(request.body)) if _is_form(request) else []
    if not _is_form(request) and not _hash_agrees(request):
        raise Forged("the body is not a form, and the signature does not cover it")
    if not any(hmac.compare_digest(given, good) for good in _signatures(secret, algorithm, request.url, fields)):
        raise Forged("the signature is missing or wrong; is PUBLIC_BASE_URL the address that Twilio calls?")
    if any(name == b"AccountSid" and value != account.account_sid.encode() for name, value in fields):
        raise Forged("AccountSid is not that of TWILIO_ACCOUNT_SID")


def sign(secret: str, url: str, fields: Iterable[tuple[bytes, bytes]], algorithm: str = "HMAC_SHA1") -> bytes:
    """Sign as Twilio does: the URL, then each name with each of its different values, both in order."""
    text = url.encode("utf-8", "surrogatepass") + b"".join(name + value for name, value in sorted(set(fields)))
    return b64encode(hmac.digest(secret.encode(), text, _ALGORITHMS[algorithm]))


def read_form(request: WebhookRequest) -> Form:
    """Read the form of a verified request. Raises `Malformed`, naming what is wrong and never a value.

    Values keep their white space; bytes that are no UTF-8 become U+FFFD, so that the words around them arrive.
    """
    if not _is_form(request):
        raise Malformed(f"Content-Type must be {_FORM}")
    if any(b"=" not in pair for pair in request.body.split(b"&") if pair):
        raise Malformed("the form has a field without an equals sign")
    if _BAD_ESCAPE.search(request.body):
        raise Malformed("the form has a percent sign without two hexadecimal digits")
    form: dict[str, str] = {}
    for count, (name, value) in enumerate(_fields(request.body), 1):
        if count > MAX_FIELDS:
            raise Malformed(f"the form has more than {MAX_FIELDS} fields")
        if not name:
            raise Malformed("the form has a field without a name")
        form.setdefault(clean(name.decode("utf-8", "replace")), clean(value.decode("utf-8", "replace")))
    return form


def require(form: Form, *names: str) -> str:
    """Return the first of these fields that is not blank. Raises `Malformed`."""
    for name in names:
        if value := form.get(name, "").strip():
            return value
    raise Malformed(f"{' or '.join(names)} is missing")


def is_status(form: Form) -> bool:
    """Tell a status callback from a message: a message's own status is `received`."""
    return "MessageStatus" in form and form["MessageStatus"] not in _INBOUND_STATUSES


def read_receipt(form: Form) -> tuple[Receipt, ...]:
    """Read a status callback; a status that Twilio has added since gives (). Raises `Malformed`."""
    provider_id = require(form, "MessageSid", "SmsSid")
    status = STATUSES.get(form["MessageStatus"].strip().lower())
    if status is None:
        return ()
    code = form.get("ErrorCode", "").strip() or None
    return (Receipt(provider_id=provider_id, status=status, code=code, outcome=outcome_of(code)),)


def consent_of(form: Form) -> ConsentWord | None:
    """The word that Advanced Opt-Out saw, and has answered (OptOutType)."""
    words: Mapping[str, ConsentWord] = {"STOP": "stop", "START": "start", "HELP": "help"}
    return words.get(form.get("OptOutType", "").strip().upper())


def read_media(form: Form) -> tuple[Media, ...]:
    """Read MediaUrl0 and so on."""
    found = ((form.get(f"MediaUrl{n}", ""), form.get(f"MediaContentType{n}", "")) for n in range(_MAX_MEDIA))
    return tuple(Media(ref=url, content_type=kind.lower(), kind=media_kind(kind.lower())) for url, kind in found if url)


def read_location(form: Form) -> Location | None:
    """Read a shared place; None if there is none, or no such place on Earth."""
    try:
        latitude, longitude = float(form["Latitude"]), float(form["Longitude"])
    except (KeyError, ValueError):
        return None
    if not (math.isfinite(latitude) and abs(latitude) <= 90 and math.isfinite(longitude) and abs(longitude) <= 180):
        return None
    return Location(latitude, longitude, label=form.get("Label", ""), address=form.get("Address", ""))


def media_kind(content_type: str) -> MediaKind:
    """What a tenant would call a file of this type."""
    family = content_type.partition("/")[0]
    if content_type in _DOCUMENTS:
        return "document"
    return _FAMILIES.get(family, "other")


def _is_form(request: WebhookRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


def _fields(body: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The decoded fields as Twilio signed them, empty values included."""
    for pair in body.split(b"&"):
        if pair:
            name, _, value = pair.replace(b"+", b" ").partition(b"=")
            yield unquote_to_bytes(name), unquote_to_bytes(value)


def _algorithm(settings: str) -> str:
    """The algorithm that X-Twilio-Webhooks-Signature-Settings names ("key=...,algorithm=HMAC_SHA256")."""
    pairs = (part.strip().partition("=") for part in settings.split(","))
    named = next(
        (value.strip().upper() for name, _, value in pairs if name == "algorithm" and value.strip()), "HMAC_SHA1"
    )
    if named not in _ALGORITHMS:
        raise Forged("the signature's algorithm is not HMAC_SHA1 or HMAC_SHA256")
    return named


def _hash_agrees(request: WebhookRequest) -> bool:
    """A body that is no form is covered by its SHA-256 in the signed URL."""
    given = parse_qs(urlsplit(request.url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(given.encode("utf-8", "replace"), sha256(request.body).hexdigest().encode())


def _signatures(secret: str, algorithm: str, url: str, fields: list[tuple[bytes, bytes]]) -> Iterable[bytes]:
    return (sign(secret, candidate, fields, algorithm) for candidate in _spellings(url))


def _spellings(url: str) -> Iterable[str]:
    """The ways in which Twilio may have written our address, ours first: with and without its port, an apostrophe escaped."""
    yield url
    target = urlsplit(url)
    host = target.netloc.rpartition(":")[0] if target.port else target.netloc
    port = target.port or (443 if target.scheme == "https" else 80)
    spelt = {urlunsplit(target._replace(netloc=netloc)) for netloc in (host, f"{host}:{port}")} | {url}
    yield from (spelt | {one.replace("'", "%27") for one in spelt}) - {url}
