"""What one run of load did: how long replies took, what was lost, and what each process weighs."""

import math
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
import psutil
from twilio.request_validator import RequestValidator

from bot.double.identity import AUTH_TOKEN
from tests.bench.load import Shot, fire, request
from tests.stack import SMS, Stack

QUESTIONS = (
    "who is my housing officer?",
    "how do I pay my rent?",
    "menu",
    "how do i complain",
    "power is off",
    "when is my repair?",
)
"""Each tenant asks the same thing every time, so that after the first contact one message has one answer."""
TENANTS = 600
WARM_UP = TENANTS * 3
"""Messages before the first run: the greeting and a first answer for every tenant."""


@dataclass(frozen=True)
class Outcome:
    """One run. Rates are messages a second, times milliseconds."""

    name: str
    offered: float
    answered: int
    asked: int
    replies: int
    webhook: Sequence[float]
    reply: Sequence[float]
    drained: float

    def line(self) -> str:
        """One row of the printed table."""
        return (
            f"{self.name:<44} {self.offered:>6.0f} {self.answered:>6}/{self.asked:<6} {self.replies:>6}"
            f" {quantile(self.webhook, 50):>7.1f} {quantile(self.webhook, 99):>8.1f}"
            f" {quantile(self.reply, 50):>8.1f} {quantile(self.reply, 99):>9.1f} {self.drained:>7.2f}"
        )


HEAD = (
    f"{'run':<44} {'msg/s':>6} {'answered':>13} {'sends':>6} {'hook50':>7} {'hook99':>8}"
    f" {'reply50':>8} {'reply99':>9} {'drain s':>7}"
)


def quantile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many per cent do not exceed; nan of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


def shots(
    stack: Stack, count: int, start: int = 0, path: str = SMS, port: int | None = None
) -> list[tuple[str, bytes]]:
    """Signed webhooks ready to be sent, from many tenants in turn, so that signing costs the run nothing."""
    validator, made = RequestValidator(AUTH_TOKEN), list[tuple[str, bytes]]()
    base = stack.base if port is None else f"http://127.0.0.1:{port}"
    for number in range(start, start + count):
        sid = f"SM{number:032x}"
        form = stack.form(f"+44770{900000 + number % TENANTS:07d}", QUESTIONS[number % TENANTS % len(QUESTIONS)], sid)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": validator.compute_signature(f"{base}{path}", form),
        }
        made.append((sid, request("127.0.0.1", port or stack.port, path, urlencode(form).encode(), headers)))
    return made


def run(stack: Stack, name: str, rate: float, seconds: float, start: int) -> Outcome:
    """Load the line at a fixed rate and follow every message to the provider."""
    before = _journal_end(stack)
    fired = fire(stack.port, shots(stack, int(rate * seconds), start), rate)
    drained = stack.wait_until_done(180)
    return _outcome(stack, name, rate, fired, drained, before)


def _outcome(stack: Stack, name: str, rate: float, fired: Sequence[Shot], drained: float, before: int) -> Outcome:
    due = {shot.key: shot.due for shot in fired}
    called = _first_calls(stack, before)
    reply = [(called[key] - due[key]) * 1000 for key in due if key in called]
    webhook = [(shot.answered - shot.due) * 1000 for shot in fired if shot.status == 200]
    sends = stack.query(
        "SELECT count(*) FROM outbox o JOIN inbox i ON i.id = o.inbox_id WHERE i.provider_id = ANY(%s)", list(due)
    )
    return Outcome(name, rate, len(reply), len(fired), sends[0][0], webhook, reply, drained)


def _journal_end(stack: Stack) -> int:
    return int(httpx.get(f"{stack.double}/double/counters", timeout=30).json().get("kept", 0))


def _first_calls(stack: Stack, before: int) -> Mapping[str, float]:
    """Provider's id of each message -> when the provider was first called with its answer, POSIX seconds."""
    rows = stack.query("SELECT o.id, i.provider_id FROM outbox o JOIN inbox i ON i.id = o.inbox_id")
    asked = {str(row[0]): row[1] for row in rows}
    first: dict[str, float] = {}
    for entry in stack.sent():
        key = asked.get(str(entry["callback"]).rsplit("/", 1)[-1])
        if key is not None and entry["at"] < first.get(key, math.inf):
            first[key] = entry["at"]
    return first


def memory(stack: Stack) -> list[tuple[str, float]]:
    """Resident memory of each process in MiB."""
    found = [
        (name, psutil.Process(child.pid).memory_info().rss / 2**20)
        for name, children in stack.children.items()
        for child in children
        if child.poll() is None
    ]
    return sorted(found)


def processor(stack: Stack, seconds: float) -> list[tuple[str, float]]:
    """Share of one core that each process has used so far, in seconds of processor time per second."""
    return sorted(
        (name, sum(psutil.Process(child.pid).cpu_times()[:2]) / seconds)
        for name, children in stack.children.items()
        for child in children
        if child.poll() is None
    )


def machine() -> str:
    """What this was measured on."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, {platform.system()}"


def spread(values: Sequence[float]) -> str:
    """Median with smallest and largest."""
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


def now() -> float:
    """POSIX seconds."""
    return time.time()
