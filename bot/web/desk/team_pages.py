"""The page on which supervisors say when teams are there, and who stands in for them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from bot.service import teams
from bot.service.desk import Refusal
from bot.store.staff import Role, Staff
from bot.web.desk.access import go, signed_in
from bot.web.desk.forms import Choices, Line, printable
from bot.web.desk.pages import render
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import Problem

Supervisor = Annotated[Staff, Depends(signed_in(Role.SUPERVISOR))]


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/teams")
    def page(request: Request, staff: Supervisor) -> Response:
        return _page(request, desk)

    @routes.post("/teams")
    def save(
        request: Request,
        staff: Supervisor,
        hours: Annotated[Choices, Form()],
        name: Line = "",
        own: Line = "",
        out_of_hours: Line = "",
    ) -> Response:
        days = dict(zip(teams.DAYS, (printable(one) for one in hours), strict=False)) if own else None
        done = teams.save(desk.parts, staff, name.strip(), days, out_of_hours.strip())
        return _page(request, desk, name, done) if isinstance(done, Refusal) else go(f"{PATH}/teams?done=team-saved")

    return routes


def _page(request: Request, desk: Desk, name: str = "", refusal: Refusal | None = None) -> Response:
    shown = teams.show(desk.parts)
    problem = Problem(f"team-{name}" if name in shown else "team-new", refusal.remedy) if refusal else None
    return render(request, "teams.html", 409 if refusal else 200, teams=shown, days=teams.DAYS, problem=problem)
