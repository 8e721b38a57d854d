"""What a message means here and now: an answer to the question, a word that always works, or a question of its own.

Each function looks at the turn and says whether it has dealt with the message. `step` calls them in their order.
"""

import re

from bot.engine import protocol
from bot.engine.always import use_word
from bot.engine.approved import (
    ABOUT_ONE,
    AMONG,
    NONE,
    PERSON,
    give_topic,
    is_global,
    offer,
    offer_again,
    read_offered,
)
from bot.engine.asking import Given, ask, read_answer, read_begun
from bot.engine.crisis import CALL_OFFER
from bot.engine.effects import RecordMiss
from bot.engine.hours import is_open
from bot.engine.reading import is_question, near_phrase
from bot.engine.state import Frame
from bot.engine.turn import Turn
from bot.engine.walk import begin, proceed
from flows.schema import MAX_SLOT_CHARACTERS, Ask

_CLAUSE = re.compile(r"[.,;:!\n،。，]+(?:\s+|$|(?<=[。，]))| - ")
"""Where a clause of a message ends."""
MOST_TRAIL = 12
"""Answers that a tenant may take back one by one. Older ones stay answered."""
MISSES_TO_PERSON = 2
STORY_LASTS = 3600.0
"""Seconds after crisis words during which what comes is taken for more of the same story."""
STILL_WAITING = 7 * 24 * 3600.0
"""Seconds after a handoff during which unclear messages are added to it, rather than treated as misses."""


def offered(turn: Turn) -> bool:
    """The answer to the numbered question outside any flow that was asked last."""
    choice = read_offered(turn) if turn.state.offered or turn.message.choice else None
    if choice is None or not is_global(turn, choice):
        return False
    said = turn.state.said
    turn.change(offered=(), misses=0)
    _follow(turn, choice, said)
    return True


def _follow(turn: Turn, choice: str, said: str) -> None:
    kind, _, name = choice.partition(":")
    if kind == "faq":
        answer_topic(turn, name, said)
    elif kind == "flow":
        begin(turn, name, _prefilled(turn, name, said), turn.state.first_told if said else None)
    elif choice == PERSON:
        use_word(turn, "person")
    elif turn.state.stack:
        ask(turn)
    else:
        turn.say("all_right")


def _prefilled(turn: Turn, flow: str, said: str) -> dict[str, str]:
    """The tenant's own words where the topic they led to says which question they answer."""
    topic = turn.book.topics.get(turn.state.last_answer)
    return {topic.fills: said} if topic and topic.fills and topic.flow == flow and said else {}


def expected(turn: Turn) -> bool:
    """The answer to the question that waits, or a tap on an earlier question of the same conversation."""
    state = turn.asking()
    if state is None:
        return turn.message.choice is not None and _stale(turn)
    given, more = _answer_and_more(turn, state)
    if given is None:
        return turn.message.choice is not None and _stale(turn)
    if not given.sure and state.slot is None and turn.message.understood.faq.answer:
        # At a menu, a clear question in free words counts for more than a label found inside it.
        return False
    accept(turn, state, given, more)
    return True


def _answer_and_more(turn: Turn, state: Ask) -> tuple[Given | None, str]:
    """The answer, and what follows it in a message that answers several questions: "none. the kitchen tap leaks"."""
    parts = _CLAUSE.split(turn.message.text, maxsplit=1)
    first = read_begun(turn, state, parts[0]) if len(parts) > 1 and parts[1].strip() else None
    return (first, parts[1].strip()) if first else (read_answer(turn, state), "")


def menu_label(turn: Turn) -> bool:
    """A line of a menu typed as it stands there, while nothing else is going on. Numbers need the menu in sight."""
    menu = turn.book.flows.get("menu")
    if turn.state.stack or turn.message.choice or turn.said.isdecimal() or menu is None:
        return False
    for name, state in menu.states.items():
        # Below the first list a clear answer of the FAQ is worth more than the word for a conversation.
        if not isinstance(state, Ask) or (name != menu.start and turn.message.understood.faq.answer):
            continue
        turn.change(stack=(Frame("menu", name),))
        given = read_answer(turn, state)
        if given is not None and given.sure:
            accept(turn, state, given)
            return True
        turn.change(stack=())
    return False


