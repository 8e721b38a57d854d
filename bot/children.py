"""Child processes of `hearthline run`: each is kept alive, and all write to one log."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TextIO

from honcho.printer import Message, Printer

PATIENCE = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before a child that ended is started again; each time longer."""

STEADY = 60.0
"""Seconds that a child has run after which it counts as well again."""

PARENT = "HEARTHLINE_PARENT"
COLOURS = ("36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1")


class Log:
    """One stream for all processes. A line is written whole, after the time and the name of who wrote it."""

    def __init__(self, output: TextIO, width: int) -> None:
        self._printer = Printer(output, width=width)
        self._lock = threading.Lock()
        self._broken = False

    def say(self, name: str, line: str | bytes, colour: str = "37;1") -> None:
        """Write what `name` says."""
        message = Message("line", line, datetime.now(), name, colour)  # noqa: DTZ005  a terminal shows local time
        with self._lock:
            if self._broken:
                return
            try:
                self._printer.write(message)
            except (BrokenPipeError, OSError):
                # Whoever read the log has gone. The line must stay up for tenants all the same.
                self._broken = True


class Child:
    """One process. `tick` keeps it alive; it says so when it starts again."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Log, colour: str
    ) -> None:
        self.name, self.restarts = name, 0
        self._command, self._log, self._colour = command, log, colour
        self._environment = {**environment, PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started = self._again_at = 0.0
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, now: float) -> None:
        """Start it, in a session of its own so that Ctrl-C reaches it only through us. now: monotonic seconds."""
        self._started = now
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), name=self.name, daemon=True)
        self._reader.start()

    def tick(self, now: float) -> None:
        """Notice an end, and start again when its time has come. now: monotonic seconds."""
        if self._process is None:
            if now >= self._again_at:
                self.restarts += 1
                self.start(now)
            return
        code = self._process.poll()
        if code is None:
            return
        self._process = None
        self._failures = 0 if now - self._started > STEADY else self._failures
        wait = PATIENCE[min(self._failures, len(PATIENCE) - 1)]
        self._failures += 1
        self._again_at = now + wait
        self._log.say("hearthline", f"{self.name} {ended(code)}; starting it again in {wait:.0f} s")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def close(self) -> None:
        """Read its last words. Only once it has ended."""
        if self._reader is not None:
            self._reader.join(0.5)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        with process.stdout or open(os.devnull, "rb") as output:
            for line in output:
                self._log.say(self.name, line, self._colour)


def ended(code: int) -> str:
    """Say in words how a process ended. code: as `subprocess` has it."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def stop_all(children: Sequence[Child], patience: float, hurried: threading.Event) -> list[str]:
    """Ask all to end, wait, and then make them. Returns the names of those that had to be made to.

    patience: seconds to wait. hurried: when set, nothing is waited for.
    """
    for child in children:
        child.signal(signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(child.pid for child in children) and time.monotonic() < deadline and not hurried.is_set():
        time.sleep(0.02)
    late = [child.name for child in children if child.pid]
    for child in children:
        child.signal(signal.SIGKILL)
    while any(child.pid for child in children) and time.monotonic() < deadline + 1:
        time.sleep(0.01)
    for child in children:
        child.close()
    return late


def keep_to_one_thread() -> None:
    """Have numpy reckon in the calling thread, unless the environment says otherwise. Call it before numpy is imported.

    On two cores shared by several processes, its own threads wait for each other longer than they work.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def follow_parent() -> None:
    """In a child: end when the parent ends, even if it is killed. Linux alone can promise it."""
    parent = os.environ.get(PARENT)
    if parent is None or not sys.platform.startswith("linux"):
        return
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have ended before the promise was made.
    if os.getppid() != int(parent):
        sys.exit(f"The process that started this one ({parent}) has gone.")
