"""`hearthline run`: the whole line on one machine, from nothing but a clone.

Servers that no setting names are started here; without provider credentials a double of the providers is, with a page
of phones. Then every process of the Procfile runs as a child, is started again if it ends, and is stopped in good time.
"""

import json
import os
import shlex
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from honcho.environ import parse_procfile

from bot.children import COLOURS, Child, Log, stop_all
from bot.embedded import Servers, lock
from bot.errors import AlreadyRunning, PlatformError
from bot.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
STOP_PATIENCE = 5.2
"""Seconds for the children; with the servers' own limits the whole stop stays under ten."""
READY_WITHIN = 90.0
PORT_WITHIN = 6.0
"""Seconds for the children of a supervisor that was killed to give the port back."""


@dataclass(frozen=True)
class Running:
    """What a second `hearthline run` is told of the first."""

    pid: int
    since: str
    url: str
    phone: str | None = None


class Interrupted(Exception):  # noqa: N818  not an error
    """Somebody asked us to stop before everything had started."""


def run(settings: Settings) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP. Returns the exit code; raises PlatformError with what to do."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    ours = lock(settings.var_dir / "run.lock")
    if ours is None:
        return tell_what_runs(settings.var_dir)
    stopping, hurried = threading.Event(), threading.Event()
    _on_signals(stopping, hurried)
    log = Log(sys.stdout, width=13)
    begun = time.monotonic()
    with closing(ours), ExitStack() as stack:
        try:
            children, running, connected = _start(settings, log, stack, stopping, hurried)
            _keep(children, running, connected, log, stopping, begun)
        except Interrupted:
            log.say("hearthline", "stopped before it was ready")
        finally:
            (settings.var_dir / "run.json").unlink(missing_ok=True)
            log.say("hearthline", "stopping")
    log.say("hearthline", "stopped")
    return 0


