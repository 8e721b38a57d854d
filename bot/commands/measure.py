"""The commands that measure understanding: JSON lines in, one JSON line out for each, in order.

Each is a plain function over text streams, which `hearthline screen`, `hearthline faq match` and `hearthline language`
call. A line that is not JSON or has no text gives `{"error": ...}` in its place, so that outputs stay beside inputs.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from bot.commands import second as training
from bot.nlu import faq, language, second
from bot.nlu.embedding import Encoder
from bot.nlu.understanding import Evidence, Signal

LONGEST_RULE = 160
"""Characters of a pattern that are shown: some name hundreds of words."""
WEIGHTS = "second.npz"
"""The trained second reader, in `flows/safety`."""


class BankTopic(NamedTuple):
    """A topic of a bank file: `{"id", "examples": [...]}` in English, or `{"examples": {language: [...]}}`."""

    id: str
    examples: Mapping[str, Sequence[str]]


class BankError(ValueError):
    """A bank file is not well written; the message names the line and what is missing."""


class Screening(NamedTuple):
    """Both readers of distress. folder: `flows/safety`. encode: of the encoder, None without one."""

    screen: Callable[[Sequence[str]], Signal]
    folder: Path
    encode: second.Encode | None

    def reader(self) -> second.Reader:
        """The second reader. Raises `ReaderError`."""
        return second.load(self.folder / WEIGHTS)


def screen_lines(source: TextIO, target: TextIO, readers: Screening) -> None:
    """Screen each `{"text"}` by both readers and write `{"level", "concerns", "evidence"}`."""
    reader = readers.reader()

    def answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
        text = row["text"]
        return as_row(second.doubt(reader, readers.encode, [text], readers.screen([text])))

    _each(source, target, answer)


def train(readers: Screening) -> str:
    """Fit the second reader to the examples, write it, and say so. Raises `NoEncoder`."""
    rows = training.examples(readers.folder / "examples")
    size = training.write(readers.folder / WEIGHTS, training.train(rows, readers.encode))
    return f"{WEIGHTS}: learnt from {len(rows)} examples, {size // 1024} KiB"


def faq_lines(source: TextIO, target: TextIO, index: faq.Index) -> None:
    """Match each `{"text", "language"?}` and write `{"answer", "score", "candidates"}`."""

    def answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
        ranked = faq.candidates(index, row["text"], row.get("language"))
        found = faq.decide(index, ranked)
        return {
            "answer": found.answer,
            "score": found.score,
            "candidates": [{"id": one.id, "score": one.score} for one in ranked],
        }

    _each(source, target, answer)


def bank_index(topics: Sequence[BankTopic], encoder: Encoder | None) -> faq.Index:
    """Make the index of a bank file, as the shipped answers' is made but for what is not ours, which no file tells."""
    return faq.build(topics, None if encoder is None else encoder.read)


def language_lines(source: TextIO, target: TextIO) -> None:
    """Detect the language of each `{"text"}` and write `{"language", "confidence"}`."""
    _each(source, target, lambda row: language.detect(row["text"])._asdict())


def as_row(signal: Signal) -> Mapping[str, Any]:
    """Turn a signal into what `hearthline screen` writes."""
    return {
        "level": signal.level,
        "concerns": list(signal.concerns),
        "evidence": [
            {"phrase": one.phrase, "concern": one.concern, "language": one.language, "span": list(one.span)}
            for one in signal.evidence
        ],
    }


def explain(text: str, readers: Screening) -> str:
    """Say in words why a text is raised or is not, with each phrase marked where it stands."""
    first = readers.screen([text])
    reader = readers.reader()
    vectors = None if readers.encode is None else readers.encode(second.pieces(text))
    reading = second.read(reader, text, vectors)
    final = second.doubt(reader, readers.encode, [text], first)
    doubt = "  (only the second reader says so: ask, and queue a person)" if final.tentative else ""
    lines = [f"{final.level}  {', '.join(final.concerns) or 'nothing found'}; about {final.about}{doubt}"]
    shown = {(one.concern, one.span): one for one in reversed(first.evidence)}
    lines += [_reason(text, one) for one in sorted(shown.values(), key=lambda one: one.span)]
    lines += ["  an urgent phrase was found, and the words around it took it back"] if first.lowered else []
    return "\n".join([*lines, *_second_opinion(reading, lowered=first.lowered)])


def _reason(text: str, one: Evidence) -> str:
    start, end = one.span
    marked = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    rule = one.rule if len(one.rule) <= LONGEST_RULE else one.rule[:LONGEST_RULE] + "..."
    return f"  {one.concern} [{one.language}]: {marked}\n    by {rule}"


def _second_opinion(reading: second.Reading, *, lowered: bool) -> list[str]:
    needed = reading.net.firm if lowered else reading.net.alarm
    kind = "by its words and its meaning" if len(reading.net.meaning) else "by its words alone"
    traces = ", ".join(f"{trace.text} {trace.weight:+.2f}" for trace in second.strongest(reading))
    said = f"  second reader, {kind}: {reading.score:.2f}, raises from {needed:.2f}"
    return [said, f"    in {reading.window!r}: {traces}"] if traces else [said]


def read_bank(path: Path) -> list[BankTopic]:
    """Read a bank of JSON lines. Raises `BankError`."""
    topics: list[BankTopic] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            examples = row["examples"]
            topics.append(BankTopic(str(row["id"]), examples if isinstance(examples, dict) else {"en": examples}))
        except (ValueError, KeyError, TypeError) as problem:
            raise BankError(f"line {number} of the bank: write {{'id': ..., 'examples': [...]}}") from problem
    return topics


def _each(lines: Iterable[str], target: TextIO, answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    for line in lines:
        if line.strip():
            target.write(json.dumps(_answered(line, answer), ensure_ascii=False) + "\n")


def _answered(line: str, answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {"error": "this line is not JSON"}
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        return {"error": 'this line has no "text"'}
    return answer(row)
