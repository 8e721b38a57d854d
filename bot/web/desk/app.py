"""The desk's application, mounted under `/desk`: the pages, and what a visitor sees when one cannot be shown."""

from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from bot.service.passwords import TooBusy
from bot.store.database import DatabaseAway, ValuesRefused
from bot.web.desk import (
    account,
    assets,
    audit_pages,
    conversation,
    home,
    joining,
    languages,
    live,
    queue,
    replying,
    sign_in,
    single_sign_on,
    staff_pages,
    team_pages,
    tenants,
)
from bot.web.desk.access import FormRefused, NotAllowed, NotSignedIn, check_form, go, safe_next
from bot.web.desk.guard import Guard
from bot.web.desk.pages import render
from bot.web.desk.setup import PATH, Desk

PAGES = (
    home,
    queue,
    conversation,
    replying,
    languages,
    tenants,
    sign_in,
    joining,
    single_sign_on,
    account,
    staff_pages,
    team_pages,
    audit_pages,
)
BODY_LIMIT = 256 * 1024
"""Bytes of a form. A router that takes files says its own limit, `APIRouter(max_body_size=...)`."""


def create_desk(desk: Desk) -> ASGIApp:
    """Build the desk, to be mounted under its path."""
    return Guard(pages_of(desk), desk)


def pages_of(desk: Desk) -> FastAPI:
    """All pages, without the guard around them."""
    app = FastAPI(
        title="Hearthline desk",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(check_form)],
        max_body_size=BODY_LIMIT,
    )
    app.state.desk = desk
    app.include_router(assets.router())
    for pages in PAGES:
        app.include_router(pages.router(desk))
    app.include_router(live.router(desk, desk.stream))
    _add_handlers(app)
    return app


def _add_handlers(app: FastAPI) -> None:
    @app.exception_handler(NotSignedIn)
    def not_signed_in(request: Request, _: NotSignedIn) -> Response:
        here = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        after = safe_next(here) if request.method == "GET" else ""
        return to_sign_in(request, after)

    @app.exception_handler(NotAllowed)
    def not_allowed(request: Request, _: NotAllowed) -> Response:
        return _message(request, 403, "You cannot open this page", "Your role does not include it.")

    @app.exception_handler(FormRefused)
    def form_refused(request: Request, _: FormRefused) -> Response:
        return _message(
            request,
            403,
            "Nothing was changed",
            "The page was too old, or another site sent you. Go back and try again.",
        )

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, _: RequestValidationError) -> Response:
        return _message(
            request, 400, "Nothing was changed", "Something in the form or the address is too long or malformed."
        )

    @app.exception_handler(HTTPException)
    def http_problem(request: Request, problem: HTTPException) -> Response:
        if problem.status_code == 404:
            return _message(request, 404, "Page not found", "Check the address.")
        return _message(request, problem.status_code, "This cannot be done", "Go back and try again.")

    @app.exception_handler(ValuesRefused)
    def values_refused(request: Request, _: ValuesRefused) -> Response:
        return _message(request, 400, "Nothing was changed", "The database does not take what was entered.")

    @app.exception_handler(TooBusy)
    def too_busy(request: Request, _: TooBusy) -> Response:
        return _message(request, 503, "Many people are signing in", "Try again in a moment.")

    @app.exception_handler(DatabaseAway)
    def database_away(request: Request, _: DatabaseAway) -> Response:
        return _message(
            request,
            503,
            "The desk cannot reach its database",
            "Messages are kept meanwhile. Try again in a minute. Ring whoever looks after the system if it lasts.",
        )


def to_sign_in(request: Request, after: str) -> Response:
    """Lead to the sign-in page; a part of a page that htmx asks for cannot be answered with a whole one."""
    address = f"{PATH}/sign-in" + (f"?next={quote(after, safe='')}" if after else "")
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": address})
    return go(address)


def _message(request: Request, status: int, title: str, text: str) -> Response:
    return render(request, "message.html", status, title=title, text=text)