def tell_what_runs(var_dir: Path) -> int:
    """Say what runs from this directory already. Returns 0 if it is ready, 1 if it is not (yet)."""
    try:
        running = Running(**json.loads((var_dir / "run.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise AlreadyRunning("Another hearthline run is starting or stopping here: try again in a moment.") from error
    missing = not_ready(running.url)
    print(f"Hearthline runs here already: process {running.pid}, since {running.since}, {running.url}")
    if running.phone:
        print(f"Phone page: {running.phone}")
    print(f"It is not ready: {missing}" if missing else f"To stop it: kill {running.pid}")
    return 1 if missing else 0


def not_ready(url: str) -> str:
    """Ask /readyz what is missing. Returns nothing if it is ready. url: of the web process, without a last slash."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return error.read(2000).decode("utf-8", "replace").strip()
    except OSError:
        return "the web process does not answer"


def _start(
    settings: Settings, log: Log, stack: ExitStack, stopping: threading.Event, hurried: threading.Event
) -> tuple[list[Child], Running, Settings]:
    """Start everything in order; what was started is stopped in the other order when `stack` ends.

    The settings come back with the addresses of the servers.
    """
    url = f"http://127.0.0.1:{settings.port}"
    _await_port(settings.port, stopping)
    environment = {**os.environ, **_servers(settings, log, stack)}
    children: list[Child] = []
    commands = processes()
    phone = None
    if not settings.channels_on:
        phone_port = free_port(settings.port + 1)
        phone = f"http://127.0.0.1:{phone_port}/phone"
        environment |= _double(phone_port)
        commands = {"double": ["python", "-m", "bot", "double", "--port", str(phone_port), "--product", url]} | commands
    _migrate(environment["DATABASE_URL"], log, stopping)
    stack.callback(lambda: _say_late(stop_all(children, STOP_PATIENCE, hurried), log))
    for number, (name, command) in enumerate(commands.items()):
        child = Child(name, _here(command), environment, log, COLOURS[number % len(COLOURS)])
        child.start(time.monotonic())
        children.append(child)
    running = Running(os.getpid(), datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S %Z"), url, phone)
    (settings.var_dir / "run.json").write_text(json.dumps(asdict(running)))
    return children, running, settings.model_copy(update={"database_url": environment["DATABASE_URL"]})


def _keep(
    children: list[Child], running: Running, settings: Settings, log: Log, stopping: threading.Event, begun: float
) -> None:
    """Keep the children alive until we are asked to stop, and say once that the line is ready, or what is missing.

    begun: monotonic seconds at which `run` began.
    """
    told = False
    while not stopping.wait(0.2):
        now = time.monotonic()
        for child in children:
            child.tick(now)
        if told:
            continue
        missing = not_ready(running.url)
        told = not missing or now - begun > READY_WITHIN
        if not missing:
            _say_ready(running, settings, log, now - begun)
        elif told:
            log.say("hearthline", f"not ready after {READY_WITHIN:.0f} s: {missing}")


def _say_ready(running: Running, settings: Settings, log: Log, seconds: float) -> None:
    log.say("hearthline", f"ready after {seconds:.1f} s, channels: {', '.join(settings.channels_on) or 'all, doubled'}")
    if running.phone:
        log.say("hearthline", f"phone page   {running.phone}")
    log.say("hearthline", f"desk         {settings.desk_url}/desk/")
    _say_first_account(settings, log)
    log.say("hearthline", f"health       {running.url}/healthz  {running.url}/readyz")
    log.say("hearthline", f"data         {settings.var_dir.resolve()}")
    log.say("hearthline", "Ctrl-C stops everything")


def _say_first_account(settings: Settings, log: Log) -> None:
    """Where there is no account yet, print the one link that makes the first."""
    from bot.commands.staff import first_link

    link = first_link(settings)
    if link:
        log.say("hearthline", f"first account, for 24 hours and once: {link}")


def _servers(settings: Settings, log: Log, stack: ExitStack) -> dict[str, str]:
    """Start the servers that no setting names, and return the addresses of both."""
    wanted = {"postgres": settings.database_url is None, "valkey": settings.redis_url is None}
    addresses = {"DATABASE_URL": settings.database_url or "", "REDIS_URL": settings.redis_url or ""}
    if any(wanted.values()):
        servers = Servers(settings.var_dir, **wanted)
        stack.enter_context(servers)
        names = [name for name, is_wanted in wanted.items() if is_wanted]
        log.say("hearthline", f"started {' and '.join(names)}, files in {servers.home}")
        addresses["DATABASE_URL"] = settings.database_url or servers.database_url
        addresses["REDIS_URL"] = settings.redis_url or servers.redis_url
    return addresses


def _double(port: int) -> Mapping[str, str]:
    from bot.double import credentials

    return credentials(port)


def _migrate(database_url: str, log: Log, stopping: threading.Event) -> None:
    if stopping.is_set():
        raise Interrupted
    bring_up_to_date(database_url)
    log.say("hearthline", "database is up to date")


def bring_up_to_date(database_url: str) -> None:
    """Run the migrations. Raises PlatformError when the database cannot be reached."""
    from sqlalchemy.exc import OperationalError

    from bot.store.migrate import upgrade

    try:
        upgrade(database_url)
    except OperationalError as error:
        raise PlatformError("PostgreSQL does not let us in: check DATABASE_URL and that the server runs.") from error


def processes() -> dict[str, list[str]]:
    """Return the Procfile's processes, name to command, without `release`, which has run before them."""
    named: Mapping[str, Any] = parse_procfile((ROOT / "Procfile").read_text()).processes
    return {name: shlex.split(command) for name, command in named.items() if name != "release"}


def _here(command: list[str]) -> list[str]:
    """Use this very Python, whatever the PATH says."""
    return [sys.executable, *command[1:]] if command[0] == "python" else command


def free_port(wanted: int) -> int:
    """Return the wanted port of 127.0.0.1 if nobody has it, or else any free one."""
    return wanted if _is_free(wanted) else any_port()


def any_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


def _await_port(port: int, stopping: threading.Event) -> None:
    deadline = time.monotonic() + PORT_WITHIN
    while not _is_free(port):
        if time.monotonic() > deadline:
            raise PlatformError(f"Port {port} is taken by another program: end it, or set PORT to a free one.")
        if stopping.wait(0.2):
            raise Interrupted


def _on_signals(stopping: threading.Event, hurried: threading.Event) -> None:
    """The first signal stops everything in order, a second one at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            hurried.set()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)


def _say_late(names: list[str], log: Log) -> None:
    if names:
        log.say("hearthline", f"had to be killed: {', '.join(names)}")
