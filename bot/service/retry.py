"""What to do after each outcome of a send: one pure table, the same for every channel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from channels.errors import Outcome

LEASE = 12.0
"""Seconds a worker has for one claimed row: more than a look-up and a send may take together."""

HOUR = 3600.0
MAX_AGE = {"crisis": 24 * HOUR, "reply": 4 * HOUR, "proactive": 12 * HOUR, "page": 600.0}
"""Seconds after which words are too old to be worth saying, by purpose."""
MOST_IN_DOUBT = {"crisis": 10, "reply": 4, "proactive": 1, "page": 10}
"""Tries of unknown fate, by purpose, where the provider cannot be asked: each may have reached the tenant."""
FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
MISCONFIGURED_DELAY = 60.0
NEVER_AGAIN = frozenset({Outcome.OPTED_OUT, Outcome.UNREACHABLE, Outcome.OUTSIDE_WINDOW, Outcome.REJECTED})


@dataclass(frozen=True, slots=True)
class Next:
    """How a row goes on. `delay`: seconds until it is due again. `verify`: look it up at the provider first."""

    state: Literal["queued", "sent", "failed"]
    delay: float = 0.0
    verify: bool = False


def decide(
    outcome: Outcome,
    *,
    purpose: str,
    attempts: int,
    age: float,
    retry_after: float | None,
    can_look_up: bool,
    jitter: Callable[[], float],
) -> Next:
    """Decide how a row goes on after an attempt.

    attempts: tries so far, this one included. age: seconds since the words were decided on. retry_after: seconds the
    provider asked for. can_look_up: whether the channel can tell if an earlier try arrived. jitter: a number in [0, 1).
    """
    if outcome is Outcome.ACCEPTED:
        return Next("sent")
    if outcome in NEVER_AGAIN or age > MAX_AGE[purpose]:
        return Next("failed")
    if outcome is Outcome.UNKNOWN:
        return _after_unknown(purpose, attempts, can_look_up, jitter)
    if outcome is Outcome.MISCONFIGURED:
        return Next("queued", MISCONFIGURED_DELAY)
    return Next("queued", max(retry_after or 0.0, _backoff(attempts, jitter)))


def _after_unknown(purpose: str, attempts: int, can_look_up: bool, jitter: Callable[[], float]) -> Next:
    """Crisis words and pages twice rather than never; an answer is looked up, or repeated where it cannot be; the rest is not."""
    delay = _backoff(attempts, jitter)
    if not can_look_up and attempts >= MOST_IN_DOUBT[purpose]:
        return Next("failed")
    if purpose in ("crisis", "page"):
        return Next("queued", 0.0 if attempts == 1 else delay)
    if can_look_up:
        return Next("queued", delay, verify=True)
    return Next("queued", delay) if purpose == "reply" else Next("failed")


def _backoff(attempts: int, jitter: Callable[[], float]) -> float:
    """Doubling seconds with "equal jitter": half fixed, half random, so that retries neither bunch nor bunch up at zero."""
    ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempts - 1, 10))
    return ceiling * (0.5 + 0.5 * jitter())
