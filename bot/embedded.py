"""PostgreSQL and Valkey on this machine alone, for a clone without servers of its own.

Both are the real programs, kept under one directory and reached through sockets that only their account and root can
open; neither listens on a network. PostgreSQL keeps every promise of durability. Valkey keeps nothing on disk, because
Hearthline can lose everything in it. Starting is safe after a crash or a restart of the machine, and whoever starts
second finds the servers of the first.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import psutil

from bot import programs
from bot.errors import ServerError
from bot.programs import Account

LONGEST_SOCKET_DIR = 80
"""Bytes. A socket's whole path may have 103 on macOS and 107 on Linux."""

START_TIMEOUT = 30.0
TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # A detail or a failed statement can quote a row, and rows are what tenants wrote.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
"""Beside PostgreSQL's own defaults, among them fsync and synchronous_commit, which stay on."""


class _Server(ABC):
    """What both servers share: started until they answer, and ended by signals that grow less polite."""

    endings: Sequence[tuple[signal.Signals, float]]

    def __init__(self, log: Path, runs_as: Account) -> None:
        self.log, self.runs_as = log, runs_as
        self._child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def pid(self) -> int | None:
        """Return the server's process, if it runs."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the server can be used now."""

    @abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]: ...

    def start(self) -> None:
        """Start it if it does not run, and return when it answers. Raises ServerError."""
        launched: subprocess.Popen[bytes] | None = None

        def ready() -> bool:
            # A server that was killed a moment ago can still be seen; it is started as soon as it is gone.
            nonlocal launched
            if launched is None and self.pid() is None:
                if self._child is not None:
                    self._child.wait(1)
                launched = self._child = self._launch()
            elif launched is not None and launched.poll() is not None:
                raise ServerError(f"A server ended as soon as it was started; {self.log} says why.")
            return self.answers()

        _wait(ready, self.log)

    def stop(self) -> None:
        """End it in less than four seconds. Clients are cut off; PostgreSQL's data is safe."""
        pid, child, self._child = self.pid(), self._child, None
        if pid is not None:
            programs.end(pid, child, self.endings)
        if child is not None:
            child.wait(1)


