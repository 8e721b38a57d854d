"""The page behind a page's link. Opening it changes nothing, since programs that preview links open them too; its button does."""

import html
import re

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from bot.service import paging
from bot.service.parts import Parts
from bot.store import pages
from bot.store.database import DatabaseAway

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title></head><body><main><h1>{title}</h1>{body}</main></body></html>
"""


def routes(parts: Parts) -> APIRouter:
    """`/ack/{token}`: look, and acknowledge."""
    router = APIRouter()

    @router.get("/ack/{token}")
    async def look(token: str) -> Response:
        return await run_in_threadpool(_look, parts, token)

    @router.post("/ack/{token}")
    async def acknowledge(token: str) -> Response:
        return await run_in_threadpool(_acknowledge, parts, token)

    return router


def _look(parts: Parts, token: str) -> Response:
    try:
        with parts.database.connection() as connection:
            card = pages.card(connection, paging.hashed(token)) if _TOKEN.fullmatch(token) else None
    except DatabaseAway:
        return _away()
    if card is None:
        return _unknown()
    if card.acknowledged_by is not None:
        return _shown(f"Alarm {card.reference} has been answered", f"<p>By {html.escape(card.acknowledged_by)}.</p>")
    body = (
        f"<p>{card.level}, {html.escape(card.concern)}. Say that you have it, then open the desk, read it all and write back.</p>"
        '<form method="post"><button type="submit">I have this</button></form>'
    )
    return _shown(f"Alarm {card.reference}", body)


def _acknowledge(parts: Parts, token: str) -> Response:
    try:
        with parts.database.transaction() as connection:
            card = pages.card(connection, paging.hashed(token)) if _TOKEN.fullmatch(token) else None
            if card is None:
                return _unknown()
            first = paging.acknowledge_alarm(connection, card.alarm_id, card.conversation_id, card.name, parts.clock())
    except DatabaseAway:
        return _away()
    parts.bell.ring("urgent")
    if first:
        return _shown(f"Alarm {card.reference} is yours", "<p>Open the desk now.</p>")
    return _shown(f"Alarm {card.reference} has been answered", "<p>Open the desk to see who has it.</p>")


def _shown(title: str, body: str, status: int = 200) -> Response:
    return Response(_PAGE.format(title=title, body=body), status, HEADERS, "text/html; charset=utf-8")


def _unknown() -> Response:
    return _shown("This alarm is over", "<p>Open the desk to see who waits.</p>", 404)


def _away() -> Response:
    return _shown("Try again in a moment", "<p>Or reply to the page with ACK and its number.</p>", 503)
