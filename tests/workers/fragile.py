"""A worker process that kills itself at a chosen point of its work: `python -m tests.workers.fragile QUEUE POINT`."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from bot import log
from bot.clock import now
from bot.queues import Bell
from bot.settings import load
from bot.store.database import Connection, Database
from bot.wiring import channels
from channels.errors import Sent
from channels.messages import Part, SendContext
from workers.main import work


def die(*ignored: object) -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class DiesBeforeCommit(Database):
    """Has written everything, and never says so."""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
            if connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchone() != (None,):
                die()


class DiesAfterAnswer:
    """The provider has accepted, and nobody hears of it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def send(self, part: Part, context: SendContext) -> Sent:
        self._real.send(part, context)
        die()
        raise AssertionError


def dying_clock() -> float:
    """The first thing a job asks is the time; a sign of life asks too, from a thread of its own."""
    import threading

    if threading.current_thread() is threading.main_thread():
        die()
    return now()


def main() -> None:
    queue, point = sys.argv[1:]
    settings = load(None)
    log.configure(settings.log_format)
    given: dict[str, Any] = {}
    if point == "begun":
        given["clock"] = dying_clock
    elif point == "before_commit":
        database = DiesBeforeCommit(settings.database_url or "")
        database.open()
        given["database"] = database
    elif point == "before_ring":
        bell = Bell(die)
        bell.start()
        given["bell"] = bell
    elif point == "before_record":
        given["channels"] = {name: DiesAfterAnswer(channel) for name, channel in channels(settings).items()}
    work(settings, queue, **given)  # type: ignore[arg-type]  # one of QUEUES


if __name__ == "__main__":
    main()
