"""The doorbell: RQ jobs that say "look", never "what". Rings coalesce, and a lost one is made good by the sweep.

A ring sets a key that the job takes away before it looks at the database. While the key stands, a job that has not
looked yet is queued already, so another one would find nothing more. The key expires, in case its job was lost.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from bot.log import get

QueueName = Literal["urgent", "talk", "send", "media"]
QUEUES: tuple[QueueName, ...] = ("urgent", "talk", "send", "media")
JOBS: Mapping[QueueName, str] = {name: f"workers.jobs.{name}" for name in QUEUES}

JOB_TIMEOUT = 60
"""Seconds after which RQ ends a job; a job stops by itself long before."""
MEDIA_TIMEOUT = 300
"""The same for a job that fetches files, each of which may take minutes."""
FAILURE_TTL = 3600
"""Seconds a failed job is kept for `hearthline status`. Its work is in PostgreSQL and is rung for again."""
RUNG_MS = 2000
REST = 1.0
"""Seconds to leave Redis alone after it failed; what was not rung is swept up."""

log = get(__name__)


def connect(url: str, *, timeout: float = 1.0) -> redis.Redis:
    """A client that gives up within `timeout` seconds and one retry, because redis-py 8 would try for a minute."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 1)
    )


def rung_key(queue: QueueName) -> str:
    """The key that stands while a job of this queue has not begun."""
    return f"hearthline:rung:{queue}"


def answer(connection: redis.Redis, queue: QueueName) -> None:
    """To be called by a job before it looks: later rings need a job of their own."""
    connection.delete(rung_key(queue))


class Doorbell:
    """Rings queues. Raises `redis.RedisError` when Redis is away."""

    def __init__(self, connection: redis.Redis) -> None:
        """Ring through `connection`; nothing is sent yet."""
        self._redis = connection
        self._queues = {name: Queue(name, connection=connection, serializer=JSONSerializer) for name in QUEUES}

    def ring(self, queue: QueueName, *, force: bool = False) -> None:
        """Have a worker of `queue` look, unless one is about to. force: queue a job even if the key stands."""
        if self._redis.set(rung_key(queue), b"1", px=RUNG_MS, nx=not force):
            self._queues[queue].enqueue_call(
                JOBS[queue],
                timeout=MEDIA_TIMEOUT if queue == "media" else JOB_TIMEOUT,
                result_ttl=0,
                failure_ttl=FAILURE_TTL,
                ttl=FAILURE_TTL,
            )


class Bell:
    """Rings from a thread of its own, so that a slow or absent Redis never holds up whoever rings."""

    def __init__(self, ring: Callable[[QueueName], None], *, rest: float = REST) -> None:
        """`ring` does the ringing, usually `Doorbell.ring`. rest: seconds to pause after it failed."""
        self._ring = ring
        self._rest = rest
        self._asked: set[QueueName] = set()
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ring(self, *queues: QueueName) -> None:
        """Ask for rings; returns at once."""
        with self._wake:
            self._asked.update(queues)
            self._wake.notify()

    def close(self, timeout: float = 2.0) -> None:
        """Ring what was asked for and stop. timeout: seconds."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while asked := self._next():
            try:
                for queue in sorted(asked, key=QUEUES.index):
                    self._ring(queue)
            except redis.RedisError as error:
                log.warning("ring_failed", error=type(error).__name__, remedy="check REDIS_URL; the sweep rings again")
                with self._wake:
                    self._wake.wait_for(lambda: self._closed, self._rest)

    def _next(self) -> set[QueueName]:
        with self._wake:
            self._wake.wait_for(lambda: self._asked or self._closed)
            asked, self._asked = self._asked, set()
            return asked
