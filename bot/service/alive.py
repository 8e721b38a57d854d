"""A process's signs of life, which `/readyz` and `hearthline status` read."""

import contextlib
import os
import signal
import socket
import threading
import uuid
from collections.abc import Iterator

from bot.log import get
from bot.service.parts import Parts
from bot.store import processes
from bot.store.database import Database, DatabaseAway

SEEN_EVERY = 5.0
"""Seconds between signs of life."""

log = get(__name__)


@contextlib.contextmanager
def alive(parts: Parts, role: str) -> Iterator[None]:
    """Say every few seconds, from a thread, that this process is alive, and at the end that it has gone."""
    threading.excepthook = thread_died
    process = processes.Process(uuid.uuid4().hex, role, socket.gethostname(), os.getpid(), parts.clock(), 0.0)
    ended = threading.Event()
    thread = threading.Thread(target=_say_alive, args=(parts, process, ended), name="alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2.0)
        with contextlib.suppress(DatabaseAway), parts.database.connection() as connection:
            processes.gone(connection, process.id)
        close(parts)


def close(parts: Parts) -> None:
    """Ring what is still to be rung, and give the connections back."""
    parts.bell.close()
    parts.database.close()


def thread_died(died: threading.ExceptHookArgs) -> None:
    """End the process with a thread of its own: one that cannot ring or store any more must not look alive.

    Whoever started the process starts it again.
    """
    if died.exc_value is not None and not issubclass(died.exc_type, SystemExit):
        log.critical("thread_died", exc_info=died.exc_value)
        os.kill(os.getpid(), signal.SIGTERM)


def _say_alive(parts: Parts, process: processes.Process, ended: threading.Event) -> None:
    while True:
        _seen(parts.database, process._replace(seen_at=parts.clock()))
        if ended.wait(SEEN_EVERY):
            return


def _seen(database: Database, process: processes.Process) -> None:
    try:
        with database.connection() as connection:
            processes.seen(connection, process)
    except DatabaseAway:
        log.warning("database_away", role=process.role, remedy="check DATABASE_URL and the server")
