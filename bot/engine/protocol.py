"""The crisis protocol's own words: what it says at each point, the questions it asks, and how their answers are read.

All of them are approved texts of `flows/safety/protocol.yaml`. A text that a Book of an earlier release does not have is
left out: nothing here is the only help that a tenant gets.
"""

from collections.abc import Iterator, Sequence

from bot.engine.effects import Choice
from bot.engine.reading import answers, read_choice
from bot.engine.turn import Turn
from flows.schema import BASE_LANGUAGE, SafetyChoice, Text

PREFIX = "safety."
"""Begins the id of every button of the protocol, so that it works however old it is."""
WAIT_AGAIN = 600.0
"""Seconds between two short words to somebody who waits for a person."""


def tell(turn: Turn, name: str, choices: Sequence[Choice] = ()) -> None:
    """Say one of the protocol's texts, ahead of every other conversation's words."""
    entry = turn.book.protocol.get(name)
    if entry is not None:
        words = spoken(turn, entry.text_in(turn.book.landlord.nation))
        menu = f"safety-{name}" if choices else None
        turn.say_plainly(words, choices, menu=menu, purpose="crisis")


def spoken(turn: Turn, text: Text) -> str:
    """The tenant's language, with English beneath it for as long as nobody has signed the translation."""
    said = turn.words(text)
    own = text.get(turn.language)
    if turn.language == BASE_LANGUAGE or own is None or own.reviewed_by:
        return said
    return f"{said}\n\n{turn.words(text, BASE_LANGUAGE)}"


def ask(turn: Turn, name: str) -> None:
    """Put a question of the protocol. It waits until it is answered, or until another one is put."""
    entry = turn.book.protocol.get(name)
    if entry is not None:
        tell(turn, name, [Choice(f"{PREFIX}{name}:{one.id}", turn.words(one.label)) for one in entry.choices])
        turn.change(asked=name, asked_at=turn.event.at)


def answer(turn: Turn) -> tuple[str, str] | None:
    """The question of the protocol that the message answers with one of its choices, and which."""
    choice = turn.message.choice
    if choice is not None:
        question, _, name = choice.removeprefix(PREFIX).partition(":")
        known = choice.startswith(PREFIX) and name in {one.id for one in _choices(turn, question)}
        return (question, name) if known else None
    found = _said(turn) if waits(turn) else None
    return (turn.state.asked, found) if found else None


def waits(turn: Turn) -> bool:
    """Whether a question of the protocol is the one that waits."""
    return bool(turn.state.asked) and not turn.state.stack and not turn.state.offered


def _said(turn: Turn) -> str | None:
    """Only a clear yes is one. For every other answer a word inside a few is enough, unless they ask for something else."""
    options = answers((one.id, [*_says(turn, one)]) for one in _choices(turn, turn.state.asked))
    found = read_choice(turn.said, options, turn.book.words)
    if found is None or found.sure:
        return found.id if found else None
    return None if found.id == "yes" or turn.message.understood.faq.answer else found.id


def _choices(turn: Turn, question: str) -> Sequence[SafetyChoice]:
    entry = turn.book.protocol.get(question)
    return entry.choices if entry is not None else ()


def _says(turn: Turn, choice: SafetyChoice) -> Iterator[str]:
    words = turn.book.words
    yield from (wording.default for wording in choice.label.values())
    yield from (said for phrases in choice.words.values() for said in phrases)
    yield from {"yes": words.folded("yes"), "no": words.folded("no")}.get(choice.id, ())


def wait(turn: Turn, name: str = "waiting") -> None:
    """More words from somebody in danger: they go to the person, and a short honest word is said now and then."""
    state = turn.state
    private = state.mode != "advisor" and not state.quiet and not state.group
    if private and turn.event.at - state.waited_at >= WAIT_AGAIN:
        tell(turn, "contact-waiting" if state.contact else name)
        turn.change(waited_at=turn.event.at)
    turn.hand_off("crisis", state.level, "more-words")