class Postgres(_Server):
    """One PostgreSQL server, its data in `data` and its socket in `sockets`."""

    # "Fast" rolls open transactions back; "immediate" leaves them to the next start's recovery.
    endings = ((signal.SIGINT, 2.8), (signal.SIGQUIT, 0.7), (signal.SIGKILL, 0.3))

    def __init__(self, data: Path, sockets: Path, log: Path, runs_as: Account) -> None:
        super().__init__(log, runs_as)
        self.data, self.sockets = data, sockets

    def url(self, database: str = "hearthline") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://hearthline@/{database}?host={quote(str(self.sockets), safe='')}"

    def pid(self) -> int | None:
        """Return the server's process, if it runs."""
        pid = _first_number(self.data / "postmaster.pid")
        return pid if pid and programs.is_running(pid, str(self.data)) else None

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def make_database(self, name: str, template: str = "template1") -> str:
        """Make a database as a copy of a template if there is none of that name, and return its address."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
                connection.execute(make)
        return self.url(name)

    def _launch(self) -> subprocess.Popen[bytes]:
        tools = programs.postgres_bin(self.runs_as)
        self._make_cluster(tools)
        self._clear_after_crash()
        options = [word for name, value in TUNING.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [tools / "postgres", "-D", self.data, "-k", self.sockets, *options]
        return programs.spawn(command, self.runs_as, self.log)

    def _make_cluster(self, tools: Path) -> None:
        if (self.data / "PG_VERSION").exists():
            return self._check_cluster()
        # Made beside its place and moved there whole, so that an interrupted start leaves nothing half made.
        making = self.data.with_name(f"{self.data.name}.new")
        words = "--username=hearthline --auth-local=trust --auth-host=reject --encoding=UTF8 --no-instructions"
        locale = "--locale=C --locale-provider=builtin --builtin-locale=C.UTF-8"
        subprocess.run(["/bin/rm", "-rf", making], check=True)
        command: list[str | Path] = [tools / "initdb", "-D", making, *words.split(), *locale.split()]
        if programs.spawn(command, self.runs_as, self.log).wait(120):
            raise ServerError(f"PostgreSQL could not make its files; {self.log} says why.")
        making.rename(self.data)
        return None

    def _check_cluster(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != "18":
            raise ServerError(
                f"{self.data} was made by PostgreSQL {version}: move its data with pg_dump, or remove it."
            )
        ours = os.geteuid() if self.runs_as.uid is None else self.runs_as.uid
        if self.data.stat().st_uid != ours:
            raise ServerError(f"{self.data} belongs to another account: start as the one that made it, or remove it.")

    def _clear_after_crash(self) -> None:
        """Remove what a dead server left, once its last helpers, which outlive it for a moment, are gone."""
        remains = self.data / "postmaster.pid"
        if not remains.exists():
            return
        deadline = time.monotonic() + 5
        while self._helpers():
            if time.monotonic() > deadline:
                raise ServerError(f"Processes of an earlier PostgreSQL still use {self.data}: end them by hand.")
            time.sleep(0.05)
        remains.unlink(missing_ok=True)
        for lock in self.sockets.glob(".s.PGSQL.*"):
            lock.unlink(missing_ok=True)

    def _helpers(self) -> bool:
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.info["name"] == "postgres" and process.cwd() == str(self.data):
                    return True
        return False


class Valkey(_Server):
    """One Valkey server that keeps nothing on disk, so that stopping it empties it."""

    endings = ((signal.SIGTERM, 0.7), (signal.SIGKILL, 0.3))

    def __init__(self, home: Path, sockets: Path, log: Path, runs_as: Account) -> None:
        super().__init__(log, runs_as)
        self.home = home
        self.socket = sockets / "valkey.sock"

    def url(self, number: int = 0) -> str:
        """Return the address of one of its sixteen numbered databases."""
        return f"unix://{quote(str(self.socket))}?db={number}"

    def pid(self) -> int | None:
        """Return the server's process, if it runs."""
        pid = _first_number(self.home / "valkey.pid")
        return pid if pid and programs.is_running(pid, str(self.socket)) else None

    def answers(self) -> bool:
        """Tell whether it takes commands."""
        import redis

        client = redis.Redis(unix_socket_path=str(self.socket), socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()

    def _launch(self) -> subprocess.Popen[bytes]:
        options = {"port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700", "dir": str(self.home)}
        options |= {"save": "", "appendonly": "no", "set-proc-title": "no", "loglevel": "warning"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        child = programs.spawn([programs.valkey_server(self.runs_as), *words], self.runs_as, self.log)
        (self.home / "valkey.pid").write_text(f"{child.pid}\n")
        return child


class Servers:
    """Both servers of one directory. As a context it starts them, and stops them if it was the one that did.

    root: the directory (`var/` of a clone). postgres, valkey: which of the two to start.
    """

    def __init__(self, root: Path, *, postgres: bool = True, valkey: bool = True) -> None:
        self.root = root.resolve()
        self._wanted = (postgres, valkey)
        self._lock: IO[str] | None = None
        runs_as = programs.account()
        self.home = _home(self.root, runs_as)
        sockets = _sockets(self.home)
        self._account, self._sockets = runs_as, sockets
        self.postgres = Postgres(self.home / "pg", sockets, self.root / "log" / "postgres.log", runs_as)
        self.valkey = Valkey(self.home / "valkey", sockets, self.root / "log" / "valkey.log", runs_as)

    @property
    def database_url(self) -> str:
        """Where Hearthline's database is."""
        return self.postgres.url()

    @property
    def redis_url(self) -> str:
        """Where Valkey is, in redis-py's way of writing."""
        return self.valkey.url()

    @property
    def mine(self) -> bool:
        """This process started the servers, or took them over from one that died, and will stop them."""
        return self._lock is not None

    def start(self) -> Self:
        """Start what is wanted and does not run, or wait for another process that is doing so. Raises ServerError."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self.root / "servers.lock")
        if self._lock is None:
            _wait(self.running, self.root / "log")
            return self
        try:
            self._prepare()
            if self._wanted[0]:
                self.start_postgres()
                self.postgres.make_database("hearthline")
            if self._wanted[1]:
                self.start_valkey()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop both, if they are ours to stop, in less than five seconds."""
        if self._lock is None:
            return
        # An interruption of one step must not leave out the next.
        with ExitStack() as steps:
            steps.callback(self._let_go)
            steps.callback(self.stop_postgres)
            steps.callback(self.stop_valkey)

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def running(self) -> bool:
        """Tell whether what is wanted runs and answers. Starts nothing."""
        postgres, valkey = self._wanted
        return (not postgres or (self.postgres.pid() is not None and self.postgres.answers())) and (
            not valkey or (self.valkey.pid() is not None and self.valkey.answers())
        )

    def start_postgres(self) -> None:
        """Start PostgreSQL alone, for instance after `stop_postgres`."""
        self.postgres.start()

    def stop_postgres(self) -> None:
        """Stop PostgreSQL alone, to see what happens without it."""
        self.postgres.stop()

    def start_valkey(self) -> None:
        """Start Valkey alone, empty."""
        self.valkey.start()

    def stop_valkey(self) -> None:
        """Stop Valkey alone; what it held is gone."""
        self.valkey.stop()

    def _prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        for theirs in (self._sockets, self.valkey.home):
            self._account.give(theirs)
        # PostgreSQL makes its own directory, so its account must be able to write here.
        if self._account.uid is not None and self._account.gid is not None:
            os.chown(self.home, self._account.uid, self._account.gid)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def lock(path: Path) -> IO[str] | None:
    """Take a lock that ends with this process, however it ends. None if another process has it."""
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _home(root: Path, runs_as: Account) -> Path:
    """Return where the data is: `root/servers`, or the system's own place where the servers' account cannot get there.

    Once chosen it stays, because the data is there: `root/servers.home` says where. The name is made anew each time, so
    that a clone in the place of a deleted one does not find the other's data.
    """
    root.mkdir(parents=True, exist_ok=True)
    chosen = root / "servers.home"
    if not chosen.exists():
        if runs_as.uid is None or (root / "servers").exists() or runs_as.can("x", root):
            return root / "servers"
        # Written whole before it has its name, because two may start at once.
        writing = root / f"servers.home.{os.getpid()}"
        writing.write_text(f"{programs.STATE_DIR / secrets.token_hex(6)}\n")
        with contextlib.suppress(FileExistsError):
            os.link(writing, chosen)
        writing.unlink()
    return Path(chosen.read_text().strip())


def _sockets(home: Path) -> Path:
    sockets = home / "sockets"
    if len(os.fsencode(sockets)) <= LONGEST_SOCKET_DIR:
        return sockets
    return Path(tempfile.gettempdir()) / f"hearthline-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text().split(maxsplit=1)[0])
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def _wait(ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        if time.monotonic() > deadline:
            raise ServerError(f"A server does not answer {START_TIMEOUT:.0f} seconds after its start; {log} says why.")
        time.sleep(0.02)
