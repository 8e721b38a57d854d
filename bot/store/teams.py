"""Rows of teams: their hours and out-of-hours plans, and who a handoff can be passed on to."""

from typing import Any

from bot.store.database import Connection
from bot.store.desk import TEAM


def teams(connection: Connection) -> dict[str, tuple[Any, str | None]]:
    """Opening hours (None for the landlord's) and out-of-hours plan of each team that has any, by name."""
    rows = connection.execute("SELECT name, opening, out_of_hours FROM teams ORDER BY name").fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def save_team(connection: Connection, name: str, opening: str | None, out_of_hours: str | None) -> None:
    """Keep a team's plan. opening: JSON of ranges by weekday, None for the landlord's hours."""
    connection.execute(
        "INSERT INTO teams (name, opening, out_of_hours) VALUES (%s, %s::jsonb, %s) ON CONFLICT (name) DO UPDATE SET"
        " opening = excluded.opening, out_of_hours = excluded.out_of_hours",
        (name, opening, out_of_hours),
    )


def team_names(connection: Connection) -> list[str]:
    """Every team that there is: with a plan, with members, or with a queue."""
    rows = connection.execute(
        "SELECT name FROM teams UNION SELECT unnest(teams) FROM staff WHERE disabled_at IS NULL"
        f" UNION SELECT DISTINCT {TEAM} FROM handoffs h WHERE state IN ('queued', 'offered', 'claimed') ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def colleagues(connection: Connection) -> list[tuple[int, str]]:
    """[(id, name)] of everybody who can take a handoff."""
    rows = connection.execute(
        "SELECT id, name FROM staff WHERE disabled_at IS NULL AND roles && ARRAY['advisor', 'supervisor', 'safety-lead']"
        " ORDER BY lower(name), id"
    ).fetchall()
    return [(row[0], row[1]) for row in rows]
