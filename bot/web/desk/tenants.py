"""Tenants' pages: a person's card, the search, and second looks at how urgent conversations were closed."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.exceptions import HTTPException

from bot.service import desk as service
from bot.service import tenants
from bot.service.desk import OVERSEERS, Refusal, Result
from bot.store.staff import Staff
from bot.store.thread import Found
from bot.web.desk.access import go, signed_in
from bot.web.desk.forms import Id, Line
from bot.web.desk.pages import render
from bot.web.desk.queue import Reader
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import Problem

Overseer = Annotated[Staff, Depends(signed_in(*OVERSEERS))]
Other = Annotated[int, Form(ge=1, lt=2**63)]
LOOKS = f"{PATH}/second-looks"


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    _add_card(routes, desk)
    _add_search(routes, desk)
    _add_looks(routes, desk)
    return routes


def _add_card(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/tenants/{conversation_id}")
    def card(request: Request, staff: Reader, conversation_id: Id) -> Response:
        return _card(request, desk, staff, conversation_id)

    @routes.post("/tenants/{conversation_id}/search")
    def search(request: Request, staff: Reader, conversation_id: Id, words: Line = "") -> Response:
        found = tenants.search(desk.parts, staff, words)
        if isinstance(found, Refusal):
            return _card(request, desk, staff, conversation_id, refusal=found, words=words)
        return _card(request, desk, staff, conversation_id, found=found, words=words)

    @routes.post("/tenants/{conversation_id}/link")
    def link(request: Request, staff: Reader, conversation_id: Id, other: Other) -> Response:
        return _went(request, desk, staff, conversation_id, tenants.link(desk.parts, staff, conversation_id, other))

    @routes.post("/tenants/{conversation_id}/unlink")
    def unlink(request: Request, staff: Reader, conversation_id: Id, other: Other) -> Response:
        return _went(request, desk, staff, conversation_id, tenants.unlink(desk.parts, staff, other))


def _went(request: Request, desk: Desk, staff: Staff, conversation_id: int, done: Result) -> Response:
    if isinstance(done, Refusal):
        return _card(request, desk, staff, conversation_id, refusal=done)
    return go(f"{PATH}/tenants/{conversation_id}")


def _card(
    request: Request,
    desk: Desk,
    staff: Staff,
    conversation_id: int,
    *,
    refusal: Refusal | None = None,
    found: Sequence[Found] | None = None,
    words: str = "",
) -> Response:
    card = tenants.read(desk.parts, staff, conversation_id, record=refusal is None and found is None)
    if isinstance(card, Refusal):
        raise HTTPException(404)
    others = None if found is None else [one for one in found if one.conversation_id not in card.tenant.linked]
    return render(
        request,
        "tenant.html",
        409 if refusal else 200,
        card=card,
        found=others,
        words_given=words,
        languages=desk.parts.library.book().words.languages,
        problem=Problem("words", refusal.remedy) if refusal else None,
    )


def _add_search(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/search")
    def page(request: Request, staff: Reader) -> Response:
        return render(request, "search.html", found=None, words_given="")

    @routes.post("/search")
    def search(request: Request, staff: Reader, words: Line = "") -> Response:
        """What is looked for never stands in an address, which logs and histories keep."""
        found = tenants.search(desk.parts, staff, words)
        if isinstance(found, Refusal):
            problem = Problem("words", found.remedy)
            return render(request, "search.html", 409, found=None, words_given=words, problem=problem)
        return render(request, "search.html", found=found, words_given=words)


def _add_looks(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/second-looks")
    def looks(request: Request, staff: Overseer) -> Response:
        return _looks(request, desk, staff)

    @routes.post("/handoffs/{handoff_id}/second-look")
    def look(request: Request, staff: Overseer, handoff_id: Id) -> Response:
        done = service.look_again(desk.parts, staff, handoff_id)
        return _looks(request, desk, staff, done) if isinstance(done, Refusal) else go(f"{LOOKS}?done=looked")


def _looks(request: Request, desk: Desk, staff: Staff, refusal: Refusal | None = None) -> Response:
    problem = Problem("main-content", refusal.remedy) if refusal else None
    waiting = tenants.unlooked(desk.parts, staff)
    return render(request, "second_looks.html", 409 if refusal else 200, waiting=waiting, problem=problem)
