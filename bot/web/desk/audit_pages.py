"""The page on which supervisors and safety leads search the audit. Searching it is on record too."""

from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response

from bot.service import accounts, auditing
from bot.service.signing_in import Refused
from bot.store.audit import Wanted
from bot.store.staff import Role, Staff
from bot.web.desk.access import signed_in
from bot.web.desk.pages import render
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import told

Overseer = Annotated[Staff, Depends(signed_in(Role.SUPERVISOR, Role.SAFETY_LEAD))]
FIELDS = ("who", "what", "conversation", "since", "until", "before")


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/audit")
    def page(request: Request, staff: Overseer, asked: Annotated[dict[str, str], Depends(_asked)]) -> Response:
        wanted = read(asked, ZoneInfo(desk.timezone))
        refused = wanted if isinstance(wanted, Refused) else None
        found = auditing.Found([], None) if isinstance(wanted, Refused) else auditing.search(desk.parts, staff, wanted)
        older = {**asked, "before": str(found.older)} if found.older else None
        return render(
            request,
            "audit.html",
            400 if refused else 200,
            acts=found.acts,
            asked=asked,
            kinds=auditing.kinds(desk.parts),
            people=[entry.staff for entry in accounts.everybody(desk.parts)],
            older=f"{PATH}/audit?{urlencode(older)}" if older else "",
            problem=told(refused) if refused else None,
        )

    return routes


def _asked(request: Request) -> dict[str, str]:
    """What the form asks for; anything else in the address is left out."""
    return {name: request.query_params.get(name, "").strip()[:100] for name in FIELDS}


def read(asked: dict[str, str], zone: ZoneInfo) -> Wanted | Refused:
    """Make a search of the form's fields; whole days are days of `zone`."""
    numbers: dict[str, int | None] = {}
    for name in ("who", "conversation", "before"):
        text = asked[name]
        if text and not (text.isascii() and text.isdigit() and len(text) < 19):
            return Refused("number-malformed")
        numbers[name] = int(text) if text else None
    try:
        since = _midnight(asked["since"], zone, 0)
        until = _midnight(asked["until"], zone, 1)
    except (ValueError, OverflowError):
        return Refused("day-malformed")
    what = "".join(character for character in asked["what"] if character.isprintable())
    return Wanted(numbers["who"], what or None, numbers["conversation"], since, until, numbers["before"])


def _midnight(day: str, zone: ZoneInfo, days_on: int) -> float | None:
    if not day:
        return None
    return (datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=zone) + timedelta(days=days_on)).timestamp()
