"""What is said and done at once when a message tells of danger or despair: approved words, and a person on the line.

This is the whole of the response for now, and the one place where a fuller protocol takes over. The words come from the
Book's safety texts only. The level rises by itself and never falls here.
"""

from collections.abc import Sequence

from bot.engine.turn import Turn
from bot.nlu.understanding import Level, Signal
from flows.schema import BASE_LANGUAGE, Text

QUEUE = "crisis"
REPEAT_AFTER = 600.0
"""Seconds after which the same crisis words are said in full again; messages are read together for as long."""
COMFORT_EVERY = 3600.0
"""Seconds."""


def distress(turn: Turn) -> bool:
    """Answer a message that was read as P0 or P1, whoever has the conversation.

    At P2 a kind approved word and a person come first, and the message is then answered as any other.
    """
    signal = turn.message.understood.signal
    if signal.urgent:
        return _urgent(turn, signal)
    raise_level(turn, signal.level)
    if signal.level == "P2":
        _comfort(turn, signal.concerns)
    return False


def _urgent(turn: Turn, signal: Signal) -> bool:
    if not _just_said(turn, signal):
        respond(turn, signal.concerns, signal.level)
        return True
    if _is_plain(turn):
        turn.hand_off(QUEUE, signal.level, "more-words")
        return False
    wait_with(turn)
    return True


def _just_said(turn: Turn, signal: Signal) -> bool:
    """Whether these crisis words stand right above already: they are not repeated under every line of a story."""
    state = turn.state
    recent = 0 <= turn.event.at - state.crisis_at < REPEAT_AFTER and state.crisis_at > 0
    return recent and state.level <= signal.level and set(signal.concerns[:1]) <= set(state.crisis_concerns)


def _is_plain(turn: Turn) -> bool:
    """A tap, a number or a word that always works means itself, though it came among words of distress."""
    return bool(turn.message.choice) or turn.said.isdecimal() or turn.said in turn.book.words.always_said


def wait_with(turn: Turn) -> None:
    """More words from somebody in danger: they go to the person, and the way to urgent help is said again, shortly."""
    if turn.state.mode != "advisor":
        turn.say("crisis_waiting", purpose="crisis")
    turn.hand_off(QUEUE, turn.state.level, "more-words")


def _comfort(turn: Turn, concerns: Sequence[str]) -> None:
    """Say it once an hour at most: kind words that come back with every message are none."""
    turn.hand_off("general", "P2", concerns[0] if concerns else "distress", {"concerns": ", ".join(concerns)})
    private = turn.message.kind != "group" and turn.state.mode != "advisor"
    if not private or turn.event.at - turn.state.comforted_at < COMFORT_EVERY:
        return
    turn.change(comforted_at=turn.event.at, greeted=True)
    turn.say_plainly(_wording(turn, concerns, "P2"))
    turn.comforted = True


def respond(turn: Turn, concerns: Sequence[str], level: Level) -> None:
    """Say the approved text for the first concern that has one, and queue a person at the level.

    A flow in progress ends here: nobody in danger is asked the next question. While an advisor has the conversation
    only the handoff is raised, because the bot does not talk over a person. In a group the words for the level are
    said and never those for a concern, since others read along.
    """
    raise_level(turn, level)
    if turn.state.mode != "advisor":
        private = turn.message.kind != "group" if turn.channel else True
        turn.say_plainly(_wording(turn, concerns if private else (), level), purpose="crisis")
    turn.hand_off(QUEUE, level, concerns[0] if concerns else "distress", {"concerns": ", ".join(concerns)})
    turn.change(stack=(), trail=(), offered=(), misses=0, greeted=True, crisis_at=turn.event.at)
    turn.change(crisis_concerns=tuple(dict.fromkeys((*turn.state.crisis_concerns, *concerns[:1]))))


def raise_level(turn: Turn, level: Level) -> None:
    """Raise the level (P0 is the highest). It never falls here: once urgent, only a person says otherwise."""
    if level < turn.state.level:
        turn.change(level=level)


def _wording(turn: Turn, concerns: Sequence[str], level: Level) -> str:
    texts = turn.book.crisis
    for name in (*concerns, level):
        if name in texts:
            entry = texts[name]
            return _spoken(turn, entry.nations.get(turn.book.landlord.nation, entry.text))
    return turn.words(turn.book.texts["crisis_default"])


def _spoken(turn: Turn, text: Text) -> str:
    """The tenant's language, with English beneath it for as long as nobody has signed the translation."""
    said = turn.words(text)
    own = text.get(turn.language)
    if turn.language == BASE_LANGUAGE or own is None or own.reviewed_by:
        return said
    return f"{said}\n\n{turn.words(text, BASE_LANGUAGE)}"
