"""The administrator's pages: who has an account, inviting, changing, disabling and resetting."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from bot.service import accounts
from bot.service.accounts import Invited
from bot.service.signing_in import Refused
from bot.store.staff import Profile, Role, Staff
from bot.web.desk.access import go, signed_in
from bot.web.desk.forms import Choices, Id, Line, listed
from bot.web.desk.pages import render
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import told

STAFF = f"{PATH}/staff"
Administrator = Annotated[Staff, Depends(signed_in(Role.ADMINISTRATOR))]


def profile_of(
    email: Line = "",
    name: Line = "",
    roles: Choices = [],  # noqa: B006  FastAPI copies it
    teams: Line = "",
    languages: Line = "",
    topics: Line = "",
) -> Profile:
    """What the form says of somebody."""
    return Profile(email, name, tuple(roles), listed(teams), listed(languages), listed(topics))


Said = Annotated[Profile, Depends(profile_of)]


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    _add_list(routes, desk)
    _add_person(routes, desk)
    return routes


def _add_list(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/staff")
    def page(request: Request, staff: Administrator) -> Response:
        return render(request, "staff.html", entries=accounts.everybody(desk.parts), now=desk.parts.clock())

    @routes.get("/staff/invite")
    def invite_page(request: Request, staff: Administrator) -> Response:
        return render(request, "staff_form.html", said=Profile("", "", (Role.ADVISOR,)), who=None)

    @routes.post("/staff/invite")
    def invite(request: Request, staff: Administrator, said: Said) -> Response:
        done = accounts.invite(desk.parts, staff, said)
        if isinstance(done, Refused):
            return render(request, "staff_form.html", 400, said=said, who=None, problem=told(done))
        return _link(request, desk, done)


def _add_person(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/staff/{staff_id}")
    def page(request: Request, staff: Administrator, staff_id: Id) -> Response:
        return _person(request, desk, staff_id)

    @routes.post("/staff/{staff_id}")
    def change(request: Request, staff: Administrator, staff_id: Id, said: Said) -> Response:
        done = accounts.change(desk.parts, staff, staff_id, said)
        return _person(request, desk, staff_id, done, said) if isinstance(done, Refused) else _done("staff-changed")

    @routes.post("/staff/{staff_id}/disable")
    def disable(request: Request, staff: Administrator, staff_id: Id) -> Response:
        done = accounts.disable(desk.parts, staff, staff_id)
        return _person(request, desk, staff_id, done) if isinstance(done, Refused) else _done("staff-disabled")

    @routes.post("/staff/{staff_id}/reset")
    def reset(request: Request, staff: Administrator, staff_id: Id) -> Response:
        done = accounts.reset(desk.parts, staff, staff_id)
        return _person(request, desk, staff_id, done) if isinstance(done, Refused) else _link(request, desk, done)


def _done(what: str) -> Response:
    return go(f"{STAFF}?done={what}")


def _link(request: Request, desk: Desk, invited: Invited) -> Response:
    return render(request, "link.html", who=invited.staff, link=desk.link(f"/join/{invited.token}"))


def _person(
    request: Request, desk: Desk, staff_id: int, refused: Refused | None = None, said: Profile | None = None
) -> Response:
    found = next((entry for entry in accounts.everybody(desk.parts) if entry.staff.id == staff_id), None)
    if found is None:
        return render(request, "message.html", 404, title="Page not found", text="There is no such account.")
    who = found.staff
    shown = said or Profile(who.email, who.name, tuple(who.roles), who.teams, who.languages, who.topics)
    problem = told(refused) if refused else None
    status = 400 if refused else 200
    return render(request, "staff_form.html", status, said=shown, who=found, problem=problem)
