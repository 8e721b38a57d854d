"""What can go wrong at the edge of a provider: errors for what comes in, a closed set of outcomes for what goes out."""

from enum import StrEnum

from msgspec import Struct

SEND_TIMEOUT = 8.0
"""Seconds one provider call may take in all. Less than the outbox lease, so that a slow call is never made twice."""


class ChannelError(Exception):
    """Something a provider sent cannot be used."""


class Forged(ChannelError):
    """The request is not signed by the provider: answer 403 and keep nothing."""


class Malformed(ChannelError):
    """The request is signed, and yet not what the provider documents: answer 400 and say which field."""


class Unavailable(ChannelError):
    """The provider cannot say now, for example whether a message was sent: ask again later, and decide nothing."""


class Outcome(StrEnum):
    """What became of one call of a provider's API.

    THROTTLED and TEMPORARY were not processed and may be tried again. UNKNOWN may or may not have been processed: the
    connection broke or timed out after the request left, or the answer could not be read.
    """

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    TEMPORARY = "temporary"
    OPTED_OUT = "opted_out"
    UNREACHABLE = "unreachable"
    OUTSIDE_WINDOW = "outside_window"
    REJECTED = "rejected"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


class Sent(Struct, frozen=True):
    """The result of `Channel.send`.

    provider_id: set when accepted. code: the provider's error code or HTTP status, never its message, which can
    quote the tenant. retry_after: seconds the provider asks us to wait.
    """

    outcome: Outcome
    provider_id: str | None = None
    code: str | None = None
    retry_after: float | None = None
