"""What Twilio refuses in a call, with its own error codes (https://www.twilio.com/docs/api/errors)."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from bot.double.identity import MESSAGING_SERVICE_SID, SMS_FROM, WHATSAPP_FROM
from bot.double.world import World

Form = Mapping[str, Sequence[str]]

CREATE: Final = frozenset(
    {
        "AddressRetention",
        "ApplicationSid",
        "Attempt",
        "Body",
        "ContentRetention",
        "ContentSid",
        "ContentVariables",
        "FallbackFrom",
        "ForceDelivery",
        "From",
        "MaxPrice",
        "MediaUrl",
        "MessagingServiceSid",
        "PersistentAction",
        "ProvideFeedback",
        "RiskCheck",
        "ScheduleType",
        "SendAsMms",
        "SendAt",
        "ShortenUrls",
        "SmartEncoded",
        "StatusCallback",
        "To",
        "TrafficType",
        "ValidityPeriod",
    }
)
"""Every parameter of POST Messages.json."""
LIST: Final = frozenset({"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"})
"""Every parameter of GET Messages.json."""
BODY_LIMIT: Final = 1600
MEDIA_LIMIT: Final = 10

MESSAGES: Final = {
    20001: "Unknown parameters",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    21211: "Invalid 'To' Phone Number",
    21602: "Message body is required",
    21603: "A 'From' or 'MessagingServiceSid' parameter is required to send a message",
    21604: "A 'To' phone number is required",
    21606: "The 'From' phone number is not a valid message-capable Twilio phone number for this destination",
    21609: "Invalid 'StatusCallback'",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21620: "Invalid media URL(s)",
    21623: "Number of media files exceeds allowed limit",
    21655: "The ContentSid is Invalid",
    21656: "The ContentVariables Parameter is invalid",
    21910: "Invalid 'From' and 'To' pair. They should be of the same channel",
}

_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")
_WHATSAPP: Final = re.compile(r"whatsapp:(\+[1-9]\d{6,14}|[A-Z]{2}\.\d{1,40})")


def one(form: Form, name: str) -> str:
    """The last value of a parameter, or nothing."""
    values = form.get(name)
    return values[-1] if values else ""


def sender(form: Form) -> str:
    """Our side of the message: a Messaging Service sends with its only number."""
    return one(form, "From") or (SMS_FROM if one(form, "MessagingServiceSid") == MESSAGING_SERVICE_SID else "")


def refused(form: Form, world: World) -> int | None:
    """The error code with which Twilio refuses to create this message, or None."""
    if not CREATE.issuperset(form):
        return 20001
    return _addresses(form) or _content(form, world) or _opted_out(form, world)


def _addresses(form: Form) -> int | None:
    to, ours = one(form, "To"), sender(form)
    if not to:
        return 21604
    if not one(form, "From") and not one(form, "MessagingServiceSid"):
        return 21603
    if not (_WHATSAPP if to.startswith("whatsapp:") else _NUMBER).fullmatch(to):
        return 21211
    if ours not in (SMS_FROM, WHATSAPP_FROM):
        return 21606
    return 21910 if ours.startswith("whatsapp:") != to.startswith("whatsapp:") else None


def _content(form: Form, world: World) -> int | None:
    media = form.get("MediaUrl", ())
    if one(form, "ContentSid"):
        return _template(form, world)
    if not one(form, "Body") and not media:
        return 21602
    if len(one(form, "Body")) > BODY_LIMIT:
        return 21617
    if len(media) > MEDIA_LIMIT:
        return 21623
    if not all(_is_address(url) for url in media):
        return 21620
    callback = one(form, "StatusCallback")
    return 21609 if callback and not _is_address(callback) else None


def _template(form: Form, world: World) -> int | None:
    if one(form, "ContentSid") not in world.contents:
        return 21655
    try:
        variables = json.loads(one(form, "ContentVariables") or "{}")
    except ValueError:
        return 21656
    good = isinstance(variables, dict) and all(isinstance(value, str) and value for value in variables.values())
    return None if good else 21656


def _opted_out(form: Form, world: World) -> int | None:
    to = one(form, "To")
    return 21610 if not to.startswith("whatsapp:") and world.contact("sms", to).stopped else None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
