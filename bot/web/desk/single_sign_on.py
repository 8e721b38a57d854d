"""Leaving for the issuer of single sign-on, and coming back."""

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from bot.service import signing_in
from bot.service.passwords import new_token
from bot.service.signing_in import Refused
from bot.web.desk.access import cookie_name, enter, go, safe_next, set_cookie, where_of
from bot.web.desk.setup import PATH, Desk

SECRET, AFTER = "-issuer", "-after"
AWAY = 600
"""Seconds that signing in at the issuer may take."""
BACK = "/single-sign-on/back"


def router(desk: Desk) -> APIRouter:
    """The routes; without an issuer they lead to the sign-in page."""
    routes = APIRouter()

    @routes.get("/single-sign-on")
    def leave(next: str = "") -> Response:
        # By GET: a form's answer may not lead to another site under the desk's own policy.
        secret = new_token()
        address = desk.issuer.leave(secret, desk.link(BACK)) if desk.issuer else Refused("issuer-refused")
        if isinstance(address, Refused):
            return _sign_in(address)
        response = RedirectResponse(address, 303)
        set_cookie(desk, response, secret, SECRET, AWAY)
        set_cookie(desk, response, safe_next(next), AFTER, AWAY)
        return response

    @routes.get(BACK)
    def back(request: Request, state: str = "", code: str = "") -> Response:
        secret = request.cookies.get(cookie_name(desk, SECRET), "")
        claimed = (
            desk.issuer.come_back(secret, desk.link(BACK), state, code) if desk.issuer else Refused("issuer-refused")
        )
        if isinstance(claimed, Refused):
            return _sign_in(claimed)
        begun = signing_in.come_by_issuer(desk.parts, desk.limits, claimed, where_of(request))
        if isinstance(begun, Refused):
            return _sign_in(begun)
        response = enter(desk, begun, safe_next(request.cookies.get(cookie_name(desk, AFTER), "")))
        # The secret is of one try only.
        set_cookie(desk, response, "", SECRET, 0)
        set_cookie(desk, response, "", AFTER, 0)
        return response

    return routes


def _sign_in(refused: Refused) -> Response:
    return go(f"{PATH}/sign-in?problem={refused.problem}")
