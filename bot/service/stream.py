"""One reader of the desk's changes for each web process, who hands them to everybody who listens there."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.log import get
from bot.service import tending
from bot.service.parts import Parts
from bot.store import changes
from bot.store.changes import Change
from bot.store.database import DatabaseAway, ValuesRefused

WAIT = 0.25
"""Seconds after which changes are looked for without a notice: one may have waited for a slower transaction."""
AGAIN_AFTER = 1.0
BACKLOG = 2000
"""Changes that somebody who does not read may leave unread before they are asked to begin anew."""

log = get(__name__)


class Listener:
    """Somebody's queue of changes. None in it means: you fell behind, connect again."""

    def __init__(self, wants: Callable[[Change], bool]) -> None:
        """`wants` says which changes are for them; it is called on the reader's thread and must be quick."""
        self.wants = wants
        self.queue: asyncio.Queue[Change | None] = asyncio.Queue(BACKLOG)

    def put(self, found: list[Change]) -> None:
        """Take changes in. Called on the event loop's thread."""
        for change in found:
            try:
                self.queue.put_nowait(change)
            except asyncio.QueueFull:
                self.queue.get_nowait()
                self.queue.put_nowait(None)
                return


class Stream:
    """Reads changes once and hands them on."""

    def __init__(self, parts: Parts) -> None:
        """Make ready; `start` begins to read."""
        self._parts = parts
        self._listeners: set[Listener] = set()
        self._cursor = ""
        self.read_at = time.monotonic()
        """When the newest changes were read, by the monotonic clock."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="desk-stream", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read, in a thread of its own. loop: on which the listeners' queues are read."""
        self._loop = loop
        self._thread.start()

    def join(self, timeout: float = 3.0) -> None:
        """Wait for the reader to end, after the process was asked to stop."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def listening(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listener(self, wants: Callable[[Change], bool]) -> Iterator[Listener]:
        """Listen until the block ends."""
        listener = Listener(wants)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _run(self) -> None:
        while not self._parts.stopping.is_set():
            try:
                self._follow()
            except (DatabaseAway, ValuesRefused) as error:
                log.warning("desk_stream_waits", error=type(error).__name__)
                self._parts.stopping.wait(AGAIN_AFTER)

    def _follow(self) -> None:
        database = self._parts.database
        if not self._cursor:
            with database.connection() as connection:
                self._cursor = changes.newest(connection)
        for _ in changes.listen(database, WAIT):
            with database.connection() as connection:
                while found := changes.since(connection, self._cursor):
                    self._cursor, self.read_at = found[-1].cursor, time.monotonic()
                    self._hand_on(found)
                    if any(change.kind in ("handoff", "raised") for change in found):
                        # The clock process offers them as well, up to a second later.
                        tending.keep(self._parts)
            if self._parts.stopping.is_set():
                return

    def _hand_on(self, found: list[Change]) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        for listener in tuple(self._listeners):
            wanted = [change for change in found if listener.wants(change)]
            if wanted:
                self._loop.call_soon_threadsafe(listener.put, wanted)
