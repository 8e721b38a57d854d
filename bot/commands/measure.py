"""The commands that measure understanding: JSON lines in, one JSON line out for each, in order.

Each is a plain function over text streams, which `hearthline screen`, `hearthline faq match` and `hearthline language`
call. A line that is not JSON or has no text gives `{"error": ...}` in its place, so that outputs stay beside inputs.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from bot.nlu import faq, language
from bot.nlu.distress import screen
from bot.nlu.phrases import Phrases
from bot.nlu.understanding import Signal


class BankTopic(NamedTuple):
    """A topic of a bank file: `{"id", "examples": [...]}` in English, or `{"examples": {language: [...]}}`."""

    id: str
    examples: Mapping[str, Sequence[str]]


class BankError(ValueError):
    """A bank file is not well written; the message names the line and what is missing."""


def screen_lines(source: TextIO, target: TextIO, phrases: Phrases) -> None:
    """Screen each `{"text"}` and write `{"level", "concerns", "evidence"}`."""
    _each(source, target, lambda row: as_row(screen([row["text"]], phrases)))


def faq_lines(source: TextIO, target: TextIO, index: faq.Index) -> None:
    """Match each `{"text", "language"?}` and write `{"answer", "score", "candidates"}`."""

    def answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
        found = faq.match(index, row["text"], row.get("language"))
        ranked = faq.candidates(index, row["text"], row.get("language"))
        return {
            "answer": found.answer,
            "score": found.score,
            "candidates": [{"id": one.id, "score": one.score} for one in ranked],
        }

    _each(source, target, answer)


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


def explain(text: str, phrases: Phrases) -> str:
    """Say in words why a text was raised, for `hearthline screen --explain`."""
    signal = screen([text], phrases)
    heading = f"{signal.level} about {signal.about}: {', '.join(signal.concerns) or 'nothing found'}"
    reasons = [
        f"  {one.concern} [{one.language}] at {one.span[0]}-{one.span[1]}: {one.phrase!r} by {one.rule!r}"
        for one in signal.evidence
    ]
    return "\n".join([heading, *reasons])


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
