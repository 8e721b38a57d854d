"""One thing that is wrong, or could be better, in what authors wrote: where it is and what to do about it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Issue:
    """Errors block publication, warnings do not.

    kind: one of `flows.check.KINDS` or `flows.load.KINDS`. file: relative to the flows directory. line: from 1, or 0
    for the file as a whole. where: the part of the Book, as in `flows.menu.choose`. remedy: what to do, in a sentence.
    """

    kind: str
    severity: Severity
    file: str
    line: int
    where: str
    remedy: str

    def __str__(self) -> str:
        """Read as one line, the way compilers say it."""
        return f"{self.file}:{self.line}: {self.severity} {self.kind} at {self.where}: {self.remedy}"
