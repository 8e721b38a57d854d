"""How soon somebody should take a handoff, by its level, and which team it falls to at an hour. Pure.

Urgent levels count every minute, day and night. Ordinary ones count the minutes that the team is there: a tenant who writes
on Friday night is not late on Saturday.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from bot.engine import hours
from flows.schema import Landlord

MINUTE = 60.0
ELAPSED = {"P0": 5 * MINUTE, "P1": 30 * MINUTE}
"""Seconds. P0: the page is to be acknowledged within five minutes; P1: 15 to 30 minutes while somebody is there."""
STAFFED = {"P2": 4 * 60 * MINUTE, "P3": 8 * 60 * MINUTE}
"""Seconds of opening hours: the same working day, and a working day."""
_STEP_DAYS = 60


class Plan(NamedTuple):
    """A team's own opening hours, None for the landlord's, and who takes its urgent handoffs while it is closed."""

    opening: Mapping[str, Any] | None = None
    out_of_hours: str | None = None


def due_at(landlord: Landlord, level: str, since: float) -> float:
    """When a handoff's clock runs out. since: POSIX seconds when it was opened or last raised."""
    if level in ELAPSED:
        return since + ELAPSED[level]
    return hours.after_open(landlord, since, STAFFED.get(level, STAFFED["P3"]))


def keeping(landlord: Landlord, plan: Plan) -> Landlord:
    """The landlord with a team's hours; its holidays close the team too."""
    return landlord if plan.opening is None else landlord.model_copy(update={"opening": dict(plan.opening)})


def falls_to(landlord: Landlord, plans: Mapping[str, Plan], team: str, now: float) -> str:
    """Which team a handoff falls to now: its own, or while that is closed the one its plan names. now: POSIX seconds."""
    plan = plans.get(team, Plan())
    if plan.out_of_hours is None or hours.is_open(keeping(landlord, plan), now):
        return team
    return plan.out_of_hours


def serving(landlord: Landlord, plans: Mapping[str, Plan], teams: tuple[str, ...], now: float) -> set[str] | None:
    """Teams whose handoffs somebody may take now: their own, and those that fall to them. None means all."""
    if not teams:
        return None
    return {*teams, *(team for team in plans if falls_to(landlord, plans, team, now) in teams)}
