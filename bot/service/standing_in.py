"""What the clock does itself when nobody answers the urgent bell: Redis is away, or its workers are.

Somebody in danger must not wait for a doorbell to be mended. The rows are claimed as by any worker, so that one which comes
back meanwhile does no harm.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from bot.log import get
from bot.service import converse, deliver
from bot.service.parts import Parts
from bot.store import due
from bot.store.database import DatabaseAway

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


def keep_standing_in(parts: Parts) -> None:
    """Look until the process is asked to stop."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="standing-in") as pool:
        while not parts.stopping.wait(LOOK_EVERY):
            try:
                stand_in(parts, pool)
            except DatabaseAway:
                log.warning("database_away", role="standing-in")
            except Exception as error:
                # A thread that ended here would be missed on the worst day.
                log.exception("standing_in_failed", error=type(error).__name__)


def start_standing_in(parts: Parts) -> threading.Thread:
    """Start `keep_standing_in` in a daemon thread."""
    thread = threading.Thread(target=keep_standing_in, args=(parts,), name="standing-in", daemon=True)
    thread.start()
    return thread
