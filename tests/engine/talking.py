"""Conversations as data: reads transcripts, takes them through the engine, and says what it did in short lines.

The state goes through JSON between every two steps, as it does in production.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from bot.engine import effects as fx
from bot.engine import events as facts
from bot.engine.events import DeliveryFailed, Event, MessageReceived, TimerFired
from bot.engine.state import State, from_json, to_json
from bot.engine.step import step
from bot.nlu.understanding import Candidate, FaqMatch, Signal, Understanding
from flows.load import ROOT, load_book, load_landlord
from flows.schema import Book

TRANSCRIPTS = Path(__file__).parent / "transcripts"
QUIET = ("timer", "cancel", "miss", "field")
"""Effects that a transcript need not mention; if it mentions one of a kind, it must mention all of that kind."""


@cache
def book(landlord: str = "england-council") -> Book:
    """The shipped Book for a shipped landlord."""
    return load_book(load_landlord(ROOT / "landlords" / f"{landlord}.yaml"))


def transcripts() -> list[dict[str, Any]]:
    """All conversations, each with the file it is in."""
    found = []
    for path in sorted(TRANSCRIPTS.glob("*.yaml")):
        found += [{"file": path.name, **item} for item in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return found


@dataclass
class Talk:
    """One conversation under way. at: POSIX seconds of the next event."""

    book: Book
    channel: str = "sms"
    at: float = 0.0
    state: State = field(default_factory=State)
    count: int = 0

    def hear(self, said: Any) -> list[fx.Effect]:
        """One event, described as a string or a mapping; the effects of its step."""
        fields = {"text": said} if isinstance(said, str) else dict(said or {})
        self.at += seconds(str(fields.pop("after", "1m" if self.count else "0s")))
        self.count += 1
        self.state, effects = step(from_json(to_json(self.state)), self._event(fields), self.book)
        return list(effects)

    def _event(self, fields: dict[str, Any]) -> Event:
        if "timer" in fields:
            return TimerFired(at=self.at, id=self.count, name=fields["timer"])
        if "undelivered" in fields:
            return DeliveryFailed(at=self.at, id=self.count, outcome=fields["undelivered"])
        if "fact" in fields:
            kind = getattr(facts, "".join(word.title() for word in str(fields.pop("fact")).split("-")))
            made: Event = kind(at=self.at, id=self.count, **fields)
            return made
        understood = understanding(fields)
        media = tuple(fields.pop("media", ()))
        fields.setdefault("message", f"m{self.count}")
        return MessageReceived(
            at=self.at, id=self.count, channel=self.channel, media=media, understood=understood, **fields
        )


def understanding(fields: dict[str, Any]) -> Understanding:
    """What the readers would have said: `faq`, `near`, `signal` ("P0 gas", "P1? suicide") and `heard` (a language)."""
    level, *concerns = str(fields.pop("signal", "P3")).split()
    tentative, level = level.endswith("?"), level.rstrip("?")
    near = tuple(Candidate(name, 0.4) for name in fields.pop("near", ()))
    return Understanding(
        signal=Signal(level=level, concerns=tuple(concerns), tentative=tentative),  # type: ignore[arg-type]  # the data says P0 to P3
        faq=FaqMatch(answer=fields.pop("faq", None), score=0.9, near=near),
        language=fields.pop("heard", None),
    )


def seconds(after: str) -> float:
    """A wait such as "90s", "5m", "20h" or "2d"."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[after[-1]]
    return timedelta(**{unit: float(after[:-1])}).total_seconds()


def instant(local: str, zone: str) -> float:
    """POSIX seconds of a local time such as "2026-11-23 10:00"."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp()


def start(transcript: Mapping[str, Any]) -> Talk:
    """The conversation of a transcript before its first turn."""
    chosen = book(transcript.get("landlord", "england-council"))
    at = instant(transcript.get("at", "2026-11-23 10:00"), chosen.landlord.timezone)
    return Talk(chosen, transcript.get("channel", "sms"), at)


def texts(effects: list[fx.Effect]) -> list[fx.SendText]:
    """What was said."""
    return [effect for effect in effects if isinstance(effect, fx.SendText)]


def deeds(effects: list[fx.Effect], at: float) -> list[str]:
    """Everything else that was done, a short line each."""
    return [line for effect in effects if (line := _line(effect, at))]


def _line(effect: fx.Effect, at: float) -> str:
    match effect:
        case fx.OpenHandoff():
            doubtful = "?" if effect.tentative else ""
            return f"handoff {effect.queue} {effect.level}{doubtful} {effect.reason}"
        case fx.StartTimer(name, due_at):
            return f"timer {name} +{(due_at - at) / 3600:g}h"
        case fx.CancelTimer(name):
            return f"cancel {name}"
        case fx.SetLanguage(language):
            return f"language {language}"
        case fx.SetConsent(stopped):
            return "stopped" if stopped else "started"
        case fx.SetReachable(reachable):
            return "reachable" if reachable else "unreachable"
        case fx.RecordField(name, value):
            return f"field {name}={value}"
        case fx.RecordSource(source):
            return f"source {source}"
        case fx.RecordMiss(flow, state):
            return f"miss {flow}.{state}"
        case fx.ReportAuthorError():
            return f"author-error {effect.flow}.{effect.state}"
        case _:
            return ""


def mentioned(done: list[str], expected: list[str]) -> list[str]:
    """The deeds that a transcript has to name."""
    named = {line.split()[0] for line in expected}
    return [line for line in done if line.split()[0] not in QUIET or line.split()[0] in named]
