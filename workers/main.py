"""The worker process: one queue, jobs in this very process, and everything loaded before the first ring."""

import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import redis
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from bot.log import describe, get
from bot.nlu.understanding import Signal
from bot.queues import QueueName, connect
from bot.service import following
from bot.service.alive import alive
from bot.service.deliver import AT_ONCE
from bot.service.parts import Parts
from bot.settings import Settings
from bot.store.database import DatabaseAway
from bot.wiring import build
from workers import jobs

WORKER_TTL = 20
"""RQ's idea of how long a silent worker lives; it waits for a job 15 seconds less, and looks after its connection then."""
AGAIN_AFTER = 0.5
"""Seconds before a worker that lost Redis tries again."""

log = get(__name__)


class RingWorker(SimpleWorker):
    """Runs jobs in its own process. A fork for each would cost more than the job, and load the providers' libraries anew."""

    max_connection_wait_time = 1.0

    def _install_signal_handlers(self) -> None:
        """The process has its own, which outlive one connection to Redis."""

    def handle_job_failure(self, *given: Any, **named: Any) -> None:
        """Keep of a failure what it is and not its words, which may quote a tenant: RQ would keep them in Redis."""
        super().handle_job_failure(*given, **{**named, "exc_string": describe(sys.exc_info()[1] or RuntimeError())})

    def stop(self) -> None:
        """Finish the job under way and take no other."""
        stop: Callable[[int, object], None] = self.request_stop
        stop(signal.SIGTERM, None)


def work(settings: Settings, queue: QueueName, **given: Any) -> None:
    """Answer one queue until the process is asked to stop. Losing Redis or PostgreSQL for a while is survived.

    given: parts to use instead of the real ones, as in `build`.
    """
    parts = build(settings, name=f"worker-{queue}", **given)
    prepare(parts, queue)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="send") as pool, alive(parts, f"worker-{queue}"):
        # A worker waits for a job for seconds on end, so its connection may be silent for longer than a web process's.
        jobs.prepare(jobs.Bench(parts, connect(settings.redis_url or "", timeout=5.0), pool))
        current: list[RingWorker] = []
        stop_on_signals(parts, partial(stop_all, current))
        # A signal that finds the worker idle is raised wherever it is, so that it stops waiting for a job.
        with contextlib.suppress(StopRequested):
            while not parts.stopping.is_set():
                _work_once(settings, queue, current)
                parts.stopping.wait(AGAIN_AFTER)


def stop_all(workers: Sequence[RingWorker]) -> None:
    """Let each finish its job and take no other."""
    for worker in workers:
        worker.stop()


def prepare(parts: Parts, queue: QueueName) -> None:
    """Load what the first job would otherwise wait for, and keep the Book for those who will still be in it."""
    if queue in ("talk", "urgent"):
        parts.screen([""])
        parts.library.current()
        if parts.second is not None:
            parts.second(["Hello"], Signal())
        try:
            parts.library.publish(parts.clock())
        except DatabaseAway:
            log.warning("book_not_kept", queue=queue, remedy="check DATABASE_URL and the server; it is tried again")
        following.start_following(parts)


def _work_once(settings: Settings, queue: QueueName, current: list[RingWorker]) -> None:
    try:
        worker = RingWorker(
            [queue],
            connection=connect(settings.redis_url or "", timeout=30.0),
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL,
            log_job_description=False,
        )
        current[:] = [worker]
        worker.work(logging_level="WARNING")
    except redis.RedisError as error:
        log.warning("redis_away", queue=queue, error=type(error).__name__, remedy="check REDIS_URL and the server")


def stop_on_signals(parts: Parts, also: Callable[[], object] = lambda: None) -> None:
    """On SIGTERM or SIGINT set `parts.stopping` and call `also`."""

    def stop(signum: int, frame: object) -> None:
        parts.stopping.set()
        also()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
