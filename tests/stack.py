"""The whole line as real processes on this machine, to be killed, starved and measured: servers, double, web, workers, clock."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
from twilio.request_validator import RequestValidator

from bot.double import credentials
from bot.double.identity import ACCOUNT_SID, AUTH_TOKEN, SMS_FROM
from bot.embedded import Servers
from bot.queues import QUEUES
from bot.store.migrate import upgrade

ROOT = Path(__file__).parents[1]
SMS = "/webhooks/twilio/sms"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Stack:
    """One line. Every process is a child of this one and is ended by its id."""

    def __init__(self, home: Path, *, more: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.servers = Servers(home)
        self.port, self.double_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.double = f"http://127.0.0.1:{self.double_port}"
        self.children: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.log = home / "log.txt"
        self._more = dict(more or {})
        self._numbers = itertools.count(1)
        self._validator = RequestValidator(AUTH_TOKEN)

    def environment(self) -> dict[str, str]:
        """What every process of the line is given."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "default",
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "PORT": str(self.port),
            "PUBLIC_BASE_URL": self.base,
            "VAR_DIR": str(self.home / "var"),
            "MEDIA_DIR": str(self.home / "media"),
            "SPOOL_DIR": str(self.home / "spool"),
            "LOG_FORMAT": "json",
            "SMS_PER_SECOND": "10000",
            "WHATSAPP_PER_SECOND": "10000",
            "TELEGRAM_PER_SECOND": "10000",
            **credentials(self.double_port),
            **self._more,
        }

    def start(self, *, workers: Sequence[str] = QUEUES, clock: bool = True) -> "Stack":
        """Start the servers, the double, web, a worker of each queue and the clock, and wait until they answer."""
        self.servers.start()
        upgrade(self.servers.database_url)
        self.spawn("double", "-c", f"from bot.double.app import serve; from bot.double.identity import DoubleConfig;"
                   f" import os; serve(DoubleConfig({self.base!r}, {self.double_port}, 200_000), os.environ)")  # fmt: skip
        self.spawn("web", "-m", "bot", "web")
        for queue in workers:
            self.worker(queue)
        if clock:
            self.clock()
        self.wait_for(
            lambda: self._up(f"{self.base}/healthz") and self._up(f"{self.double}/double/counters"),
            "web and double",
            90,
        )
        if set(workers) == set(QUEUES):
            self.wait_for(lambda: self._up(f"{self.base}/readyz"), "readyz", 90)
        return self

    def worker(self, queue: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        return self.spawn(f"worker-{queue}", "-m", "bot", "worker", queue)

    def fragile_worker(self, queue: str, point: str) -> subprocess.Popen[bytes]:
        """Start a worker that kills itself with SIGKILL when it first comes to `point` (see `tests.workers.fragile`)."""
        return self.spawn(f"fragile-{queue}", "-m", "tests.workers.fragile", queue, point)

    def clock(self) -> subprocess.Popen[bytes]:
        """Start the clock process."""
        return self.spawn("clock", "-m", "bot", "clock")

    def spawn(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a Python process of the line."""
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, *arguments], cwd=self.home, env=self.environment(), stdout=log, stderr=log
            )
        self.children.setdefault(name, []).append(child)
        return child

    def stop(self) -> None:
        """End every child, then the servers."""
        every = [child for children in self.children.values() for child in children]
        for child in every:
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + 8
        for child in every:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            if child.poll() is None:
                child.kill()
                child.wait(5)
        self.servers.stop()

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """SIGKILL one child."""
        os.kill(child.pid, signal.SIGKILL)
        child.wait(5)

    def form(self, address: str, text: str, sid: str | None = None, **more: str) -> dict[str, str]:
        """A form as Twilio posts it for an SMS."""
        return {
            "MessageSid": sid or f"SM{next(self._numbers):032x}",
            "AccountSid": ACCOUNT_SID,
            "From": address,
            "To": SMS_FROM,
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
            **more,
        }

    def post(self, client: httpx.Client, form: Mapping[str, str], path: str = SMS) -> httpx.Response:
        """Post a signed webhook and return the answer."""
        signature = self._validator.compute_signature(f"{self.base}{path}", form)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return client.post(f"{self.base}{path}", content=urlencode(form), headers=headers)

    def sent(self, channel: str = "sms") -> list[dict[str, Any]]:
        """What the provider accepted from us, in its order."""
        after, found = 0, list[dict[str, Any]]()
        while page := httpx.get(f"{self.double}/double/messages", params={"after": after}, timeout=30).json():
            found += page
            after = page[-1]["seq"]
        return [entry for entry in found if entry["by"] == "product" and entry["channel"] == channel]

    def fault(self, **fault: Any) -> None:
        """Have the double fail."""
        httpx.post(f"{self.double}/double/faults", json=fault, timeout=10).raise_for_status()

    def knobs(self, **changes: Any) -> None:
        """Set how the double behaves."""
        httpx.patch(f"{self.double}/double/knobs", json=changes, timeout=10).raise_for_status()

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.servers.database_url, autocommit=True) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def undone(self) -> tuple[int, int]:
        """How many messages are unanswered, those on disk included, and how many answers unsent."""
        spooled = len(list((self.home / "spool").glob("*.json")))
        (row,) = self.query(
            "SELECT (SELECT count(*) FROM inbox WHERE processed_at IS NULL),"
            " (SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending'))"
        )
        return row[0] + spooled, row[1]

    def wait_until_done(self, seconds: float = 30) -> float:
        """Wait until everything is answered and sent. Returns how long it took, in seconds."""
        begun = time.monotonic()
        self.wait_for(lambda: self.undone() == (0, 0), "everything answered", seconds)
        return time.monotonic() - begun

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Wait for something, and say what is missing if it does not come."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"no {what} within {seconds} s; undone: {self._undone_or_none()}; log ends:\n{self.tail()}"
                )
            time.sleep(0.05)

    def _undone_or_none(self) -> tuple[int, int] | None:
        try:
            return self.undone()
        except psycopg.Error:
            return None

    def tail(self, size: int = 4000) -> str:
        """The end of the log of all processes."""
        return self.log.read_text(errors="replace")[-size:]

    def _up(self, url: str) -> bool:
        try:
            return httpx.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Stack]:
    """A started line in a folder of its own, gone afterwards."""
    more = options.pop("more", None)
    # The servers run as another account when this is root, so the folder must be open to pass through.
    home = Path(tempfile.mkdtemp(prefix="hearthline-stack-"))
    home.chmod(0o755)
    stack = Stack(home, more=more)
    try:
        stack.start(**options)
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(home, ignore_errors=True)
