"""How fast each sender may go, so that the provider's own queue stays short and urgent words find room in it."""

import math
from collections.abc import Mapping

import redis
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from bot.log import get

URGENT_SHARE = 0.2
"""Part of a sender's rate that only urgent messages may use."""

log = get(__name__)


class Rates:
    """Counts what each sender has sent this second, in Redis, across all processes.

    While Redis is away each process counts for itself: a provider's 429 is cheaper than silence.
    """

    def __init__(self, per_second: Mapping[str, int], storage: Storage) -> None:
        """per_second: messages a second by sender, which is the name of the channel: an installation has one each."""
        self._items = {sender: RateLimitItemPerSecond(rate) for sender, rate in per_second.items()}
        self._shared = FixedWindowRateLimiter(storage)
        self._alone = FixedWindowRateLimiter(MemoryStorage())

    def room(self, most: int, *, urgent: bool) -> dict[str, int]:
        """How many messages may go out now by each sender, at most `most` of each."""
        return {sender: min(most, self._left(sender, item, urgent)) for sender, item in self._items.items()}

    def _left(self, sender: str, item: RateLimitItemPerSecond, urgent: bool) -> int:
        kept = 0 if urgent else math.floor(item.amount * URGENT_SHARE)
        try:
            remaining = self._shared.get_window_stats(item, sender).remaining
        except redis.RedisError as error:
            log.warning("rates_alone", error=type(error).__name__)
            remaining = self._alone.get_window_stats(item, sender).remaining
        return max(0, remaining - kept)

    def spend(self, counts: Mapping[str, int]) -> None:
        """Count messages that are about to go out."""
        for sender, count in counts.items():
            try:
                self._shared.hit(self._items[sender], sender, cost=count)
            except redis.RedisError:
                self._alone.hit(self._items[sender], sender, cost=count)
