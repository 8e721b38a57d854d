"""What Twilio's error codes and HTTP statuses mean for a message: data, and two functions that look it up.

Every code is described at https://www.twilio.com/docs/api/errors/CODE, which is its source here. Twilio splits codes
without notice and advises against logic on them, so a code that is not listed is decided by the HTTP status alone.
"""

from collections.abc import Mapping

from channels.errors import Outcome, Sent

_BY_OUTCOME: Mapping[Outcome, Mapping[int, str]] = {
    Outcome.THROTTLED: {
        20429: "too many requests; never processed, always safe to retry",
        21611: "the sender's queue is full",
        30001: "queue overflow (Messaging Service)",
        30017: "carrier network congestion",
        63017: "rate limit exceeded",
        63018: "rate limit of the channel exceeded",
        63038: "daily message limit of the account",
    },
    Outcome.TEMPORARY: {
        20503: "service unavailable",
        30008: "unknown error at the carrier; not delivered",
        30020: "failure inside message scheduling",
        30021: "failure inside the Messaging Service",
        30410: "provider timeout",
        63009: "WhatsApp answered with an internal error",
        63010: "Twilio failed internally",
        63012: "WhatsApp failed internally",
    },
    Outcome.OPTED_OUT: {
        21610: "the recipient has sent STOP",
        63014: "the recipient has blocked us",
    },
    Outcome.UNREACHABLE: {
        21211: "invalid To number",
        21214: "To number cannot be reached",
        21217: "To number does not appear to be valid",
        21612: "no route to the To number",
        21614: "To is not a mobile number",
        21635: "To is a landline",
        30003: "handset unreachable",
        30004: "blocked by the recipient or carrier",
        30005: "unknown handset",
        30006: "landline or unreachable carrier",
        30011: "the recipient's network takes no MMS",
        63003: "the channel does not know the To address",
        63015: "the recipient has not joined the WhatsApp sandbox",
        63024: "invalid recipient",
        63032: "WhatsApp does not let us write to this user",
        63033: "the recipient is blocked from receiving",
    },
    Outcome.OUTSIDE_WINDOW: {
        63016: "free-form message outside the 24-hour window",
    },
    Outcome.MISCONFIGURED: {
        20003: "wrong account SID or auth token",
        20005: "account not active",
        20006: "access denied",
        20008: "test credentials",
        20010: "action disabled for the account",
        20404: "no such resource",
        21212: "invalid From number",
        21408: "SMS to this country is not enabled",
        21603: "no From and no Messaging Service",
        21606: "From cannot send to this destination",
        21607: "a trial account must use its sandbox number",
        21608: "a trial account may only write to verified numbers",
        21609: "invalid StatusCallback; is PUBLIC_BASE_URL a public address?",
        21654: "ContentSid required",
        21655: "invalid ContentSid",
        21659: "From is not a number of Twilio's",
        21660: "From belongs to another account",
        21701: "no such Messaging Service",
        21702: "Messaging Service cannot send",
        21703: "Messaging Service has no suitable sender",
        21704: "Messaging Service has no senders",
        21705: "invalid Messaging Service",
        21709: "alphanumeric sender not authorised",
        21910: "From and To are of different channels",
        30002: "account suspended",
        30016: "To and From are of different channels",
        30018: "the destination wants the sender registered",
        30024: "sender not provisioned at the carrier",
        63001: "the channel refused our credentials",
        63002: "the channel does not know the From address",
        63007: "no WhatsApp sender with this From address",
        63008: "the channel is misconfigured at Twilio",
        63020: "WhatsApp business account error",
        63027: "the template does not exist in this language",
        63040: "the template was not approved",
        63041: "the template is paused",
    },
    Outcome.REJECTED: {
        21602: "no body",
        21604: "no To",
        21617: "body over 1600 characters",
        21618: "the body cannot be sent",
        21620: "invalid media address",
        21623: "too many media",
        21656: "invalid ContentVariables",
        30007: "filtered as unwanted",
        30019: "too large for the carrier",
        63005: "the channel did not accept the content",
        63006: "the content cannot be formatted for the channel",
        63011: "invalid request",
        63013: "against the channel's policy",
        63019: "media failed to download",
        63021: "invalid content",
        63026: "flagged as spam",
        63028: "wrong number of template parameters",
        63030: "parameter not supported by the channel",
        63031: "From and To are the same",
        63034: "media too large",
    },
}

CODES: Mapping[str, Outcome] = {str(code): outcome for outcome, codes in _BY_OUTCOME.items() for code in codes}


def outcome_of(code: str | None) -> Outcome | None:
    """Say what a code means, also one that arrives with a failed delivery; None if it is not listed."""
    return CODES.get(code or "")


def refusal(status: int, code: str | None, retry_after: float | None) -> Sent:
    """Turn an HTTP answer that is no success into an outcome.

    429 is never processed (https://www.twilio.com/docs/api/errors/20429). 503 turns the request away before it is
    looked at. Other 5xx answers may come after the message was queued, and Twilio offers no idempotency key, so they
    are UNKNOWN and the sender looks before it repeats. 408 means the request never arrived whole.
    """
    return Sent(_outcome(status, code), code=code or str(status), retry_after=retry_after)


def _outcome(status: int, code: str | None) -> Outcome:
    if status == 429:
        return Outcome.THROTTLED
    if status in (408, 503):
        return Outcome.TEMPORARY
    if status >= 500:
        return Outcome.UNKNOWN
    return outcome_of(code) or (
        Outcome.MISCONFIGURED if status < 400 or status in (401, 403, 404) else Outcome.REJECTED
    )
