"""Errors in crisis wording: words that could harm, that promise, or that say of our team what may not be so.

The words themselves are data (`flows/safety/forbidden.yaml`), so that they are changed by the people who change the texts.
"""

from collections.abc import Iterator, Mapping, Sequence

from flows.folding import fold
from flows.measure import sms_segments
from flows.schema import BASE_LANGUAGE, Book, Phrases
from flows.style import Finding
from flows.texts import Spot, filled, spots

KINDS = (
    "missing-crisis-text",
    "names-method",
    "makes-promise",
    "claims-too-soon",
    "tells-too-much",
    "crisis-too-long",
    "missing-protocol-text",
)
MOST_SEGMENTS = 2
"""What somebody in danger has to read in a text message."""
CLAIMANTS = frozenset({"told", "seen", "contact-told", "contact-seen"})
"""The texts that say what our team did: the engine says them only once it has."""
QUIET = "contact-"
REQUIRED_FIRST = ("P0", "P1")
REQUIRED = (
    "ask-safe",
    "safe-yes",
    "safe-no",
    "safe-unsure",
    "told",
    "seen",
    "nobody",
    "waiting",
    "check-in",
    "contact-ask",
    "contact-bins",
)
"""Without these the protocol could not do what it is for."""


def findings(book: Book) -> Iterator[Finding]:
    """Everything that is wrong with the safety texts: (kind, where, remedy)."""
    for spot in spots(book):
        if spot.where.startswith("safety."):
            yield from _words(book, spot)
            yield from _length(book, spot)
    for name in REQUIRED_FIRST:
        if name not in book.crisis:
            yield "missing-crisis-text", f"safety.{name}", f"add safety wording with the id {name}"
    for name in REQUIRED:
        if name not in book.protocol:
            yield "missing-protocol-text", f"safety.{name}", f"add {name} to safety/protocol.yaml: the engine says it"


def _words(book: Book, spot: Spot) -> Iterator[Finding]:
    name, forbidden = spot.where.split(".")[1], book.forbidden
    quiet = name.startswith(QUIET) or name == "domestic-abuse"
    rules: Sequence[tuple[str, Phrases, str]] = (
        ("names-method", forbidden.methods, "never name a way of being hurt: take out"),
        ("makes-promise", forbidden.promises, "promise nothing: take out"),
        (
            "claims-too-soon",
            {} if name in CLAIMANTS else forbidden.claims,
            "only `told` and `seen` may say that: take out",
        ),
        ("tells-too-much", forbidden.telling if quiet else {}, "somebody else may read this: take out"),
    )
    for kind, phrases, remedy in rules:
        for language, said in _said(spot):
            for phrase in _found(said, phrases, language):
                yield kind, spot.where, f"{remedy} `{phrase}`"


def _said(spot: Spot) -> Iterator[tuple[str, str]]:
    for language, wording in spot.text.items():
        for said in (wording.default, wording.sms, wording.whatsapp, wording.telegram):
            if said:
                yield language, said


def _found(said: str, phrases: Mapping[str, Sequence[str]], language: str) -> Iterator[str]:
    padded = f" {fold(said)} "
    return (phrase for phrase in phrases.get(language, ()) if f" {fold(phrase)} " in padded)


def _length(book: Book, spot: Spot) -> Iterator[Finding]:
    if spot.label or BASE_LANGUAGE not in spot.text:
        return
    count = sms_segments(filled(book, spot.text, BASE_LANGUAGE, "sms"))
    if count > MOST_SEGMENTS:
        yield "crisis-too-long", spot.where, f"{count} SMS segments in English: cut it to {MOST_SEGMENTS}"