def accept(turn: Turn, state: Ask, given: Given, more: str = "") -> None:
    """Keep an answer, remember the way back, and go on. more: words after it, which may answer the next question."""
    slots = {**turn.state.slots, state.slot: given.value} if state.slot else turn.state.slots
    following = turn.frame_flow()[1].states.get(given.to)
    if more and isinstance(following, Ask) and following.expects == "text" and following.known and following.slot:
        slots = {following.slot: more[:MAX_SLOT_CHARACTERS], **slots}
    trail = (*turn.state.trail, turn.state.stack)[-MOST_TRAIL:]
    turn.change(slots=slots, trail=trail, misses=0, answered=turn.message.message)
    proceed(turn, given.to)


def _stale(turn: Turn) -> bool:
    """A button of an earlier question: the menu's always work, those on the way here take the tenant back to them."""
    place, _, _ = (turn.message.choice or "").partition(":")
    flow, _, name = place.partition(".")
    for depth, stack in reversed(list(enumerate(turn.state.trail))):
        if stack[-1] == Frame(flow, name):
            turn.change(stack=stack, trail=turn.state.trail[:depth])
            return expected(turn)
    if flow == "menu" and flow in turn.book.flows and name in turn.book.flows[flow].states:
        turn.change(stack=(Frame(flow, name),), trail=())
        return expected(turn)
    turn.say("stale_button")
    repeat_or_menu(turn)
    return True


def repeat_or_menu(turn: Turn) -> None:
    """Put the waiting question again, or the menu when none waits."""
    if turn.asking() is not None:
        ask(turn)
    else:
        use_word(turn, "menu")


def edited(turn: Turn) -> bool:
    """A corrected message. One that answered the question before this one answers it anew, from there on.

    A correction of anything older changes nothing by itself, so the tenant is told how to change it and asked again.
    Outside a flow the corrected words are simply read as a message.
    """
    message = turn.message
    if message.kind != "edit" or not turn.state.stack:
        return False
    if turn.state.trail and message.edits in (None, turn.state.answered):
        before = turn.state
        turn.change(stack=before.trail[-1], trail=before.trail[:-1])
        if expected(turn):
            return True
        turn.state = before
    turn.say("edit_noted")
    ask(turn)
    return True


def without_words(turn: Turn) -> bool:
    """A voice note, picture, file or place without words is acknowledged for what it is, and a person looks at it."""
    message = turn.message
    if turn.said or message.choice or not (set(message.media) - {"sticker"} or message.location):
        return False
    state = turn.asking()
    if state is not None and read_answer(turn, state) is not None:
        return False
    kind = "voice" if "voice" in message.media else "media"
    turn.say(f"{kind}_received_{_open(turn)}")
    turn.hand_off("general", "P3", "voice-note" if kind == "voice" else "media-without-words")
    if state is not None:
        ask(turn)
    elif turn.state.offered:
        offer_again(turn)
    return True


def _open(turn: Turn) -> str:
    return "open" if is_open(turn.book.landlord, turn.event.at) else "closed"


def courtesy(turn: Turn) -> bool:
    """Hello, thanks, a lone question mark or a sticker: the question again, the menu, or a kind word."""
    said = turn.said
    words = turn.book.words
    if _waits_for_help(turn) and (not said or said in words.folded("hello") | words.folded("thanks")):
        protocol.wait(turn, "still-here")
        return True
    if not said and turn.state.offered:
        offer_again(turn)
        return True
    if not said or said in words.folded("hello"):
        repeat_or_menu(turn)
        return True
    if said in words.folded("yes") | words.folded("no") and _nothing_waits(turn):
        # An answer to no question of ours: "no" more often ends a talk than begins one about having no power.
        turn.say("all_right")
        return True
    if said not in words.folded("thanks"):
        return False
    if turn.asking() is not None and turn.state.stack[0].flow != "menu":
        ask(turn)
    else:
        turn.change(stack=(), trail=())
        turn.say("welcome_thanks")
    return True


def _nothing_waits(turn: Turn) -> bool:
    state = turn.state
    return not (state.stack or state.offered or state.urgent)


def _waits_for_help(turn: Turn) -> bool:
    """Whether somebody in danger waits for a person, and has not turned to something else meanwhile."""
    return turn.state.urgent and not turn.state.quiet and not turn.state.stack


def misspelt_word(turn: Turn) -> bool:
    """A word that always works, misspelt ("mneu"), when nothing else fits."""
    if turn.message.understood.faq.answer:
        return False
    word = near_phrase(turn.said, turn.book.words.always_said)
    return word is not None and use_word(turn, word)


