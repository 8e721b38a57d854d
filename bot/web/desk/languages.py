"""Reading what a tenant wrote in another language: a machine's translation beside the original, or an interpreter."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException

from bot.service import translate
from bot.service.desk import Refusal
from bot.web.desk.access import go
from bot.web.desk.conversation import page
from bot.web.desk.forms import Id, Line
from bot.web.desk.pages import render
from bot.web.desk.queue import Reader
from bot.web.desk.setup import PATH, Desk


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.post("/handoffs/{handoff_id}/translate")
    def english(
        request: Request, staff: Reader, handoff_id: Id, line: Annotated[int, Form(ge=1, lt=2**63)] = 1
    ) -> Response:
        if desk.translator is None:
            raise HTTPException(404)
        done = translate.read_in_english(desk.parts, desk.translator, staff, handoff_id, line)
        if "hx-request" in request.headers:
            return render(request, "translation.html", done=None, translated=done, refused=isinstance(done, Refusal))
        if isinstance(done, Refusal):
            return page(request, desk, staff, handoff_id, done)
        return page(request, desk, staff, handoff_id, translations=dict([done]))

    @routes.post("/handoffs/{handoff_id}/interpreter")
    def interpreter(request: Request, staff: Reader, handoff_id: Id, language: Line = "") -> Response:
        done = translate.ask_interpreter(desk.parts, staff, handoff_id, language[:60])
        if isinstance(done, Refusal):
            return page(request, desk, staff, handoff_id, done)
        return go(f"{PATH}/handoffs/{handoff_id}")

    return routes
