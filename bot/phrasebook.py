"""The distress phrases, ready to use. Building them takes two seconds, so each machine builds a set once and keeps it.

What is kept is a pickle that this very program wrote, in a folder that only its account can write; its name is the hash
of the phrases and of the code that reads them, so a change of either builds anew.
"""

import contextlib
import hashlib
import os
import pickle
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bot.log import get
from bot.nlu import distress, normalise, patterns, phrases
from bot.nlu.phrases import Phrases, load_phrases
from bot.nlu.understanding import Signal

log = get(__name__)


class Screener:
    """Reads messages for distress, oldest first. The phrases load once in a process, at the first call."""

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        """folder: of the phrase files. cache: where to keep what was built; None keeps nothing."""
        self._folder, self._cache = folder, cache
        self._loading = threading.Lock()
        self._phrases: Phrases | None = None

    def __call__(self, messages: Sequence[str]) -> Signal:
        """Tell how urgent the messages are."""
        return distress.screen(messages, self._phrases or self.load())

    def load(self) -> Phrases:
        """Load the phrases, in one thread however many ask: each copy is tens of MiB. Raises `PhraseError`."""
        with self._loading:
            if self._phrases is None:
                self._phrases = load_phrases(self._folder) if self._cache is None else kept(self._folder, self._cache)
            return self._phrases


def kept(folder: Path, cache: Path) -> Phrases:
    """The phrases of `folder`, from `cache` if they were built there before. Raises `PhraseError`."""
    path = cache / f"phrases-{fingerprint(folder)}.pickle"
    if (found := _read(path)) is not None:
        return found
    built = load_phrases(folder)
    try:
        _write(path, built)
    except OSError as error:
        log.warning("phrases_not_kept", error=error, remedy="check VAR_DIR; the next start takes longer")
    return built


def fingerprint(folder: Path) -> str:
    """Hash of the phrase files, the code that reads them, and the Python that runs it."""
    whole = hashlib.sha256(sys.version.encode())
    code = [Path(module.__file__ or "") for module in (normalise, patterns, phrases)]
    for path in [*sorted(folder.glob("*.yaml")), *code]:
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()[:32]


def _read(path: Path) -> Phrases | None:
    """What this account kept before; anything else is not trusted."""
    with contextlib.suppress(OSError, pickle.UnpicklingError, EOFError, AttributeError), path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid == os.geteuid() and not status.st_mode & 0o022:
            found = pickle.load(file)
            return found if isinstance(found, Phrases) else None
    return None


def _write(path: Path, built: Phrases) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        pickle.dump(built, file, pickle.HIGHEST_PROTOCOL)
    part.rename(path)
    for old in path.parent.glob("phrases-*.pickle"):
        if old != path:
            old.unlink(missing_ok=True)