def faq(turn: Turn) -> bool:
    """A clear answer is given at once. Near ones become a numbered question, unless another question waits."""
    match = turn.message.understood.faq
    if _says_little(turn) or _waits_for_help(turn) and not _asks_anew(turn):
        return False
    if match.answer in turn.book.topics:
        answer_topic(turn, match.answer or "", turn.message.text)
        return True
    near = [f"faq:{candidate.id}" for candidate in match.near if candidate.id in turn.book.topics]
    if not near or _in_flow(turn):
        return False
    turn.change(stack=(), trail=(), misses=0)
    offer(turn, ABOUT_ONE if len(near) == 1 else AMONG, [*near, NONE], turn.message.text)
    return True


def _says_little(turn: Turn) -> bool:
    """Whether the message is a bare number, yes or no: the answer to some question, and a question about nothing."""
    words = turn.book.words
    return turn.said.isdecimal() or turn.said in words.folded("yes") | words.folded("no")


def _asks_anew(turn: Turn) -> bool:
    """Whether somebody who waits for a person asks something else: more of their story goes to the person unanswered."""
    message, long_ago = turn.message, turn.event.at - turn.state.crisis_at >= STORY_LASTS
    asks = turn.state.tentative and is_question(message.text, turn.book.words)
    return message.understood.signal.level == "P3" and (long_ago or asks)


def _in_flow(turn: Turn) -> bool:
    return bool(turn.state.stack) and turn.state.stack[0].flow != "menu"


def answer_topic(turn: Turn, name: str, said: str) -> None:
    """Give a topic's answer and say what may follow: the flow it leads to, the question that waits, or a person."""
    topic = turn.book.topics[name]
    if turn.state.last_answer == name and not turn.state.stack:
        if turn.state.offered and _is_hard(turn) and _is_waited_for(turn):
            return _note(turn)
        return offer(turn, "same_answer", [PERSON, NONE], said)
    turn.change(said=said[:MAX_SLOT_CHARACTERS], first_told=turn.event.at, offered=())
    give_topic(turn, topic)
    if topic.concern is not None:
        return None
    if _in_flow(turn):
        return ask(turn)
    turn.change(stack=(), trail=())
    if topic.flow in turn.book.flows:
        offer(turn, "report_it_now" if topic.fills else "do_it_now", [f"flow:{topic.flow}", NONE], said)
    return None


def fallback(turn: Turn) -> bool:
    """Nothing fitted: say what to try, and at the second miss in a row bring a person. Never a dead end."""
    if turn.comforted:
        # Somebody who has just told us of a hard time is not told that they were not understood.
        if _in_flow(turn):
            ask(turn)
        elif not turn.state.urgent and CALL_OFFER in turn.book.protocol:
            turn.change(stack=(), trail=())
            offer(turn, CALL_OFFER, ["flow:call-back", NONE], "")
        return True
    state = turn.state
    top = state.stack[-1] if state.stack else Frame("", "")
    turn.ask_for(RecordMiss(top.flow, top.state))
    if not _in_flow(turn) and state.urgent and not state.quiet:
        protocol.wait(turn)
    elif not _in_flow(turn) and _is_waited_for(turn) and (state.misses or not state.offered or _is_hard(turn)):
        _note(turn)
    else:
        _miss(turn)
    return True


def _is_hard(turn: Turn) -> bool:
    """Whether the message tells of a hard time: it is kept for our team, and is no failed answer."""
    return turn.message.understood.signal.level == "P2"


def _note(turn: Turn) -> None:
    """Add the words to what a person has been asked to read, and keep what was offered to somebody in a hard time."""
    turn.say("noted")
    turn.hand_off(turn.state.waiting, "P3", "more-words")
    if not (turn.state.offered and _is_hard(turn)):
        turn.change(misses=0, offered=())
    elif not turn.state.misses:
        offer_again(turn)
        turn.change(misses=1)


def _is_waited_for(turn: Turn) -> bool:
    """Whether a person has lately been asked to read this conversation."""
    return bool(turn.state.waiting) and turn.event.at - turn.state.waiting_at < STILL_WAITING


def _miss(turn: Turn) -> None:
    misses = turn.state.misses + 1
    turn.change(misses=misses)
    if misses >= MISSES_TO_PERSON:
        turn.say(f"second_miss_{_open(turn)}")
        turn.hand_off("general", "P3", "not-understood")
        turn.change(misses=0, offered=())
    elif turn.state.offered:
        turn.say("did_not_fit")
        offer_again(turn)
    elif _in_flow(turn):
        turn.say("did_not_fit")
        ask(turn, again=True)
    else:
        turn.say("fallback")
