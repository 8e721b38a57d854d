"""What the clock does itself when nobody answers the urgent bell: Redis is away, or its workers are.

Somebody in danger must not wait for a doorbell to be mended. The rows are claimed as by any worker, so that one which comes
back meanwhile does no harm.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from bot.log import get
from bot.service import converse, deliver, upkeep
from bot.service.parts import Parts
from bot.store import due

STUCK = 3.0
"""Seconds that something urgent has to wait before the clock takes it: a hundred times what its own worker needs."""
LOOK_EVERY = 1.0
AT_ONCE = 8

log = get(__name__)


def stand_in(parts: Parts, pool: ThreadPoolExecutor) -> int:
    """Answer and send what is urgent and has waited too long. Returns how many rows and calls. Raises `DatabaseAway`."""
    with parts.database.connection() as connection:
        if "urgent" not in due.queues_waiting(connection, parts.clock() - STUCK):
            return 0
    done = converse.drain(parts, urgent_only=True) + deliver.drain(parts, pool, urgent_only=True)
    if done:
        log.error("stood_in_for_urgent", count=done, remedy="do Redis and the urgent workers run? hearthline status")
    return done


def start_standing_in(parts: Parts) -> threading.Thread:
    """Look in a thread of its own, until the process is asked to stop."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="standing-in")
    return upkeep.start(parts, "standing-in", lambda of: stand_in(of, pool), LOOK_EVERY)
