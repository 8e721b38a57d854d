"""`hearthline talk`: a conversation in the terminal, read and answered by the code that answers on a real channel."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TextIO

import msgspec

from bot import clock
from bot.commands.flows import usable_book
from bot.engine import effects as fx
from bot.engine.events import Event, MediaKind, MessageReceived, TimerFired
from bot.engine.state import State, from_json, to_json
from bot.engine.step import step
from bot.nlu import faq, language
from bot.nlu.understanding import Signal, Understanding
from bot.settings import Settings
from bot.wiring import encoder, screener, second_reader
from flows.schema import Book

DIM, PLAIN = "\033[2m", "\033[0m"
TOGETHER = 4
HELP = "Write as a tenant. /picture and /voice send a file, /wait 30 lets 30 minutes pass, /quit or Ctrl-D ends."
FILES: dict[str, MediaKind] = {"/picture": "picture", "/voice": "voice"}


@dataclass
class Talk:
    """One conversation. at: POSIX seconds, which only /wait moves."""

    book: Book
    channel: str
    at: float
    state: State = field(default_factory=State)
    timers: dict[str, float] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    events: int = 0
    index: faq.Index | None = None
    screen: Callable[[Sequence[str]], Signal] = field(default_factory=screener)
    second: Callable[[Sequence[str], Signal], Signal] | None = None
    indexed: Callable[[Book], faq.Index] = lambda book: faq.build(book.faq, outside=faq.strangers())

    def hear(self, text: str) -> tuple[fx.Effect, ...]:
        """Take what the tenant wrote, or sent with /picture or /voice."""
        kind = FILES.get(text)
        words = "" if kind else text
        consent = self.book.words.consent_said.get(words.strip().casefold())
        event = MessageReceived(
            at=self.at,
            id=self._next_id(),
            channel=self.channel,
            message=str(self.events),
            text=words,
            media=(kind,) if kind else (),
            consent=consent,
            understood=self._understand(words) if words else Understanding(),
        )
        return self._step(event)

    def wait(self, minutes: float) -> Iterable[tuple[fx.Effect, ...]]:
        """Let time pass, and give what each timer that comes due leads to."""
        until = self.at + minutes * 60
        while due := sorted((at, name) for name, at in self.timers.items() if at <= until):
            at, name = due[0]
            del self.timers[name]
            self.at = max(self.at, at)
            yield self._step(TimerFired(at=self.at, id=self._next_id(), name=name))
        self.at = until

    def _understand(self, words: str) -> Understanding:
        self.index = self.index or self.indexed(self.book)
        current = self.state.language or self.book.landlord.languages[0]
        other = language.other_than(words, current)
        recent = [*self.texts, words]
        self.texts = recent[-TOGETHER:]
        first = self.screen(recent)
        return Understanding(
            signal=self.second(recent, first) if self.second and not first.urgent else first,
            faq=faq.match(self.index, words, other or current),
            language=other,
        )

    def _step(self, event: Event) -> tuple[fx.Effect, ...]:
        # Through JSON each time, as the store does it.
        self.state, effects = step(from_json(to_json(self.state)), event, self.book)
        for effect in effects:
            if isinstance(effect, fx.StartTimer):
                self.timers[effect.name] = effect.due_at
            elif isinstance(effect, fx.CancelTimer):
                self.timers.pop(effect.name, None)
        return effects

    def _next_id(self) -> int:
        self.events += 1
        return self.events


def talk(
    settings: Settings,
    channel: str,
    language_tag: str,
    explain: bool,
    *,
    ask: Callable[[str], str] = input,
    output: TextIO = sys.stdout,
) -> None:
    """Talk until the other side ends it. explain: show every effect, not only what is said."""
    conversation = Talk(usable_book(settings), channel, clock.now(), State(language=language_tag))
    shared = encoder(settings)
    conversation.indexed, conversation.second = shared().index, second_reader(shared)
    print(HELP, file=output)
    while True:
        try:
            line = ask("> ").strip()
        except (EOFError, KeyboardInterrupt):
            line = "/quit"
        if line == "/quit":
            print(file=output)
            return
        for effects in _turns(conversation, line):
            show(effects, explain, output)


def _turns(conversation: Talk, line: str) -> Iterable[tuple[fx.Effect, ...]]:
    command, _, rest = line.partition(" ")
    if command == "/wait":
        return conversation.wait(float(rest) if rest.replace(".", "", 1).isdigit() else 60)
    return [conversation.hear(line)]


def show(effects: Iterable[fx.Effect], explain: bool, output: TextIO) -> None:
    """Write what is said, with choices numbered, and dimly everything else if asked to."""
    colour = output.isatty()
    for effect in effects:
        if isinstance(effect, fx.SendText):
            print(f"\n{effect.text}", file=output)
            for number, choice in enumerate(effect.choices, 1):
                print(f"{number} {choice.label}", file=output)
        if explain:
            told = _told(effect)
            print(f"{DIM}{told}{PLAIN}" if colour else told, file=output)
    print(file=output)


def _told(effect: fx.Effect) -> str:
    fields = msgspec.structs.asdict(effect)
    fields.pop("text", None)
    said = ", ".join(f"{name}={value!r}" for name, value in fields.items() if value not in ("", None, (), {}))
    return f"  [{type(effect).__name__} {said}]"
