"""STOP, START and HELP, which the carriers define and the law on electronic mail backs (PECR, regulation 22).

They win over everything, in every language of the Book, when they are the whole message.
"""

from collections.abc import Callable, Mapping

from bot.engine.effects import SetConsent
from bot.engine.state import TRUTHS
from bot.engine.turn import Turn
from bot.engine.urgency import raise_level
from flows.schema import ConsentWord


def consent(turn: Turn) -> bool:
    """Act on a consent word. What the carrier has answered already gets no second answer from us.

    Nobody in danger leaves, or asks what this is, without a person being told of it.
    """
    word = _word(turn)
    done = word is not None and _ACTS[word](turn)
    signal = turn.message.understood.signal
    if done and (signal.urgent or turn.state.urgent):
        raise_level(turn, signal.level)
        turn.hand_off("crisis", turn.state.level, f"{word}-word")
    if done and word == "stop":
        # Whoever stops us hears no more of what our team does.
        turn.change(truths=TRUTHS)
    return done


def _word(turn: Turn) -> ConsentWord | None:
    """The provider's own reading, else ours. A START of a tenant who never stopped is a greeting, not consent."""
    message, word = turn.message, turn.message.consent
    if word is None and message.kind in ("message", "edit"):
        word = turn.book.words.consent_said.get(turn.said)
        if word == "start" and not turn.state.stopped:
            return None
    if word == "help" and " " in turn.said and (turn.state.mode == "advisor" or turn.state.quiet):
        # "Who is this?" is for the advisor to answer, and not for somebody who has picked up the tenant's phone.
        return word if message.provider_replied else None
    return word


def _stop(turn: Turn) -> bool:
    turn.ask_for(SetConsent(stopped=True))
    turn.change(stopped=True, told_stopped=False, stack=(), trail=(), offered=(), misses=0, greeted=True)
    turn.change(aside=(), aside_slots={}, asked="")
    _confirm(turn, "stopped")
    return True


def _start(turn: Turn) -> bool:
    turn.ask_for(SetConsent(stopped=False))
    if not turn.state.stopped:
        # Carriers count YES as START. Here it is the answer to a question, so the rest of the step reads it.
        return False
    turn.change(stopped=False, told_stopped=False, greeted=True, misses=0)
    _confirm(turn, "started")
    return True


def _help(turn: Turn) -> bool:
    """Say what this is. The carrier's own HELP answer names no person to turn to, so there a person takes a look."""
    if turn.message.provider_replied:
        turn.hand_off("general", "P2", "help-word")
    turn.change(greeted=True)
    _confirm(turn, "help")
    return True


def _confirm(turn: Turn, text: str) -> None:
    if not turn.message.provider_replied:
        turn.say(text)


_ACTS: Mapping[ConsentWord, Callable[[Turn], bool]] = {"stop": _stop, "start": _start, "help": _help}
