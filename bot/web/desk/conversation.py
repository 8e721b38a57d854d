"""A conversation: its thread and what is known, and everything an advisor does with it."""

import secrets
from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from pydantic import AfterValidator
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from bot.service import desk as service
from bot.service import dossier
from bot.service.attachments import content_type
from bot.service.desk import Closing, Done, Refusal
from bot.service.parts import Parts
from bot.store import desk as rows
from bot.store import media, thread
from bot.store import teams as teams_of
from bot.store.staff import Staff
from bot.web.desk.access import go
from bot.web.desk.forms import Id, Line
from bot.web.desk.pages import render
from bot.web.desk.queue import QUEUE, Quiet, Reader
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import Problem
from channels.text import segments as sms_segments

LONGEST = 4000


def tidy(text: str) -> str:
    """What may stand in a message: everything but control characters other than a new line."""
    return "".join(char for char in text.replace("\r\n", "\n") if char.isprintable() or char == "\n")


Words = Annotated[str, Form(max_length=LONGEST), AfterValidator(tidy)]
FIELDS = {
    "outcome": "outcome",
    "agency": "agency",
    "because": "because",
    "nowhere": "team",
    "level": "level",
    "empty": "text",
    "newer": "text",
    "window": "template",
    "file": "file",
    "interpreter": "language",
}
"""Which field of the page each refusal is about."""
PLAIN: Mapping[str, Callable[[Parts, Staff, int], Done | Refusal]] = {
    "withdraw": service.withdraw,
    "join": service.join,
    "take-over": service.take_over,
    "ask-help": service.ask_help,
}
"""Acts that need nothing but the handoff."""


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    _add_reading(routes, desk)
    _add_writing(routes, desk)
    _add_ends(routes, desk)
    _add_files(routes, desk)
    return routes


def page(
    request: Request,
    desk: Desk,
    staff: Staff,
    handoff_id: int,
    refusal: Refusal | None = None,
    written: str | None = None,
    translations: Mapping[int, str] | None = None,
) -> Response:
    """The whole page. refusal: why something was not done. written: what stands in the box, the draft if left out.

    translations: of the tenant's lines, by id.
    """
    found = dossier.read(desk.parts, staff, handoff_id, record=refusal is None)
    if isinstance(found, Refusal):
        raise HTTPException(404)
    book = desk.parts.library.book()
    with desk.parts.database.connection() as connection:
        teams = teams_of.team_names(connection)
        people = [one for one in teams_of.colleagues(connection) if one[0] != staff.id]
    problem = Problem(FIELDS.get(refusal.kind, "main-content"), refusal.remedy) if refusal else None
    context = {
        "found": found,
        "live": f"{PATH}/stream?conversation={found.case.conversation_id}",
        "answers": dossier.answers(book, found.tenant.language or "en", found.case.channel),
        "languages": book.words.languages,
        "teams": teams,
        "people": people,
        "templates": desk.templates,
        "token": secrets.token_urlsafe(16),
        "problem": problem,
        "newer": refusal is not None and refusal.kind == "newer",
        "pieces": dossier.pieces,
        "translations": translations or {},
        "written": found.draft if written is None else written,
    }
    return render(request, "conversation.html", 409 if refusal else 200, **context)


