"""Two people's signatures under everything that decides what somebody in danger is told, bound to its content.

`flows/safety/approvals.yaml` holds, for each file, the SHA-256 that was read and who read it. A file that has changed since
is unsigned, whoever changed it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FILE = "approvals.yaml"
NEEDED = 2


class Standing(NamedTuple):
    """How a safety file stands. changed: it is not the one that was signed."""

    file: str
    approved_by: tuple[str, ...]
    changed: bool

    @property
    def approved(self) -> bool:
        """Whether two different people have signed it as it is."""
        return not self.changed and len({name.casefold() for name in self.approved_by}) >= NEEDED


def standings(folder: Path) -> list[Standing]:
    """How every file of the safety folder stands. A damaged approvals file approves nothing."""
    signed = _read(folder)
    return [_standing(folder, path, signed) for path in _files(folder)]


def unapproved(folder: Path) -> list[str]:
    """Files that two people have not signed as they are."""
    return [one.file for one in standings(folder) if not one.approved]


def sign(folder: Path, who: str, files: Iterable[str] = ()) -> list[str]:
    """Sign files as they are, all of them if none is named. Returns which; those that had changed lose earlier signatures.

    who: the name of a person. Raises `ValueError` for a name without letters, or a file that there is not.
    """
    name, wanted = " ".join(who.split()), set(files)
    known = {_name(folder, path): path for path in _files(folder)}
    if not any(char.isalpha() for char in name):
        raise ValueError("sign with a person's name")
    if wanted - set(known):
        raise ValueError(f"there is no {', '.join(sorted(wanted - set(known)))} in {folder.name}")
    signed = _read(folder)
    for file in sorted(wanted or known):
        before = _standing(folder, known[file], signed)
        others = [] if before.changed else [one for one in before.approved_by if one.casefold() != name.casefold()]
        signed[file] = {"sha256": _hash(known[file]), "approved_by": [*others, name]}
    _write(folder, {file: signed[file] for file in sorted(known) if file in signed})
    return sorted(wanted or known)


def _standing(folder: Path, path: Path, signed: Mapping[str, Any]) -> Standing:
    file = _name(folder, path)
    entry = signed.get(file)
    kept = entry if isinstance(entry, dict) else {}
    names = kept.get("approved_by")
    by = tuple(str(name) for name in names) if isinstance(names, list) else ()
    return Standing(file, by, bool(kept) and kept.get("sha256") != _hash(path))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in (".yaml", ".csv") and path.name != FILE)


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _hash(path: Path) -> str:
    # A checkout on Windows ends its lines otherwise, and says the same.
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    files = content.get("files") if isinstance(content, dict) else None
    return dict(files) if isinstance(files, dict) else {}


def _write(folder: Path, files: Mapping[str, Any]) -> None:
    content = yaml.safe_dump({"schema": 1, "files": dict(files)}, sort_keys=False, allow_unicode=True)
    partial = folder / f"{FILE}.partial"
    partial.write_text(_HEAD + content, encoding="utf-8")
    partial.replace(folder / FILE)


_HEAD = """# Who has read each safety file as it is: two different people, one of them the safeguarding lead.
# Written by `hearthline safety sign`; a change of a file ends its signatures. What is not here is unsigned.
"""
