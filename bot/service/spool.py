"""What came in while PostgreSQL was away, one fsynced file each, replayed in order when it is back.

While anything is in the spool, everything new goes there too: otherwise a tenant's later message would be stored before
an earlier one. The files hold message text, so they are readable by this user alone and removed once stored.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bot.errors import HearthlineError
from bot.log import get
from bot.store.database import ValuesRefused
from channels.messages import Inbound, Receipt

log = get(__name__)


class SpoolUnwritable(HearthlineError):
    """The spool cannot keep anything: answer 503 so that the provider tries again. Check SPOOL_DIR and its disk."""


class SpooledInbound(msgspec.Struct, frozen=True, tag="inbound"):
    """An arrival and when it came, in POSIX seconds. answered: the webhook has said the crisis words for it itself."""

    inbound: Inbound
    at: float
    answered: bool = False


class SpooledReceipt(msgspec.Struct, frozen=True, tag="receipt"):
    """A delivery report for our row `outbox_id`, and when it came, in POSIX seconds."""

    receipt: Receipt
    outbox_id: int
    at: float


Spooled = SpooledInbound | SpooledReceipt
_decode = msgspec.json.Decoder(SpooledInbound | SpooledReceipt).decode


class Spool:
    """A folder of messages. Several web processes may share one."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in `folder`, which is made when first needed."""
        self._folder = folder
        self._count = 0
        self.lock = threading.Lock()

    def put(self, spooled: Spooled, at: float) -> None:
        """Keep one entry so that a power cut cannot lose it. at: POSIX seconds. Raises `SpoolUnwritable`."""
        with self.lock:
            self._count += 1
            name = f"{int(at * 1e6):020d}-{os.getpid():08d}-{self._count:08d}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(name, msgspec.json.encode(spooled))
        except OSError as error:
            with contextlib.suppress(OSError):
                (self._folder / f"{name}.part").unlink()
            raise SpoolUnwritable(f"the spool cannot be written ({error.strerror}): check SPOOL_DIR") from error

    def _write(self, name: str, data: bytes) -> None:
        part = self._folder / f"{name}.part"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            # Not os.write, which on a nearly full disk may take half of it and raise nothing.
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        part.rename(self._folder / f"{name}.json")
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def files(self) -> list[Path]:
        """Everything kept, oldest first."""
        try:
            return sorted(path for path in self._folder.iterdir() if path.suffix == ".json")
        except (FileNotFoundError, NotADirectoryError):
            return []

    def set_aside(self) -> int:
        """How many entries wait for a person, because they could not be read or stored."""
        try:
            return sum(path.suffix in (".refused", ".unreadable") for path in self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def holds_any(self) -> bool:
        """Whether anything is kept."""
        try:
            with os.scandir(self._folder) as entries:
                return any(entry.name.endswith(".json") for entry in entries)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            # A folder that cannot be read cannot be written either: `put` says so to whoever needs it.
            return False

    def replay(self, store: Callable[[Spooled], None]) -> int:
        """Give every entry to `store` in order and drop it once stored. Returns how many.

        Stops at the first entry that `store` raises for, unless it is `ValuesRefused`: what can never be stored is put
        aside, so that nobody's message waits behind it. Storing twice must be harmless: another process may be at it too.
        """
        done = 0
        for path, spooled in self._entries():
            try:
                store(spooled)
            except ValuesRefused as refused:
                log.error("spooled_refused", remedy="look at the .refused file in SPOOL_DIR", problem=str(refused))
                path.rename(path.with_suffix(".refused"))
                continue
            path.unlink(missing_ok=True)
            done += 1
        return done

    def _entries(self) -> Iterator[tuple[Path, Spooled]]:
        for path in self.files():
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            try:
                yield path, _decode(data)
            except msgspec.DecodeError:
                log.error("spooled_unreadable", remedy="look at the .unreadable file in SPOOL_DIR")
                path.rename(path.with_suffix(".unreadable"))
