"""What the services work with. `bot.wiring` builds it of real parts; a test gives fakes."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.nlu.understanding import Signal
from bot.queues import Bell
from bot.service.library import Library
from bot.service.pager import Pager
from bot.service.rates import Rates
from bot.service.spool import Spool
from bot.store.database import Database
from channels.media_fetch import Fetched
from channels.messages import Channel, Media


def _leave(texts: Sequence[str]) -> None:
    """Without an encoder there is nothing to read."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a service function needs from outside.

    channels: the ones that are on, by name. screen: the distress reader, oldest message first. clock: POSIX seconds.
    fetch: gets a file that came by the named channel. media_dir: where fetched files are kept. abandoned_after: seconds
    without a sign of life after which what an advisor holds is queued again. pager: how pages leave. warm: has the
    encoder read texts together, which is quicker than one by one. second: the second reader of distress, given the messages,
    oldest first, and what the phrases said. stopping: set when the process has been asked to end.
    """

    database: Database
    channels: Mapping[str, Channel]
    library: Library
    screen: Callable[[Sequence[str]], Signal]
    clock: Callable[[], float]
    bell: Bell
    spool: Spool
    rates: Rates
    fetch: Callable[[str, Media], Fetched]
    media_dir: Path
    abandoned_after: float = 900.0
    pager: Pager = Pager()
    warm: Callable[[Sequence[str]], None] = _leave
    second: Callable[[Sequence[str], Signal], Signal] | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