def _add_reading(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/handoffs/{handoff_id}")
    def whole(
        request: Request, staff: Reader, handoff_id: Id, use: Annotated[str, Query(max_length=40)] = ""
    ) -> Response:
        chosen = _answer(desk, staff, handoff_id, use) if use else None
        return page(request, desk, staff, handoff_id, written=chosen)

    @routes.get("/handoffs/{handoff_id}/thread")
    def part(request: Request, staff: Quiet, handoff_id: Id) -> Response:
        found = dossier.read(desk.parts, staff, handoff_id, record=False)
        if isinstance(found, Refusal):
            raise HTTPException(404)
        return render(request, "thread.html", found=found, pieces=dossier.pieces, translations={})

    @routes.get("/handoffs/{handoff_id}/answers")
    def answers(
        request: Request, staff: Quiet, handoff_id: Id, words: Annotated[str, Query(max_length=100)] = ""
    ) -> Response:
        found = dossier.read(desk.parts, staff, handoff_id, record=False)
        if isinstance(found, Refusal):
            raise HTTPException(404)
        book = desk.parts.library.book()
        fit = dossier.answers(book, found.tenant.language or "en", found.case.channel, words)
        return render(request, "answers.html", answers=fit, found=found)

    @routes.post("/segments")
    def segments(request: Request, staff: Quiet, text: Words = "") -> Response:
        return render(request, "segments.html", segments=sms_segments(text).count if text else 0, length=len(text))


def _answer(desk: Desk, staff: Staff, handoff_id: int, topic: str) -> str | None:
    found = dossier.read(desk.parts, staff, handoff_id, record=False)
    if isinstance(found, Refusal):
        return None
    book = desk.parts.library.book()
    fit = dossier.answers(book, found.tenant.language or "en", found.case.channel)
    return next((answer.text for answer in fit if answer.id == topic), None)


def _add_writing(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/handoffs/{handoff_id}/draft")
    def draft(staff: Reader, handoff_id: Id, text: Words = "") -> Response:
        with desk.parts.database.transaction() as connection:
            case = rows.find(connection, handoff_id)
            if case is None or not service.may_read(connection, desk.parts, staff, case):
                raise HTTPException(404)
            thread.save_draft(connection, staff.id, case.conversation_id, text, desk.parts.clock())
        return Response(status_code=204)

    @routes.post("/handoffs/{handoff_id}/note")
    def note(request: Request, staff: Reader, handoff_id: Id, note: Words = "", kind: Line = "note") -> Response:
        chosen = kind if kind in ("note", *dossier.RESTRICTED) else "note"
        return after(request, desk, staff, handoff_id, service.note(desk.parts, staff, handoff_id, chosen, note))

    @routes.post("/handoffs/{handoff_id}/level")
    def level(request: Request, staff: Reader, handoff_id: Id, level: Line = "") -> Response:
        return after(request, desk, staff, handoff_id, service.set_level(desk.parts, staff, handoff_id, level))


def _add_ends(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/handoffs/{handoff_id}/transfer")
    def transfer(request: Request, staff: Reader, handoff_id: Id, team: Line = "", to: Line = "") -> Response:
        person = int(to) if to.isascii() and to.isdigit() and len(to) < 18 else None
        done = service.transfer(desk.parts, staff, handoff_id, team=team, to=person)
        return _ended(request, desk, staff, handoff_id, done)

    @routes.post("/handoffs/{handoff_id}/refer")
    def refer(request: Request, staff: Reader, handoff_id: Id, agency: Line = "", because: Line = "") -> Response:
        return _ended(request, desk, staff, handoff_id, service.refer(desk.parts, staff, handoff_id, agency, because))

    @routes.post("/handoffs/{handoff_id}/give-back")
    def give_back(request: Request, staff: Reader, handoff_id: Id, level: Line = "") -> Response:
        return _ended(request, desk, staff, handoff_id, service.give_back(desk.parts, staff, handoff_id, level))

    @routes.post("/handoffs/{handoff_id}/close")
    def close(
        request: Request,
        staff: Reader,
        handoff_id: Id,
        outcome: Line = "",
        agency: Line = "",
        because: Words = "",
        survey: Line = "",
    ) -> Response:
        closing = Closing(outcome, agency, because, bool(survey))
        return _ended(request, desk, staff, handoff_id, service.close(desk.parts, staff, handoff_id, closing))

    for name, act in PLAIN.items():
        _add_plain(routes, desk, name, act)


def _add_plain(routes: APIRouter, desk: Desk, name: str, act: Callable[[Parts, Staff, int], Done | Refusal]) -> None:
    @routes.post(f"/handoffs/{{handoff_id}}/{name}", name=name)
    def plain(request: Request, staff: Reader, handoff_id: Id) -> Response:
        done = act(desk.parts, staff, handoff_id)
        ended = _ended if name == "withdraw" else after
        return ended(request, desk, staff, handoff_id, done)


def after(
    request: Request, desk: Desk, staff: Staff, handoff_id: int, done: Done | Refusal, text: str | None = None
) -> Response:
    """Back to the conversation; what was written stays in its box when it was not sent."""
    if isinstance(done, Refusal):
        return page(request, desk, staff, handoff_id, done, text)
    return go(f"{PATH}/handoffs/{handoff_id}#newest")


def _ended(request: Request, desk: Desk, staff: Staff, handoff_id: int, done: Done | Refusal) -> Response:
    if isinstance(done, Refusal):
        return page(request, desk, staff, handoff_id, done)
    return go(f"{QUEUE}?done=handoff-ended")


def _add_files(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/handoffs/{handoff_id}/sent/{name}")
    def sent(staff: Reader, handoff_id: Id, name: Annotated[str, Path(max_length=50)]) -> Response:
        found = dossier.read(desk.parts, staff, handoff_id, record=False)
        path = desk.attachments.path(name) if desk.attachments else None
        if isinstance(found, Refusal) or path is None:
            raise HTTPException(404)
        with desk.parts.database.connection() as connection:
            ours = thread.was_sent(connection, found.tenant.linked, name)
        if not ours:
            raise HTTPException(404)
        return FileResponse(path, media_type=content_type(path), filename=name, content_disposition_type="inline")

    @routes.get("/media/{media_id}")
    def file(staff: Reader, media_id: Id) -> Response:
        with desk.parts.database.connection() as connection:
            found = media.stored_file(connection, media_id)
            cases = rows.of_conversation(connection, found.conversation_id) if found else []
            may = any(service.may_read(connection, desk.parts, staff, case) for case in cases)
        if found is None or not may:
            raise HTTPException(404)
        path = (desk.parts.media_dir / found.path).resolve()
        if not path.is_relative_to(desk.parts.media_dir.resolve()) or not path.is_file():
            raise HTTPException(404)
        # Only what a browser cannot run is shown in place; a tenant chose the rest of it.
        shown = found.content_type in ("image/jpeg", "image/png", "image/gif", "image/webp", "audio/ogg", "audio/mpeg")
        return FileResponse(
            path,
            media_type=found.content_type if shown else "application/octet-stream",
            filename=f"file-{media_id}{path.suffix}",
            content_disposition_type="inline" if shown else "attachment",
        )
