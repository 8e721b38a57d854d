"""The page on which staff look after their own account: where they are signed in, password, recovery codes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from bot.service import sessions, signing_in
from bot.service.signing_in import Refused
from bot.store.sessions import Session
from bot.store.staff import Staff
from bot.web.desk.access import go, set_cookie, signed_in, where_of
from bot.web.desk.forms import Id, Secret
from bot.web.desk.pages import render
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import Problem, told

ACCOUNT = f"{PATH}/account"
Anybody = Annotated[Staff, Depends(signed_in())]


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    _add_sessions(routes, desk)
    _add_secrets(routes, desk)
    return routes


def _page(request: Request, desk: Desk, staff: Staff, problem: Problem | None = None) -> Response:
    found = sessions.mine(desk.parts, desk.limits, staff)
    status = 400 if problem else 200
    return render(request, "account.html", status, sessions=found, problem=problem)


def _add_sessions(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/account")
    def page(request: Request, staff: Anybody) -> Response:
        return _page(request, desk, staff)

    @routes.post("/account/sessions/others/end")
    def end_others(staff: Anybody) -> Response:
        sessions.end_others(desk.parts, staff)
        return go(f"{ACCOUNT}?done=sessions-ended")

    @routes.post("/account/sessions/{session_id}/end")
    def end_one(session_id: Id, staff: Anybody) -> Response:
        # One that has ended by itself in the meantime is ended all the same.
        sessions.end_one(desk.parts, staff, session_id)
        return go(f"{ACCOUNT}?done=session-ended")


def _add_secrets(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/account/password")
    def password(
        request: Request, staff: Anybody, old: Secret = "", password: Secret = "", again: Secret = ""
    ) -> Response:
        session: Session = request.state.session
        done = signing_in.change_password(
            desk.parts, desk.limits, session, signing_in.NewPassword(old, password, again), where_of(request)
        )
        if isinstance(done, Refused):
            return _page(request, desk, staff, _here(done, "old"))
        response = go(f"{ACCOUNT}?done=password-changed")
        set_cookie(desk, response, done.token)
        return response

    @routes.post("/account/recovery-codes")
    def recovery_codes(request: Request, staff: Anybody, code: Secret = "") -> Response:
        done = signing_in.new_recovery_codes(desk.parts, staff, code)
        if isinstance(done, Refused):
            return _page(request, desk, staff, _here(done, "code"))
        return render(request, "recovery_codes.html", codes=done)


def _here(refused: Refused, field: str) -> Problem:
    """The words for a refusal. field: where it is told if the words name a field of the sign-in page."""
    problem = told(refused)
    return problem._replace(field=field) if problem.field == "email" else problem
