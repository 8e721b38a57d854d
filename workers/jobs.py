"""RQ jobs. They carry nothing: each answers its ring and drains what is due. `workers.main` gives them their parts.

RQ spends about 6 ms on a job, as much as on four messages. So a job that has found something looks again for a moment
before it ends: under load the jobs run into each other, and RQ costs next to nothing.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import redis

from bot.queues import QueueName, answer
from bot.service import converse, deliver
from bot.service import media as media_service
from bot.service.parts import Parts

LOOK_EVERY = 0.005
"""Seconds between the looks of a job that lingers."""
LOOKS = 12
"""Looks in a row that find nothing before the job ends."""
LONGEST = 5.0
"""Seconds that a job lingers at most, so that a worker is seen to be alive, and can stop."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker process has ready before its first job."""

    parts: Parts
    redis: redis.Redis
    pool: ThreadPoolExecutor


_ready: list[Bench] = []


def prepare(bench: Bench) -> None:
    """Give the jobs of this process their parts. Called once, before the first job."""
    _ready[:] = [bench]


def _answer(queue: QueueName) -> Bench:
    bench = _ready[0]
    answer(bench.redis, queue)
    return bench


def linger(parts: Parts, drain: Callable[[], int]) -> None:
    """Drain, and look again until nothing has come for a moment. drain: returns how much it found."""
    found_nothing, until = 0, time.monotonic() + LONGEST
    while found_nothing < LOOKS and time.monotonic() < until:
        found_nothing = 0 if drain() else found_nothing + 1
        if parts.stopping.wait(LOOK_EVERY):
            return


def talk() -> None:
    """Answer whatever tenants have sent."""
    bench = _answer("talk")
    linger(bench.parts, lambda: converse.drain(bench.parts, urgent_only=False))


def send() -> None:
    """Send whatever is due."""
    bench = _answer("send")
    linger(bench.parts, lambda: deliver.drain(bench.parts, bench.pool, urgent_only=False))


def urgent() -> None:
    """Answer and send what is urgent, from start to end in one worker, which does nothing else."""
    bench = _answer("urgent")

    def both() -> int:
        answered = converse.drain(bench.parts, urgent_only=True)
        return answered + deliver.drain(bench.parts, bench.pool, urgent_only=True)

    linger(bench.parts, both)


def media() -> None:
    """Fetch whatever files tenants have sent."""
    bench = _answer("media")
    media_service.drain(bench.parts)
