"""Work that a process does again and again beside its own: each kind in a thread, until the process is asked to stop."""

import threading
from collections.abc import Callable

from bot.log import get
from bot.service.parts import Parts
from bot.store.database import DatabaseAway

log = get(__name__)


def keep_doing(parts: Parts, kind: str, act: Callable[[Parts], object], every: float) -> None:
    """Do something every so often, in seconds, until the process is asked to stop. kind: for the log.

    A failure is logged and it is done again at the next time: a thread that ended would be missed on the worst day.
    """
    while not parts.stopping.wait(every):
        try:
            act(parts)
        except DatabaseAway:
            log.warning("upkeep_waits", kind=kind, remedy="check DATABASE_URL and the server")
        except Exception as error:
            log.exception("upkeep_failed", kind=kind, error=type(error).__name__)


def start(parts: Parts, kind: str, act: Callable[[Parts], object], every: float) -> threading.Thread:
    """Start `keep_doing` in a daemon thread, which has the kind's name."""
    thread = threading.Thread(target=keep_doing, args=(parts, kind, act, every), name=kind, daemon=True)
    thread.start()
    return thread
