"""Answering a tenant, with a file if there is one."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from bot.service import desk as service
from bot.service.attachments import MOST
from bot.service.desk import Refusal, Reply
from bot.web.desk.conversation import Words, after, page
from bot.web.desk.forms import Id, Line
from bot.web.desk.queue import Reader
from bot.web.desk.setup import Desk

BODY_LIMIT = MOST + 64 * 1024
"""Bytes of the form: the largest file, and the words beside it."""
AGAIN = "Choose a picture (JPEG, PNG, GIF or WebP) or a PDF of up to 5 MB."


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(max_body_size=BODY_LIMIT)

    @routes.post("/handoffs/{handoff_id}/reply")
    def reply(
        request: Request,
        staff: Reader,
        handoff_id: Id,
        text: Words = "",
        token: Line = "",
        seen: Annotated[int, Form(ge=0, lt=2**63)] = 0,
        template: Line = "",
        file: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        if not token:
            return page(request, desk, staff, handoff_id, Refusal("empty", "Send it from the page."), written=text)
        given = file is not None and bool(file.filename)
        name = _kept(desk, file) if given else ""
        if name is None:
            return page(request, desk, staff, handoff_id, Refusal("file", AGAIN), written=text)
        chosen = template if template in desk.templates else None
        address = desk.attachments.address(name, desk.parts.clock()) if desk.attachments and name else None
        words = Reply(text.strip(), f"{staff.id}:{token[:40]}", seen, chosen, address, name)
        done = service.reply(desk.parts, staff, handoff_id, words)
        if desk.attachments and name and isinstance(done, Refusal):
            desk.attachments.forget(name)
            done = done._replace(remedy=f"{done.remedy} Choose the file again.")
        return after(request, desk, staff, handoff_id, done, text)

    return routes


def _kept(desk: Desk, file: UploadFile | None) -> str | None:
    """The name that a file is kept under; None if it is too large or none of the kinds that are sent."""
    content = file.file.read(MOST + 1) if file else b""
    return desk.attachments.keep(content) if desk.attachments and len(content) <= MOST else None
