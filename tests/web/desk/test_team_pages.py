"""Supervisors say when teams are there, and who stands in for them."""

from typing import Any

import pytest

from bot.service import clocks, teams, tending
from bot.store.database import Connection
from bot.store.staff import Role
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import NOW, Enter, Hire, acts

WEEK = ["08:30-12:00, 13:00-17:00", "", "", "", "", "22:00-06:00", ""]


def test_a_teams_hours_and_its_stand_in_hold_at_once(
    connection: Connection, desk: Desk, hire: Hire, enter: Enter
) -> None:
    browser = enter(hire(Role.SUPERVISOR)).get("/desk/teams")
    browser.post("/desk/teams", name="repairs", own="yes", hours=WEEK, out_of_hours="on-call")
    assert browser.at == "/desk/teams"
    assert 'value="08:30-12:00, 13:00-17:00"' in browser.page
    landlord, plans = desk.parts.library.book().landlord, tending.plans(connection)
    # A Wednesday: closed all day.
    assert clocks.falls_to(landlord, plans, "repairs", NOW) == "on-call"
    assert clocks.falls_to(landlord, plans, "repairs", NOW + 5 * 86_400) == "on-call", "lunch"
    assert clocks.falls_to(landlord, plans, "repairs", NOW + 5 * 86_400 + 3600) == "repairs"
    browser.post("/desk/teams", name="repairs", hours=WEEK, out_of_hours="")
    assert teams.show(desk.parts)["repairs"] == (None, "")
    assert acts(connection).count("team_saved") == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Repairs!", "hours": WEEK}, "small letters"),
        ({"name": "repairs", "own": "yes", "hours": ["9 to 5"]}, "Write hours like"),
        ({"name": "repairs", "hours": WEEK, "out_of_hours": "repairs"}, "cannot stand in for itself"),
    ],
)
def test_what_makes_no_plan_is_refused(
    desk: Desk, hire: Hire, enter: Enter, fields: dict[str, Any], words: str
) -> None:
    browser = enter(hire(Role.SUPERVISOR)).get("/desk/teams").post("/desk/teams", **fields)
    assert browser.status == 409
    assert words in browser.page
    assert teams.show(desk.parts) == {}
