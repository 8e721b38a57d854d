"""RQ jobs. They carry nothing: each answers its ring and drains what is due. `workers.main` gives them their parts."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import redis

from bot.queues import QueueName, answer
from bot.service import converse, deliver
from bot.service import media as media_service
from bot.service.parts import Parts


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


def talk() -> None:
    """Answer whatever tenants have sent."""
    bench = _answer("talk")
    converse.drain(bench.parts, urgent_only=False)


def send() -> None:
    """Send whatever is due."""
    bench = _answer("send")
    deliver.drain(bench.parts, bench.pool, urgent_only=False)


def urgent() -> None:
    """Answer and send what is urgent, from start to end in one worker, which does nothing else."""
    bench = _answer("urgent")
    converse.drain(bench.parts, urgent_only=True)
    deliver.drain(bench.parts, bench.pool, urgent_only=True)


def media() -> None:
    """Fetch whatever files tenants have sent."""
    bench = _answer("media")
    media_service.drain(bench.parts)
