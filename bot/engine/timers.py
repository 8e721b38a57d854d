"""What time does to a conversation: a gentle reminder, a flow set aside, and the timers that flows start themselves.

Nothing is said of our own accord to a tenant who has stopped, or while a person has the conversation, or in a crisis.
"""

from bot.engine.asking import REMINDER, SET_ASIDE
from bot.engine.effects import StartTimer
from bot.engine.turn import Turn
from bot.engine.walk import enter
from flows.schema import Patience

_HOUR = 3600.0
_TALK_LASTS = 24 * _HOUR


def fired(turn: Turn) -> None:
    """Act on a timer by its name. One that no longer means anything does nothing."""
    name = getattr(turn.event, "name", "")
    state = turn.state
    quiet = state.stopped or state.suppressed or state.mode != "bot" or state.urgent
    turn.purpose = "proactive"
    if name == SET_ASIDE and not state.urgent:
        _set_aside(turn)
    elif not quiet and name == REMINDER:
        _remind(turn)
    elif not quiet:
        _flow_timer(turn, name)


def _remind(turn: Turn) -> None:
    rule = patience(turn)
    if rule is None:
        return
    turn.template = rule.template
    turn.say(rule.text)
    later = (rule.set_aside_after_hours - rule.remind_after_hours) * _HOUR
    turn.ask_for(StartTimer(SET_ASIDE, turn.event.at + max(later, 0.0)))


def _set_aside(turn: Turn) -> None:
    """Keep the flow for later, unless the tenant has come back to it since the reminder."""
    rule = patience(turn)
    if rule is None or turn.event.at - turn.state.asked_at < rule.remind_after_hours * _HOUR:
        return
    turn.set_aside()
    turn.change(stack=(), slots={}, trail=(), misses=0, reminding=False)


def patience(turn: Turn) -> Patience | None:
    """What the flow in progress wants to happen when its tenant falls silent."""
    flows = (turn.book.flows.get(frame.flow) for frame in turn.state.stack)
    return next((flow.patience for flow in flows if flow and flow.patience), None)


def _talking(turn: Turn) -> bool:
    """Whether a conversation is in progress, which is not talked into. A menu, or yesterday's question, is none."""
    stack = turn.state.stack
    return bool(stack) and stack[0].flow != "menu" and turn.event.at - turn.state.asked_at < _TALK_LASTS


def _flow_timer(turn: Turn, name: str) -> None:
    """A flow's own timer leads to a state of it, once nothing else is going on."""
    place, _, carried = name.partition(":")
    flow_name, _, timer = place.partition(".")
    flow = turn.book.flows.get(flow_name)
    if flow is None or timer not in flow.timers:
        return
    if _talking(turn):
        turn.ask_for(StartTimer(name, turn.event.at + _HOUR))
        return
    turn.set_aside()
    turn.template = flow.timers[timer].template
    slot = flow.timers[timer].slot
    turn.change(stack=(), trail=(), slots={slot: carried} if slot else {})
    enter(turn, flow_name, flow.timers[timer].to)
