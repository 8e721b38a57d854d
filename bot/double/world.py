"""What the double remembers: tenants, messages, files, and what it was told to do. All of it is bounded."""

import asyncio
import itertools
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from bot.double.faults import Fault, Knobs
from bot.double.identity import WEBHOOK_SECRET, DoubleConfig

ChannelName = Literal["sms", "whatsapp", "telegram"]
CHANNELS: tuple[ChannelName, ...] = ("sms", "whatsapp", "telegram")
CONTACTS = 20_000
THREAD = 200
SPINNING = 50
FILES = 200
FILE_BYTES = 64_000_000
WAITING_UPDATES = 10_000
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Button:
    """A choice under a message. `pressed` keys the tap; `shape` says which of WhatsApp's two kinds it is."""

    id: str
    label: str
    shape: Literal["inline", "reply", "list"] = "inline"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a tenant sent, or an address of one that we sent."""

    id: str
    content_type: str
    name: str = ""
    content: bytes = b""
    url: str = ""


@dataclass(slots=True)
class Entry:
    """One message, in the order of `seq`. at: POSIX seconds when the call or the tap came.

    by: who wrote it; a carrier answers STOP itself.
    """

    seq: int
    channel: ChannelName
    by: Literal["tenant", "product", "carrier"]
    ours: str
    tenant: str
    id: str
    at: float
    text: str = ""
    status: str = ""
    code: int | None = None
    segments: int = 0
    buttons: tuple[Button, ...] = ()
    files: tuple[StoredFile, ...] = ()
    place: tuple[float, float] | None = None
    edited: bool = False
    callback: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Contact:
    """One tenant on one channel.

    last_wrote: POSIX seconds; None if never, which leaves WhatsApp's window to the knobs.
    spinning: callbacks of buttons that nobody has answered yet.
    """

    channel: ChannelName
    address: str
    stopped: bool = False
    blocked: bool = False
    last_wrote: float | None = None
    window_closed: bool = False
    typing_until: float = 0.0
    spinning: deque[str] = field(default_factory=lambda: deque(maxlen=SPINNING))
    thread: deque[Entry] = field(default_factory=lambda: deque(maxlen=THREAD))

    def window_open(self, now: float, strict: bool) -> bool:
        """Whether WhatsApp takes a free-form message to them at `now`."""
        if self.window_closed:
            return False
        return not strict if self.last_wrote is None else now - self.last_wrote < DAY


@dataclass(slots=True)
class TelegramHook:
    """Where updates go. An empty url leaves them waiting for getUpdates."""

    url: str
    secret: str
    allowed: tuple[str, ...] = ()
    last_error_at: float = 0.0
    last_error: str = ""
    waiting: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=WAITING_UPDATES))


EPOCH = 1_767_225_600
"""POSIX seconds from which the double's numbers count: the start of 2026."""
NUMBERS_A_SECOND = 20
"""Numbers set aside for each second that has passed, so that no start gives out what an earlier one did."""


class World:
    """The state of one double. Not for threads: everything happens on its event loop."""

    def __init__(self, config: DoubleConfig, clock: Callable[[], float] = time.time) -> None:
        self.config, self.clock = config, clock
        self.version = 0
        # The product remembers ids from before this start, so they go on with the time, as a provider's would.
        begun = (int(clock()) - EPOCH) * NUMBERS_A_SECOND
        self.numbers = itertools.count(begun + 1)
        self.update_ids = itertools.count(begun + 1)
        self._waiters: set[asyncio.Future[None]] = set()
        self.forget()

    def forget(self) -> None:
        """Be as new, but for the numbers of messages, which are never given twice."""
        base = self.config.public_base_url.rstrip("/")
        self.hook = TelegramHook(f"{base}/webhooks/telegram", WEBHOOK_SECRET)
        self.knobs = Knobs()
        self.faults: list[Fault] = []
        self.counters: Counter[str] = Counter()
        self.entries: deque[Entry] = deque()
        self.by_id: dict[str, Entry] = {}
        self.contents: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.commands: dict[str, list[dict[str, str]]] = {}
        self._contacts: OrderedDict[tuple[str, str], Contact] = OrderedDict()
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self.touch()

    def contact(self, channel: ChannelName, address: str) -> Contact:
        """Return the tenant at `address`, new or known; the one unheard of for longest is forgotten."""
        key = (channel, address)
        found = self._contacts.get(key)
        if found is None:
            found = self._contacts[key] = Contact(channel, address)
            if len(self._contacts) > CONTACTS:
                self._contacts.popitem(last=False)
        self._contacts.move_to_end(key)
        return found

    def add(self, entry: Entry) -> Entry:
        """Remember a message; beyond the number kept, the oldest is forgotten."""
        self.entries.append(entry)
        self.by_id[entry.id] = entry
        if len(self.entries) > self.config.kept:
            self.by_id.pop(self.entries.popleft().id, None)
        self.contact(entry.channel, entry.tenant).thread.append(entry)
        self.counters[f"{entry.channel}_{entry.by}"] += 1
        self.touch()
        return entry

    def since(self, seq: int) -> Iterator[Entry]:
        """Messages after `seq`, oldest first."""
        return reversed(list(takewhile(lambda entry: entry.seq > seq, reversed(self.entries))))

    def keep_file(self, file: StoredFile) -> StoredFile:
        """Remember a file; beyond the limits, the oldest is forgotten."""
        self._files[file.id] = file
        while len(self._files) > FILES or sum(len(kept.content) for kept in self._files.values()) > FILE_BYTES:
            self._files.popitem(last=False)
        return file

    def file(self, file_id: str) -> StoredFile | None:
        """Return a file that is still remembered."""
        return self._files.get(file_id)

    def touch(self) -> None:
        """Something a phone shows has changed."""
        self.version += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def changed(self, seen: int, seconds: float) -> bool:
        """Wait until the version is not `seen`, at most so many seconds."""
        if self.version != seen:
            return True
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return True
