"""How fast each sender may go."""

import redis
from limits.storage import MemoryStorage

from bot.service.rates import FRESH, Rates
from tests.service.fakes import Time


class Away(MemoryStorage):
    """A Redis that nobody can reach."""

    def get(self, key: str) -> int:
        raise redis.ConnectionError

    def incr(self, *args: object, **kwargs: object) -> int:
        raise redis.ConnectionError


def test_a_fifth_is_kept_for_urgent_words() -> None:
    rates = Rates({"sms": 10}, MemoryStorage())
    assert rates.room(32, urgent=False) == {"sms": 8}
    assert rates.room(32, urgent=True) == {"sms": 10}
    rates.spend({"sms": 8})
    assert rates.room(32, urgent=False) == {"sms": 0}
    assert rates.room(32, urgent=True) == {"sms": 2}


def test_no_more_is_offered_than_is_asked_for() -> None:
    assert Rates({"sms": 1000, "telegram": 3}, MemoryStorage()).room(5, urgent=True) == {"sms": 5, "telegram": 3}


def test_another_process_s_sends_count_once_the_reading_is_old() -> None:
    shared, clock = MemoryStorage(), Time(0.0)
    ours, theirs = Rates({"sms": 10}, shared, clock), Rates({"sms": 10}, shared, clock)
    assert ours.room(32, urgent=True) == {"sms": 10}
    theirs.spend({"sms": 10})
    assert ours.room(32, urgent=True) == {"sms": 10}
    clock.now += 2 * FRESH
    assert ours.room(32, urgent=True) == {"sms": 0}


def test_without_redis_each_process_counts_for_itself() -> None:
    clock = Time(0.0)
    rates = Rates({"sms": 10}, Away(), clock)
    assert rates.room(32, urgent=True) == {"sms": 10}
    rates.spend({"sms": 10})
    clock.now += 2 * FRESH
    assert rates.room(32, urgent=True) == {"sms": 0}
