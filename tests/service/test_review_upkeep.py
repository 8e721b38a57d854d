"""What keeps the line going when a part of it fails: sweeps, files, rates, polling, and threads that must not die unseen."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis
from limits.storage import MemoryStorage

from bot.service import media as files
from bot.service import polling, sweep
from bot.service.alive import thread_died
from bot.service.parts import Parts
from bot.service.rates import REST, Rates
from bot.store import media
from bot.store.database import Connection, ValuesRefused
from channels.media_fetch import Fetched
from channels.messages import Inbound, Media
from tests.service.fakes import Time

Say = Callable[..., Inbound]
PICTURE = Media("ref-1", "image/jpeg", "picture")


class Hanging(MemoryStorage):
    """Redis that takes long to say nothing."""

    asked = 0

    def get(self, key: str) -> int:
        self.asked += 1
        raise redis.TimeoutError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        raise redis.TimeoutError


def test_a_hanging_redis_is_asked_once_and_then_left_alone() -> None:
    hanging, clock = Hanging(), Time(100.0)
    rates = Rates({"sms": 10, "whatsapp": 10, "telegram": 10}, hanging, clock)
    for _ in range(5):
        assert rates.room(32, urgent=True)["sms"] > 0
        rates.spend({"sms": 1})
        clock.now += 0.1
    assert hanging.asked == 1
    clock.now += REST
    rates.room(32, urgent=True)
    assert hanging.asked == 2


def test_what_one_sweep_cannot_do_does_not_stop_the_others(
    parts: Parts, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(parts: Parts) -> int:
        raise ValuesRefused("as if")

    refuse.__name__ = "fire_timers"
    monkeypatch.setattr(sweep, "fire_timers", refuse)
    say("hello")
    assert isinstance(parts.clock, Time)
    parts.clock.now += 2
    assert sweep.sweep(parts) == ["talk"]


def test_a_full_disk_puts_a_file_off_and_a_late_worker_changes_nothing(
    parts: Parts, say: Say, connection: Connection
) -> None:
    def full(channel: str, wanted: Media) -> Fetched:
        raise OSError(28, "No space left on device")

    say("", media=(PICTURE,))
    assert files.drain(replace(parts, fetch=full)) == 1
    assert connection.execute("SELECT state, attempts FROM media").fetchone() == ("queued", 1)
    connection.execute("UPDATE media SET state = 'stored'")
    media.not_stored(connection, 1, "queued", "late", 0.0)
    assert connection.execute("SELECT DISTINCT state FROM media").fetchall() == [("stored",)]


def test_a_file_that_ends_every_worker_is_given_up(parts: Parts, say: Say, connection: Connection) -> None:
    say("", media=(PICTURE,))
    connection.execute("UPDATE media SET attempts = %s", (files.MOST_ATTEMPTS,))
    assert files.drain(parts) == 1
    assert connection.execute("SELECT state FROM media").fetchone() == ("failed",)


def test_files_are_leased_one_at_a_time(parts: Parts, say: Say, connection: Connection) -> None:
    leased = list[int]()

    def fetch(channel: str, wanted: Media) -> Fetched:
        row = connection.execute("SELECT count(*) FROM media WHERE attempts > 0 AND state = 'queued'").fetchone()
        leased.append(row[0] if row else -1)
        return Fetched(b"x", "image/jpeg")

    say("", media=(PICTURE, replace_ref("ref-2"), replace_ref("ref-3")))
    assert files.drain(replace(parts, fetch=fetch)) == 3
    assert leased == [1, 1, 1]


def replace_ref(ref: str) -> Media:
    return Media(ref, "image/jpeg", "picture")


def test_polling_survives_whatever_one_round_raises(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = list[int]()

    def fail(*given: Any) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            parts.stopping.set()
        raise RuntimeError("a defect")

    monkeypatch.setattr(polling, "_poll_while_ours", fail)
    monkeypatch.setattr(polling, "PAUSE", 0.001)
    thread = polling.start_polling(parts, None)  # type: ignore[arg-type]  # never reached
    thread.join(5)
    assert len(rounds) == 3


def test_a_thread_that_dies_ends_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = list[tuple[int, int]]()
    monkeypatch.setattr(os, "kill", lambda pid, number: ended.append((pid, number)))
    monkeypatch.setattr(threading, "excepthook", thread_died)
    for error in (RuntimeError("a defect"), SystemExit()):
        thread = threading.Thread(target=raise_it, args=(error,))
        thread.start()
        thread.join(5)
    assert ended == [(os.getpid(), signal.SIGTERM)]


def raise_it(error: BaseException) -> None:
    raise error
