"""What takes seconds to build is built once on a machine and kept for the next process.

What is kept is a pickle that this very program wrote, in a folder that only its account can write. Its name says what it
was built from, so a change of that builds anew; whatever cannot be read is built anew as well.
"""

import contextlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bot.log import get

T = TypeVar("T")
MOST_KEPT = 4
"""Files of a kind that are left: several releases or landlords may share a machine."""

log = get(__name__)


def kept(folder: Path | None, name: str, fingerprint: str, kind: type[T], build: Callable[[], T]) -> T:
    """What `build` gives, from `folder` if it was built there before from the same things.

    name: what it is, for its file's name. fingerprint: hash of everything it is made from. kind: what a file must hold.
    """
    found = look(folder, name, fingerprint, kind)
    if found is not None:
        return found
    built = build()
    keep(folder, name, fingerprint, built)
    return built


def look(folder: Path | None, name: str, fingerprint: str, kind: type[T]) -> T | None:
    """What is kept there, or None. The arguments are those of `kept`."""
    return None if folder is None else _read(_path(folder, name, fingerprint), kind)


def keep(folder: Path | None, name: str, fingerprint: str, built: object) -> None:
    """Keep something in place of what is there. A disk that does not take it costs time later, and nothing else."""
    if folder is None:
        return
    try:
        _write(_path(folder, name, fingerprint), built, f"{name}-*.pickle")
    except OSError as error:
        log.warning("not_kept", what=name, error=error, remedy="check VAR_DIR; the next start takes longer")


def _path(folder: Path, name: str, fingerprint: str) -> Path:
    return folder / f"{name}-{fingerprint}.pickle"


def _read(path: Path, kind: type[T]) -> T | None:
    """What this account kept before; anything else is not trusted."""
    unusable = (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, TypeError)
    with contextlib.suppress(*unusable), path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid == os.geteuid() and not status.st_mode & 0o022:
            found = pickle.load(file)
            return found if isinstance(found, kind) else None
    return None


def _write(path: Path, built: object, siblings: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        pickle.dump(built, file, pickle.HIGHEST_PROTOCOL)
    part.rename(path)
    others = sorted(path.parent.glob(siblings), key=_age)
    for old in others[MOST_KEPT:]:
        old.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0
