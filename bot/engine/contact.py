"""Writing to somebody who is afraid of a person near them: is it safe, when, and which word changes the subject at once.

Anything said here may be read by the one they fear, so it names nothing and confirms nothing, and nothing is sent of our
own accord. (SafeLives and the Safety Net project on technology: ask first, ask each time, keep to the way they chose.)
"""

from bot.engine import protocol
from bot.engine.effects import RecordField
from bot.engine.turn import Turn
from flows.folding import fold
from flows.schema import MAX_SLOT_CHARACTERS

CONCERN = "domestic-abuse"
QUESTION = "contact-ask"
_FREE = ("contact-hours", "contact-call", "contact-word")
_LONGEST_WORD = 30
_MOST_WORDS = 3


def begin(turn: Turn) -> None:
    """Ask whether it is safe to write. It is asked again each time, because it changes by the hour."""
    turn.change(contact="asked", suppressed=True, quiet=False)
    # No menu is to name what they had begun, such as a report about the one they fear.
    turn.change(aside=(), aside_slots={}, last_answer="", said="")
    protocol.ask(turn, QUESTION)


def may_write(turn: Turn) -> bool:
    """Whether we may speak without having been spoken to."""
    return not turn.state.quiet and turn.state.contact in ("", "yes")


def change_subject(turn: Turn) -> bool:
    """The word that the tenant chose, whoever has the conversation: talk about bins, and stay there.

    The tenant comes back by writing of danger again, when it is safe to.
    """
    if not turn.state.safe_word or turn.said != turn.state.safe_word or turn.message.kind == "group":
        return False
    turn.change(stack=(), trail=(), aside=(), aside_slots={}, slots={}, offered=(), asked="", last_answer="", said="")
    turn.change(quiet=True, quiet_at=turn.event.at, misses=0)
    protocol.tell(turn, "contact-bins")
    turn.hand_off("crisis", turn.state.level, "changed-subject")
    return True


def chosen(turn: Turn, name: str) -> None:
    """The answer to whether it is safe: yes, not now, or a call at another time."""
    turn.change(contact=name, asked="")
    _record(turn, "safe_channel", turn.channel if name == "yes" else name)
    if name == "yes":
        protocol.tell(turn, "contact-yes")
        protocol.ask(turn, "contact-hours")
    elif name == "call":
        protocol.ask(turn, "contact-call")
    else:
        protocol.tell(turn, "contact-not-now")


def told(turn: Turn) -> bool:
    """The answer in the tenant's own words to when we may write or ring, or which word they chose."""
    asked, words = turn.state.asked, turn.book.words
    said = turn.said
    if asked not in _FREE or not protocol.waits(turn) or turn.message.choice or not said:
        return False
    if said in words.always_said or said in words.consent_said or said in words.folded("hello"):
        return False
    skipped = said in words.folded("skip")
    if asked == "contact-word":
        _word(turn, "" if skipped or said in words.folded("no") else said)
        return True
    if not skipped:
        _record(turn, "safe_hours", turn.message.text[:MAX_SLOT_CHARACTERS].strip())
    protocol.ask(turn, "contact-word")
    return True


def _word(turn: Turn, word: str) -> None:
    if word and not _usable(turn, word):
        protocol.tell(turn, "contact-word-again")
        return
    turn.change(asked="")
    if word:
        turn.change(safe_word=word)
        _record(turn, "safe_word", word)
    protocol.tell(turn, "contact-done")


def _usable(turn: Turn, word: str) -> bool:
    """A word that means something else on this line would change the subject when nobody wants it changed."""
    words = turn.book.words
    taken = {*words.always_said, *words.consent_said, *words.language_said, *words.place_said, fold("999")}
    for kind in ("yes", "no", "hello", "thanks", "skip"):
        taken |= words.folded(kind)
    short = len(word) <= _LONGEST_WORD and len(word.split()) <= _MOST_WORDS
    return short and len(word) > 1 and not word.isdecimal() and word not in taken


def _record(turn: Turn, name: str, value: str) -> None:
    """Keep it for staff, in the tenant's file and with the handoff that they read first."""
    turn.ask_for(RecordField(name, value))
    turn.hand_off("crisis", turn.state.level, "safe-contact", {name: value})
