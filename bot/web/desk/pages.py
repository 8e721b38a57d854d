"""Makes a page of a template, with what every page needs: the navigation, the form token, the time zone."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, PackageLoader, PrefixLoader
from jinja2.loaders import ChoiceLoader
from starlette.responses import HTMLResponse

from bot.service.desk import OVERSEERS, READERS
from bot.store.sessions import Session
from bot.store.staff import Role, Staff
from bot.web.desk import access, assets, words
from bot.web.desk.setup import PATH, Desk

TEMPLATES: Final = Path(__file__).parent / "templates"


class Place(NamedTuple):
    """An entry of the navigation. path: below the desk. roles: who sees it, everybody if empty."""

    text: str
    path: str
    roles: tuple[str, ...] = ()


NAVIGATION: Final = (
    Place("Home", "/"),
    Place("Queue", "/queue", READERS),
    Place("Search", "/search", READERS),
    Place("Second looks", "/second-looks", OVERSEERS),
    Place("Teams", "/teams", (Role.SUPERVISOR,)),
    Place("Staff", "/staff", (Role.ADMINISTRATOR,)),
    Place("Audit", "/audit", OVERSEERS),
    Place("Your account", "/account"),
)


def render(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Make the page of a template. status: of HTTP. context: what the template asks for.

    Every template also has `staff` (None before signing in), `csrf`, `navigation`, `done`, `desk`, `moment` and `brief` to tell
    times, and `live`: the address of the stream that keeps the page fresh, if its reader has one.
    """
    session: Session | None = getattr(request.state, "session", None)
    staff = session.staff if session and session.stage == "full" else None
    given = {
        "staff": staff,
        "csrf": access.csrf_of(request),
        "navigation": navigation(staff, request.url.path),
        "done": words.DONE.get(request.query_params.get("done", "")),
        "desk": access.desk_of(request),
        "problem": None,
        "live": f"{PATH}/stream" if staff and staff.has(*READERS) else "",
        **_times(access.desk_of(request)),
        **context,
    }
    response = HTMLResponse(environment().get_template(template).render(**given), status)
    access.keep_token(request, response)
    return response


def fragment(desk: Desk, template: str, **context: Any) -> str:
    """A part of a page that is the same for everybody who sees it: it has no form, so it needs no token."""
    return environment().get_template(template).render(desk=desk, **_times(desk), **context)


def _times(desk: Desk) -> Mapping[str, Callable[[float | None], str]]:
    zone = ZoneInfo(desk.timezone)
    return {"moment": partial(tell_time, zone=zone), "brief": partial(tell_briefly, zone=zone, now=desk.parts.clock())}


def navigation(staff: Staff | None, at: str) -> list[Mapping[str, object]]:
    """The navigation's entries for somebody, as GOV.UK's component takes them. at: the page's own path."""
    if staff is None:
        return []
    places = [place for place in NAVIGATION if not place.roles or staff.has(*place.roles)]
    return [{"text": place.text, "href": f"{PATH}{place.path}", "active": _is_at(place, at)} for place in places]


def _is_at(place: Place, at: str) -> bool:
    whole = f"{PATH}{place.path}"
    return at == whole or (place.path != "/" and at.startswith(f"{whole}/"))


def tell_time(at: float | None, zone: ZoneInfo) -> str:
    """A POSIX time as 22 November 2026, 14:05; nothing for none."""
    if at is None:
        return ""
    then = datetime.fromtimestamp(at, zone)
    return f"{then.day} {then:%B %Y, %H:%M}"


def tell_briefly(at: float | None, zone: ZoneInfo, now: float) -> str:
    """A POSIX time as 14:05 if it is today's, else as 21 November, 14:05, with its year if that is another."""
    if at is None:
        return ""
    then, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    if then.date() == today.date():
        return f"{then:%H:%M}"
    return f"{then.day} {then:%B, %H:%M}" if then.year == today.year else tell_time(at, zone)


@cache
def environment() -> Environment:
    """The templates. Everything that is put into one is escaped."""
    made = Environment(
        loader=ChoiceLoader(
            [
                FileSystemLoader(TEMPLATES),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=assets.address, PATH=PATH, ROLES=words.ROLES, ROLE_HINTS=words.ROLE_HINTS)
    made.globals.update(LEVELS=words.LEVELS, STATUSES=words.STATUSES, CHANNELS=words.CHANNELS, words=words)
    made.filters.update(span=words.span, spoken=words.spoken)
    return made
