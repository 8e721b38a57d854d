"""Words that work in every state and every language: menu, person, language, back, start again, carry on."""

from collections.abc import Callable, Mapping

from bot.engine.approved import say_again
from bot.engine.asking import ask
from bot.engine.turn import Turn
from bot.engine.walk import begin, enter, speak
from flows.schema import AlwaysWord

_ASKED_FOR_WORDS = 3
"""A phrase of so many words asks for the same wherever it stands: "can I speak to a person please"."""
_STORY_WORDS = 14


def always(turn: Turn) -> bool:
    """Act on a word that always works, when it is the message, or on the name of a language."""
    if turn.message.choice is not None:
        return False
    said = turn.said
    tag, question = turn.book.words.language_said.get(said), turn.asking()
    asked_which = question is not None and (question.takes_language or question.choices_from == "languages")
    if tag in turn.book.landlord.languages and not asked_which:
        return _use_language(turn, tag or "")
    word = turn.book.words.always_said.get(said) or _politely(turn, said) or _phrase(turn, said)
    return word is not None and use_word(turn, word)


def use_word(turn: Turn, word: str) -> bool:
    """Do what one of the words says. Returns True."""
    turn.change(offered=(), misses=0)
    _ACTS[word](turn)
    return True


def _politely(turn: Turn, said: str) -> AlwaysWord | None:
    """Asking for a person with a please. The other words may mean more than themselves: "I'm back" takes nothing back."""
    words, parts = turn.book.words, said.split()
    counted = any(part in words.place_said for part in parts)
    bare = " ".join(part for part in parts if part not in words.folded("fillers"))
    return "person" if not counted and words.always_said.get(bare) == "person" else None


def _phrase(turn: Turn, said: str) -> AlwaysWord | None:
    if len(said.split()) > _STORY_WORDS:
        return None
    padded, phrases = f" {said} ", turn.book.words.always_said.items()
    inside = ((phrase, word) for phrase, word in phrases if f" {phrase} " in padded)
    found = {word for phrase, word in inside if phrase.count(" ") + 1 >= _ASKED_FOR_WORDS}
    return found.pop() if len(found) == 1 else None


def _use_language(turn: Turn, tag: str) -> bool:
    speak(turn, tag)
    turn.say("language_set")
    if turn.asking() is not None:
        ask(turn)
    else:
        say_again(turn)
    return True


def _menu(turn: Turn) -> None:
    turn.set_aside()
    if turn.state.aside:
        title = turn.words(turn.book.flows[turn.state.aside[0].flow].title)
        turn.say("carry_on", extra={"title": title})
    begin(turn, "menu")


def _person(turn: Turn) -> None:
    turn.set_aside()
    begin(turn, "person", turn.state.slots)


def _language(turn: Turn) -> None:
    if turn.state.stack and turn.state.stack[-1].flow == "language":
        ask(turn)
    elif turn.asking() is not None:
        enter(turn, "language")
    else:
        begin(turn, "language")


def _back(turn: Turn) -> None:
    """Put the question before this one again; its answer is forgotten. At the first, the menu is the way back."""
    trail = turn.state.trail
    if not trail:
        return _menu(turn)
    turn.change(stack=trail[-1], trail=trail[:-1])
    state = turn.asking()
    if state is not None and state.slot:
        turn.change(slots={name: value for name, value in turn.state.slots.items() if name != state.slot})
    return ask(turn)


def _again(turn: Turn) -> None:
    turn.change(aside=(), aside_slots={}, slots={}, trail=())
    begin(turn, "menu")


def _resume(turn: Turn) -> None:
    aside = turn.state.aside
    if not aside:
        return ask(turn) if turn.asking() is not None else turn.say("nothing_to_resume")
    turn.change(stack=aside, slots=turn.state.aside_slots, aside=(), aside_slots={}, trail=())
    return ask(turn)


_ACTS: Mapping[str, Callable[[Turn], None]] = {
    "menu": _menu,
    "person": _person,
    "language": _language,
    "back": _back,
    "again": _again,
    "resume": _resume,
}
