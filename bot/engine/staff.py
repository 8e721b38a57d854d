"""What people on our side did: were told, have seen it, took the conversation, wrote, gave it back, closed it, or never came.

The tenant hears of it in approved words, once each, and only of what has happened. Nothing but what a person did lowers
the level or gives a conversation back to the bot.
"""

from bot.engine import contact, protocol
from bot.engine.approved import NONE, offer
from bot.engine.effects import Choice, SendText
from bot.engine.events import AdvisorReplied, HandoffClosed, HandoffReturned, LevelSet
from bot.engine.turn import Turn
from bot.engine.urgency import judge

HELD = 120.0
"""Seconds after the tenant's safe word during which what an advisor had already written is not sent."""


def page_accepted(turn: Turn) -> None:
    """A provider took the page: somebody has been told."""
    _truth(turn, "told")


def page_acknowledged(turn: Turn) -> None:
    """Somebody answered the page: they have seen it."""
    _truth(turn, "seen")


def nobody_on_call(turn: Turn) -> None:
    """Nobody could be paged. The tenant must not wait for us."""
    _truth(turn, "nobody")


_AFTER = {"told": ("told", "seen"), "seen": ("seen",), "nobody": ("nobody", "told", "seen")}
"""What makes each of them old news."""


def _truth(turn: Turn, name: str) -> None:
    state = turn.state
    if not state.urgent or set(_AFTER[name]) & set(state.truths):
        return
    turn.change(truths=(*state.truths, name))
    if state.mode != "advisor" and not state.group and contact.may_write(turn):
        protocol.tell(turn, f"contact-{name}" if state.contact else name)


def claimed(turn: Turn) -> None:
    """A person has the conversation: the bot falls silent, and nothing of its own is left half-way."""
    if turn.state.mode == "advisor":
        return
    turn.set_aside()
    turn.change(mode="advisor", stack=(), trail=(), slots={}, offered=(), asked="", misses=0)
    if _may_speak(turn):
        protocol.tell(turn, "advisor-here")


def replied(turn: Turn, event: AdvisorReplied) -> None:
    """Send what a person wrote, unless the tenant's safe word has just overtaken it."""
    if turn.state.quiet and 0 <= event.at - turn.state.quiet_at < HELD:
        turn.hand_off("crisis", turn.state.level, "reply-held-back")
        return
    turn.ask_for(
        SendText(
            text=event.text,
            language=event.language or turn.language,
            purpose="crisis" if turn.state.urgent else "reply",
            template=event.template,
            media_url=event.media_url,
        )
    )


def returned(turn: Turn, event: HandoffReturned) -> None:
    """The bot has the conversation again, at the level that the person left it at."""
    _give_back(turn)
    judge(turn, event.level)
    if _may_speak(turn):
        protocol.tell(turn, "returned")


def closed(turn: Turn, event: HandoffClosed) -> None:
    """It is over. How the help was is asked of ordinary conversations only, and never where writing could harm."""
    ordinary = not turn.state.urgent and not turn.state.crisis_at
    _give_back(turn)
    judge(turn, "P3")
    if event.survey and ordinary and _may_speak(turn) and not turn.state.stopped:
        _how_was_it(turn)


def _how_was_it(turn: Turn) -> None:
    entry = turn.book.protocol.get("how-was-it")
    if entry is None:
        return
    labels = [Choice(f"{protocol.PREFIX}{entry.id}:{one.id}", turn.words(one.label)) for one in entry.choices]
    turn.say(entry.text, labels, menu="safety-how-was-it", purpose="proactive")
    turn.change(asked=entry.id, asked_at=turn.event.at)


def level_set(turn: Turn, event: LevelSet) -> None:
    """A person judged how urgent it is. Where nobody has it, people are paged as for what the tenant says."""
    judge(turn, event.level)
    if turn.state.urgent and turn.state.mode != "advisor":
        turn.hand_off(turn.state.waiting or "crisis", event.level, "raised-by-a-person")


def nobody_came(turn: Turn) -> None:
    """The wait ran out: say so, and offer what can still be done. An advisor who had it may have gone; no other has it."""
    state = turn.state
    if state.group or not contact.may_write(turn):
        return
    held = state.mode == "advisor" or state.stopped or state.suppressed
    if state.urgent:
        protocol.tell(turn, "contact-nobody" if state.contact else "nobody-came-urgent")
    elif not held and "nobody-came" in turn.book.protocol:
        turn.set_aside()
        turn.change(stack=(), trail=(), slots={})
        offer(turn, "nobody-came", ["flow:call-back", NONE], "")


def _give_back(turn: Turn) -> None:
    turn.change(mode="bot", waiting="", asked="", misses=0)


def _may_speak(turn: Turn) -> bool:
    return not turn.state.contact and not turn.state.group
