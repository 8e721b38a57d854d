"""What was understood of a message: the values that the readers in this package hand to the engine."""

from typing import Literal

from msgspec import Struct

Level = Literal["P0", "P1", "P2", "P3"]
About = Literal["self", "other", "child"]


class Evidence(Struct, frozen=True):
    """Why a message was raised. `span` is (start, end) in characters of the message that `phrase` was found in."""

    phrase: str
    concern: str
    language: str
    span: tuple[int, int]
    rule: str


class Signal(Struct, frozen=True, omit_defaults=True):
    """How urgent a message is, from P0 (now) to P3 (ordinary), and why.

    tentative: only the statistical reader says so, which asks "are you safe?" and queues a person, and pages nobody.
    lowered: an urgent phrase was found, and what stands around it (a negation, the past, a film) took it back.
    """

    level: Level = "P3"
    concerns: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    about: About = "self"
    tentative: bool = False
    lowered: bool = False

    @property
    def urgent(self) -> bool:
        """P0 and P1 overtake other conversations' work."""
        return self.level in ("P0", "P1")


class Candidate(Struct, frozen=True):
    """One FAQ topic and how well it answers, from 0 to 1."""

    id: str
    score: float


class FaqMatch(Struct, frozen=True, omit_defaults=True):
    """`answer` is set when one topic is good enough to give at once; `near` holds the two or three that are close."""

    answer: str | None = None
    score: float = 0.0
    near: tuple[Candidate, ...] = ()


class Understanding(Struct, frozen=True, omit_defaults=True):
    """Everything read from one message, computed once and outside the engine."""

    signal: Signal = Signal()
    faq: FaqMatch = FaqMatch()
    language: str | None = None
