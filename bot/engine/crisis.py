"""What is said and done at once when a message tells of danger or despair: approved words, and a person on the line.

The words come from the Book's safety texts only. Help is given first and whatever the tenant answers; then one question,
"are you safe right now?", decides how fast a person is called (`flows/safety`, docs/safety.md).
"""

from collections.abc import Sequence

from bot.engine import contact, protocol
from bot.engine.effects import RecordField
from bot.engine.turn import Turn
from bot.engine.urgency import raise_level
from bot.nlu.understanding import Level, Signal
from flows.schema import SafetyText

QUEUE = "crisis"
REPEAT_AFTER = 600.0
"""Seconds after which the same crisis words are said in full again; messages are read together for as long."""
COMFORT_EVERY = 3600.0
"""Seconds."""
CALL_OFFER = "offer-call"
DANGER = "violence-now"
"""Whose words are said at P0 to somebody who is afraid of a person near them."""


def distress(turn: Turn) -> bool:
    """Answer a message that was read as P0 or P1, whoever has the conversation.

    At P2 a kind approved word and a person come first, and the message is then answered as any other.
    """
    signal = turn.message.understood.signal
    if signal.urgent and signal.tentative:
        return _maybe(turn, signal)
    if signal.urgent:
        return _urgent(turn, signal)
    raise_level(turn, signal.level)
    if signal.level == "P2":
        return _comfort(turn, signal.concerns)
    return False


def _maybe(turn: Turn, signal: Signal) -> bool:
    """Only the statistical reader is worried: ask, and queue a person, and page nobody."""
    state = turn.state
    if state.urgent or state.mode == "advisor" or turn.message.kind == "group":
        turn.hand_off(QUEUE, state.level, "more-words")
        return False
    turn.set_aside()
    turn.change(stack=(), trail=(), offered=(), misses=0, greeted=True, tentative=True, crisis_language=turn.language)
    raise_level(turn, "P1")
    if contact.CONCERN in signal.concerns or turn.state.contact:
        contact.begin(turn)
    else:
        _check_in(turn, signal.concerns)
        protocol.ask(turn, "ask-safe")
    turn.hand_off(QUEUE, "P1", _reason(signal.concerns), {"concerns": ", ".join(signal.concerns)})
    return True


def _check_in(turn: Turn, concerns: Sequence[str]) -> None:
    """Kind words where the trouble has its own, such as a death; else that we want to be sure."""
    texts = turn.book.crisis
    kind, plain = texts.get(_reason(concerns)), texts.get("P2")
    if kind is None or plain is None or kind.level != "P2" or kind.text == plain.text:
        return protocol.tell(turn, "check-in")
    turn.change(comforted_at=turn.event.at)
    return turn.say_plainly(_words(turn, kind), purpose="crisis")


def _urgent(turn: Turn, signal: Signal) -> bool:
    if not _just_said(turn, signal):
        respond(turn, signal.concerns, signal.level)
        return True
    if _is_plain(turn):
        turn.hand_off(QUEUE, signal.level, "more-words")
        return False
    heard = turn.state.heard
    turn.change(heard=tuple(dict.fromkeys((*heard, *signal.concerns))))
    if not answered(turn):
        _go_on(turn, fresh=not set(signal.concerns) <= set(heard))
    return True


def _go_on(turn: Turn, *, fresh: bool) -> None:
    """More of the same story gets the short word now and then, but nobody tells of something new into silence."""
    unanswered = fresh and turn.state.asked == "ask-safe" and protocol.waits(turn)
    if fresh:
        turn.change(waited_at=0.0)
    protocol.wait(turn, "still-here" if fresh else "waiting")
    if unanswered and turn.state.mode != "advisor" and not turn.state.contact:
        protocol.ask(turn, "ask-safe")


def _just_said(turn: Turn, signal: Signal) -> bool:
    """Whether these crisis words stand right above already: they are not repeated under every line of a story."""
    state = turn.state
    recent = 0 <= turn.event.at - state.crisis_at < REPEAT_AFTER and state.crisis_at > 0 and not state.quiet
    return recent and state.level <= signal.level and set(signal.concerns[:1]) <= set(state.crisis_concerns)


def _is_plain(turn: Turn) -> bool:
    """A tap, a number or a word that always works means itself, though it came among words of distress."""
    return bool(turn.message.choice) or turn.said.isdecimal() or turn.said in turn.book.words.always_said


