"""Teams' own opening hours, and who takes their urgent handoffs while they are closed."""

import re
from collections.abc import Mapping
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from bot.service.desk import Done, Refusal, Result
from bot.service.parts import Parts
from bot.store import audit
from bot.store import teams as rows
from bot.store.staff import Staff
from flows.wording import TimeRange, Weekday

DAYS: tuple[str, ...] = get_args(Weekday)
_OPENING = TypeAdapter(Mapping[Weekday, tuple[TimeRange, ...]])
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def show(parts: Parts) -> dict[str, tuple[Mapping[str, list[str]] | None, str]]:
    """Every team that there is, by name: its own opening hours, None for the landlord's, and its out-of-hours team."""
    with parts.database.connection() as connection:
        plans = rows.teams(connection)
        return {
            name: (plans.get(name, (None, ""))[0], plans.get(name, (None, ""))[1] or "")
            for name in rows.team_names(connection)
        }


def save(parts: Parts, staff: Staff | None, name: str, days: Mapping[str, str] | None, out_of_hours: str) -> Result:
    """Keep a team's plan. days: hours by weekday as "08:30-12:00, 13:00-17:00", None for the landlord's. out_of_hours: a team."""
    if not _NAME.fullmatch(name) or (out_of_hours and not _NAME.fullmatch(out_of_hours)):
        return Refusal("name", "A team's name has small letters, digits and hyphens.")
    if name == out_of_hours:
        return Refusal("out_of_hours", "A team that is closed cannot stand in for itself.")
    try:
        opening = None if days is None else _OPENING.dump_json(_OPENING.validate_python(_ranges(days))).decode()
    except ValidationError:
        return Refusal("opening", 'Write hours like "08:30-17:00", with commas between several.')
    with parts.database.transaction() as connection:
        rows.save_team(connection, name, opening, out_of_hours or None)
        audit.record(connection, staff, "team_saved", team=name, out_of_hours=out_of_hours)
    return Done(0)


def _ranges(days: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {day: tuple(part.strip() for part in days.get(day, "").split(",") if part.strip()) for day in DAYS}
