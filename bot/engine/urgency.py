"""How urgent a conversation is. The level rises by itself and falls only by a person's hand."""

from bot.engine.asking import REMINDER, SET_ASIDE
from bot.engine.effects import CancelTimer
from bot.engine.turn import Turn
from bot.nlu.understanding import Level


def raise_level(turn: Turn, level: Level) -> None:
    """Raise the level (P0 is the highest); it never falls here. What would remind or set aside is forgotten at P0 and P1."""
    calm = not turn.state.urgent
    if level < turn.state.level:
        turn.change(level=level)
    if calm and turn.state.urgent:
        # What a STOP of long ago silenced is said again to somebody who has written of danger since.
        turn.change(truths=())
    if turn.state.urgent and turn.state.reminding:
        turn.change(reminding=False)
        turn.ask_for(CancelTimer(REMINDER))
        turn.ask_for(CancelTimer(SET_ASIDE))


def judge(turn: Turn, level: Level) -> None:
    """Set the level that a person has decided on. Below P1 the episode is over, and another one begins afresh."""
    turn.change(tentative=False)
    if level < turn.state.level:
        raise_level(turn, level)
        return
    turn.change(level=level)
    if not turn.state.urgent:
        turn.change(truths=(), asked="", waited_at=0.0, crisis_at=0.0, crisis_concerns=(), heard=(), crisis_language="")
