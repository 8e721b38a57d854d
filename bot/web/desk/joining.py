"""The page that an invitation leads to, where somebody chooses a password."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from bot.service import accounts
from bot.service.accounts import Acceptance, Invitation
from bot.service.signing_in import Refused
from bot.web.desk.access import enter, where_of
from bot.web.desk.forms import Line, Secret
from bot.web.desk.pages import render
from bot.web.desk.setup import Desk
from bot.web.desk.words import told

Token = Annotated[str, Path(max_length=100)]


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/join/{token}")
    def page(request: Request, token: Token) -> Response:
        held = accounts.invitation(desk.parts, token)
        return render(request, "join.html", held=held) if held else _over(request)

    @routes.post("/join/{token}")
    def join(
        request: Request, token: Token, password: Secret = "", again: Secret = "", email: Line = "", name: Line = ""
    ) -> Response:
        held = accounts.invitation(desk.parts, token)
        form = Acceptance(password, again, email, name)
        done = accounts.accept(desk.parts, desk.limits, token, form, where_of(request))
        if not isinstance(done, Refused):
            return enter(desk, done)
        return _again(request, held, form, done) if held else _over(request)

    return routes


def _again(request: Request, held: Invitation, form: Acceptance, refused: Refused) -> Response:
    problem = told(refused)
    return render(request, "join.html", 400, held=held, email=form.email, name=form.name, problem=problem)


def _over(request: Request) -> Response:
    return render(
        request,
        "message.html",
        404,
        title="This invitation cannot be used",
        text="It has been used, is more than a day old, or there is a newer one. Ask an administrator for a new one.",
    )
