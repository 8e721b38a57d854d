"""The retry table, outcome by outcome."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.service.retry import LEASE, LONGEST_DELAY, MAX_AGE, Next, decide
from channels.errors import SEND_TIMEOUT, Outcome

HALF = 0.5

TABLE = [
    # outcome, purpose, attempts, age, retry_after, can_look_up -> expected
    (Outcome.ACCEPTED, "reply", 1, 0, None, True, Next("sent")),
    (Outcome.ACCEPTED, "reply", 9, 1e9, None, True, Next("sent")),
    (Outcome.THROTTLED, "reply", 1, 0, None, True, Next("queued", 0.75)),
    (Outcome.THROTTLED, "reply", 1, 0, 17, True, Next("queued", 17)),
    (Outcome.TEMPORARY, "reply", 3, 0, None, True, Next("queued", 3.0)),
    (Outcome.TEMPORARY, "reply", 50, 0, None, True, Next("queued", 45.0)),
    (Outcome.TEMPORARY, "reply", 5, MAX_AGE["reply"] + 1, None, True, Next("failed")),
    (Outcome.TEMPORARY, "crisis", 5, MAX_AGE["reply"] + 1, None, True, Next("queued", 12.0)),
    (Outcome.OPTED_OUT, "crisis", 1, 0, None, True, Next("failed")),
    (Outcome.UNREACHABLE, "reply", 1, 0, None, True, Next("failed")),
    (Outcome.OUTSIDE_WINDOW, "reply", 1, 0, None, True, Next("failed")),
    (Outcome.REJECTED, "reply", 1, 0, None, True, Next("failed")),
    (Outcome.MISCONFIGURED, "reply", 1, 0, None, True, Next("queued", 60.0)),
    (Outcome.UNKNOWN, "crisis", 1, 0, None, True, Next("queued", 0.0)),
    (Outcome.UNKNOWN, "crisis", 2, 0, None, False, Next("queued", 1.5)),
    (Outcome.UNKNOWN, "reply", 1, 0, None, True, Next("queued", 0.75, verify=True)),
    (Outcome.UNKNOWN, "reply", 1, 0, None, False, Next("queued", 0.75)),
    (Outcome.UNKNOWN, "reply", 4, 0, None, False, Next("failed")),
    (Outcome.UNKNOWN, "reply", 40, 0, None, True, Next("queued", 45.0, verify=True)),
    (Outcome.UNKNOWN, "crisis", 10, 0, None, False, Next("failed")),
    (Outcome.UNKNOWN, "proactive", 1, 0, None, True, Next("queued", 0.75, verify=True)),
    (Outcome.UNKNOWN, "proactive", 1, 0, None, False, Next("failed")),
]


@pytest.mark.parametrize(("outcome", "purpose", "attempts", "age", "retry_after", "can_look_up", "expected"), TABLE)
def test_decision(
    outcome: Outcome,
    purpose: str,
    attempts: int,
    age: float,
    retry_after: float | None,
    can_look_up: bool,
    expected: Next,
) -> None:
    found = decide(
        outcome,
        purpose=purpose,
        attempts=attempts,
        age=age,
        retry_after=retry_after,
        can_look_up=can_look_up,
        jitter=lambda: HALF,
    )
    assert found == expected


def test_every_outcome_is_in_the_table() -> None:
    assert {row[0] for row in TABLE} == set(Outcome)


@given(
    st.sampled_from(Outcome),
    st.sampled_from(sorted(MAX_AGE)),
    st.integers(1, 10_000),
    st.floats(0, 1e6),
    st.booleans(),
    st.floats(0, 0.999),
)
def test_nothing_is_tried_for_ever_or_at_once_for_ever(
    outcome: Outcome, purpose: str, attempts: int, age: float, can_look_up: bool, jitter: float
) -> None:
    found = decide(
        outcome,
        purpose=purpose,
        attempts=attempts,
        age=age,
        retry_after=None,
        can_look_up=can_look_up,
        jitter=lambda: jitter,
    )
    assert found.delay <= LONGEST_DELAY
    if age > MAX_AGE[purpose]:
        assert found.state in ("sent", "failed")
    if found.state == "queued" and attempts > 1:
        assert found.delay > 0


def test_a_lease_outlasts_the_slowest_call() -> None:
    assert LEASE > SEND_TIMEOUT + 3
