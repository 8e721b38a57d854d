"""What the services work with. `bot.wiring` builds it of real parts; a test gives fakes."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.nlu.understanding import Signal
from bot.queues import Bell
from bot.service.library import Library
from bot.service.rates import Rates
from bot.service.spool import Spool
from bot.store.database import Database
from channels.media_fetch import Fetched
from channels.messages import Channel, Media


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a service function needs from outside.

    channels: the ones that are on, by name. screen: the distress reader, oldest message first. clock: POSIX seconds.
    fetch: gets a file that came by the named channel. media_dir: where fetched files are kept. stopping: set when the
    process has been asked to end.
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
    stopping: threading.Event = field(default_factory=threading.Event)
