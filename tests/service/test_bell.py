"""The doorbell's thread: rings coalesce, failures are survived, and whoever rings never waits."""

import threading
import time

import redis

from bot.queues import Bell, QueueName


def until(condition: threading.Event) -> None:
    assert condition.wait(5)


def test_rings_reach_the_ringer_once_for_each_queue() -> None:
    rung, done = list[QueueName](), threading.Event()

    def ring(queue: QueueName) -> None:
        rung.append(queue)
        if queue == "send":
            done.set()

    bell = Bell(ring)
    for _ in range(50):
        bell.ring("talk", "send", "talk")
    bell.start()
    until(done)
    bell.close()
    assert rung == ["talk", "send"]


def test_urgent_is_rung_first() -> None:
    rung = list[QueueName]()
    bell = Bell(rung.append)
    bell.ring("media", "send", "talk", "urgent")
    bell.start()
    bell.close()
    assert rung[0] == "urgent"


def test_a_slow_redis_holds_nobody_up() -> None:
    release = threading.Event()
    bell = Bell(lambda queue: until(release))
    bell.start()
    begun = time.monotonic()
    for _ in range(100):
        bell.ring("talk")
    assert time.monotonic() - begun < 1
    release.set()
    bell.close()


def test_after_a_failure_it_rests_and_goes_on() -> None:
    tries, back = list[QueueName](), threading.Event()

    def ring(queue: QueueName) -> None:
        tries.append(queue)
        if len(tries) == 1:
            raise redis.ConnectionError
        back.set()

    bell = Bell(ring, rest=0.01)
    bell.start()
    bell.ring("talk")
    while len(tries) < 1:
        time.sleep(0.001)
    bell.ring("talk")
    until(back)
    bell.close()
