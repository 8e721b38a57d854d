"""Does somebody in danger overtake a broadcast? Thousands of queued sends, a slow sender, and a P0 among them.

`python -m tests.bench.overtaking` runs it alone. It fails if an answer takes a second or more: this one is a promise.
"""

import time
from collections.abc import Sequence

import httpx

from tests.bench.measure import machine, quantile
from tests.stack import Stack, running

BROADCAST = 5000
TRIES = 12
WITHIN = 1.0
"""Seconds from the webhook's arrival to the provider's call with the first crisis words."""
PAUSE = 0.4
PER_SECOND = "20"
"""A sender at this rate needs minutes for the broadcast, so that the queue stays full while the answers are measured."""
FILL = """
WITH made AS (
    INSERT INTO conversations (channel, account, address, last_inbound_at)
    SELECT 'sms', '+447700900000', '+44776' || lpad(n::text, 7, '0'), now() FROM generate_series(1, %s) AS n
    RETURNING id, address)
INSERT INTO outbox (conversation_id, sender, purpose, text, part, created_at, due_at)
SELECT id, 'sms', 'proactive', 'news', jsonb_build_object('channel', 'sms', 'account', '+447700900000', 'address', address,
    'params', jsonb_build_object('To', address, 'From', '+447700900000', 'Body', 'news'), 'text', 'news'),
    now(), now() + CASE WHEN later THEN interval '1 day' ELSE interval '0' END
FROM made, unnest(ARRAY[false, true]) AS later
"""


def measure(stack: Stack) -> list[float]:
    """Seconds that each answer took, sent to tenants of whom half wait for a piece of the broadcast themselves."""
    took: list[float] = []
    with httpx.Client() as client:
        for number in range(TRIES):
            address = f"+44776{BROADCAST - number:07d}" if number % 2 else f"+44779{number:07d}"
            begun = time.time()
            stack.post(client, stack.form(address, "i have taken all my tablets"))
            took.append(_first_call(stack, address, begun) - begun)
            time.sleep(PAUSE)
    return took


def _first_call(stack: Stack, address: str, since: float) -> float:
    found: list[float] = []

    def called() -> bool:
        found[:] = [
            entry["at"]
            for entry in stack.sent()
            if entry["tenant"] == address and entry["at"] >= since and "999" in entry["text"]
        ]
        return bool(found)

    stack.wait_for(called, "crisis words", 20)
    return min(found)


def line(took: Sequence[float], waiting: int) -> str:
    """One row for people."""
    return (
        f"P0 among {BROADCAST:,} queued sends: answered in p50 {quantile(took, 50) * 1000:.0f} ms, "
        f"longest {max(took) * 1000:.0f} ms ({len(took)} tries; {waiting:,} of the broadcast still waited)"
    )


def main() -> None:
    """Measure, print, and fail if somebody waited too long."""
    print(f"machine: {machine()}")
    raise SystemExit(0 if run() else 1)


def run() -> bool:
    """The same as a part of `make bench`. Returns whether every answer was in time."""
    with running(more={"SMS_PER_SECOND": PER_SECOND}) as stack:
        return max(report(stack)) < WITHIN


def report(stack: Stack) -> list[float]:
    """Fill the queue, measure and print. Returns the seconds."""
    stack.query(FILL + " RETURNING 1", BROADCAST)
    time.sleep(2)
    took = measure(stack)
    (waiting,) = stack.query("SELECT count(*) FROM outbox WHERE state = 'queued' AND due_at <= now()")[0]
    print(line(took, waiting), flush=True)
    return took


if __name__ == "__main__":
    main()
