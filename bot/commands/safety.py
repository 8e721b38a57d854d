"""`hearthline safety`: who has signed the files that decide what is said to somebody in danger."""

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from bot.approval import SAFETY
from bot.errors import HearthlineError
from flows import approvals


class NotSigned(HearthlineError):
    """It cannot be signed like this. The message says why."""


def status(output: TextIO, folder: Path = SAFETY) -> int:
    """List every file. Returns 1 if one lacks two people's signatures, else 0."""
    found = approvals.standings(folder)
    for one in found:
        mark = "approved" if one.approved else "CHANGED " if one.changed else "unsigned"
        print(f"{mark}  {one.file}{'  ' + ', '.join(one.approved_by) if one.approved_by else ''}", file=output)
    missing = sum(not one.approved for one in found)
    print(f"{len(found) - missing} of {len(found)} approved by two people.", file=output)
    return 1 if missing else 0


def sign(who: str, files: Sequence[str], output: TextIO, folder: Path = SAFETY) -> None:
    """Sign files as they are. Raises `NotSigned`."""
    try:
        signed = approvals.sign(folder, who, files)
    except ValueError as error:
        raise NotSigned(f"{error}: hearthline safety status") from error
    print(f"Signed {len(signed)} files. Commit {approvals.FILE} so that the line that starts has it.", file=output)
