"""How fast each sender may go, so that the provider's own queue stays short and urgent words find room in it."""

import math
import time
from collections.abc import Callable, Mapping

import redis
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from bot.log import get

URGENT_SHARE = 0.2
"""Part of a sender's rate that only urgent messages may use."""

FRESH = 0.2
"""Seconds for which a reading of the shared count is used."""

REST = 2.0
"""Seconds to leave Redis alone after it failed: while a hanging Redis is asked, claimed rows' leases run out."""

log = get(__name__)


class Rates:
    """Counts what each sender has sent this second, in Redis, across all processes.

    What Redis said counts for `FRESH` seconds, less what this process has spent since. While Redis is away each process
    counts for itself: a provider's 429 is cheaper than silence.
    """

    def __init__(
        self, per_second: Mapping[str, int], storage: Storage, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """per_second: messages a second by sender, which is the name of the channel: an installation has one each.

        clock: seconds that only grow.
        """
        self._items = {sender: RateLimitItemPerSecond(rate) for sender, rate in per_second.items()}
        self._shared = FixedWindowRateLimiter(storage)
        self._alone = FixedWindowRateLimiter(MemoryStorage())
        self._clock = clock
        self._rests_until = -math.inf
        self._read_at = dict.fromkeys(per_second, -math.inf)
        self._left = dict.fromkeys(per_second, 0)

    def room(self, most: int, *, urgent: bool) -> dict[str, int]:
        """How many messages may go out now by each sender, at most `most` of each."""
        now = self._clock()
        for sender in self._items:
            if now - self._read_at[sender] > FRESH:
                self._read_at[sender], self._left[sender] = now, self._remaining(sender)
        return {sender: max(0, min(most, self._left[sender] - self._kept(sender, urgent))) for sender in self._items}

    def _kept(self, sender: str, urgent: bool) -> int:
        return 0 if urgent else math.floor(self._items[sender].amount * URGENT_SHARE)

    def _remaining(self, sender: str) -> int:
        item = self._items[sender]
        try:
            return self._counter().get_window_stats(item, sender).remaining
        except redis.RedisError as error:
            self._rest(error)
            return self._alone.get_window_stats(item, sender).remaining

    def spend(self, counts: Mapping[str, int]) -> None:
        """Count messages that are about to go out."""
        for sender, count in counts.items():
            self._left[sender] -= count
            try:
                self._counter().hit(self._items[sender], sender, cost=count)
            except redis.RedisError as error:
                self._rest(error)
                self._alone.hit(self._items[sender], sender, cost=count)

    def _counter(self) -> FixedWindowRateLimiter:
        return self._alone if self._clock() < self._rests_until else self._shared

    def _rest(self, error: redis.RedisError) -> None:
        self._rests_until = self._clock() + REST
        log.warning("rates_alone", error=type(error).__name__)