def _comfort(turn: Turn, concerns: Sequence[str]) -> bool:
    """Say it once an hour at most: kind words that come back with every message are none.

    Whoever was hurt by somebody near them is asked whether it is safe to write, and hears nothing else. Returns whether
    they were.
    """
    turn.hand_off("general", "P2", _reason(concerns), {"concerns": ", ".join(concerns)})
    if turn.state.offer == CALL_OFFER:
        # Somebody who goes on telling us of it has not failed to answer a question.
        turn.change(offered=())
    alone = turn.message.kind != "group" and turn.state.mode != "advisor" and not turn.state.quiet
    if contact.CONCERN in concerns and alone and turn.state.contact not in ("asked", "yes"):
        turn.change(stack=(), trail=(), offered=(), misses=0, greeted=True)
        contact.begin(turn)
        return True
    if _answer_is_kind(turn, concerns):
        turn.change(comforted_at=turn.event.at)
        return False
    if not alone or turn.state.contact or turn.event.at - turn.state.comforted_at < COMFORT_EVERY:
        return False
    turn.change(comforted_at=turn.event.at, greeted=True)
    entry = _entry(turn, concerns, "P2")
    turn.say_plainly(_words(turn, entry))
    turn.comforted = True
    return False


def _answer_is_kind(turn: Turn, concerns: Sequence[str]) -> bool:
    """Whether the approved answer that comes next has the kind words in it already: they are not said twice."""
    state, topic = turn.state, turn.book.topics.get(turn.message.understood.faq.answer or "")
    if topic is None or state.stack or state.urgent or state.last_answer == topic.id:
        return False
    return bool(concerns) and set(concerns) <= set(topic.comforts)


def respond(turn: Turn, concerns: Sequence[str], level: Level) -> None:
    """Say the approved text for the first concern that has one, and queue a person at the level.

    A flow in progress ends here: nobody in danger is asked the next question. While an advisor has the conversation
    only the handoff is raised, because the bot does not talk over a person. In a group the words for the level are
    said and never those for a concern, since others read along.
    """
    turn.change(stack=(), trail=(), offered=(), misses=0, greeted=True, asked="", tentative=False)
    raise_level(turn, level)
    if turn.state.mode != "advisor":
        _first_words(turn, concerns, level)
    turn.hand_off(QUEUE, level, _reason(concerns), {"concerns": ", ".join(concerns)})
    turn.change(crisis_at=turn.event.at, crisis_language=turn.language)
    turn.change(heard=tuple(dict.fromkeys((*turn.state.heard, *concerns))))
    turn.change(crisis_concerns=tuple(dict.fromkeys((*turn.state.crisis_concerns, *concerns[:1]))))


def _first_words(turn: Turn, concerns: Sequence[str], level: Level) -> None:
    if turn.state.group:
        return turn.say_plainly(_words(turn, _entry(turn, (), level)), purpose="crisis")
    afraid = contact.CONCERN in concerns or bool(turn.state.contact)
    named = [concern for concern in concerns if concern != contact.CONCERN]
    if contact.CONCERN in concerns and level == "P0":
        named = named or [DANGER]
    if named or not afraid:
        entry = _entry(turn, named, level)
        turn.say_plainly(_words(turn, entry), purpose="crisis")
        if entry is not None and not entry.asks:
            return None
    return contact.begin(turn) if afraid else protocol.ask(turn, "ask-safe")


def answered(turn: Turn) -> bool:
    """Act on an answer to one of the protocol's questions. A button of theirs works at any later time."""
    found = protocol.answer(turn)
    if found is None:
        signal = turn.message.understood.signal
        # Messages are read together, so that the answer to our question still carries what went before it.
        own_words = turn.state.mode == "bot" and (not signal.urgent or _just_said(turn, signal))
        return own_words and contact.told(turn)
    question, name = found
    if (turn.state.mode == "advisor" or turn.state.quiet) and question != "ask-safe":
        # After the safe word, a tap may be made by the one who is feared.
        return False
    if question == "how-was-it":
        turn.change(asked="")
        turn.ask_for(RecordField("satisfaction", name))
        protocol.tell(turn, "how-thanks")
    elif question == contact.QUESTION:
        contact.chosen(turn, name)
    else:
        _safe(turn, name)
    return True


def _safe(turn: Turn, name: str) -> None:
    """Help is given whatever the answer. A clear yes changes nothing else; only a person lowers the level."""
    turn.change(asked="")
    if name != "yes":
        turn.change(tentative=False)
        raise_level(turn, "P0" if name == "no" else "P1")
    if turn.state.quiet:
        protocol.tell(turn, "contact-bins")
    elif turn.state.mode != "advisor":
        protocol.tell(turn, {"yes": "safe-yes", "no": "safe-no"}.get(name, "safe-unsure"))
    turn.hand_off(QUEUE, turn.state.level, f"safe-{name}", {"safe_now": name})


def _reason(concerns: Sequence[str]) -> str:
    return concerns[0] if concerns else "distress"


def _entry(turn: Turn, concerns: Sequence[str], level: Level) -> SafetyText | None:
    texts = turn.book.crisis
    return next((texts[name] for name in (*concerns, level) if name in texts), None)


def _words(turn: Turn, entry: SafetyText | None) -> str:
    if entry is None:
        return turn.words(turn.book.texts["crisis_default"])
    return protocol.spoken(turn, entry.nations.get(turn.book.landlord.nation, entry.text))
