"""Who is asking: the cookie, the session behind it, what it may open, and whether a form is one of ours."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from bot.service import sessions
from bot.service.passwords import new_token
from bot.service.sessions import Begun, Where
from bot.store import audit
from bot.store.sessions import Session
from bot.store.staff import Staff
from bot.web.desk.guard import SAFE_METHODS
from bot.web.desk.setup import PATH, Desk

CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
AFTER_STAGE = {"full": "/", "code": "/code", "enrol": "/enrol"}
"""Where each stage of signing in goes on."""


class NotSignedIn(Exception):  # noqa: N818  a turn of the conversation, not an error
    """The page is for staff who have signed in."""


class NotAllowed(Exception):  # noqa: N818  as above
    """The page is for staff with another role."""


class FormRefused(Exception):  # noqa: N818  as above
    """The form is not one that this browser was given by us."""


def desk_of(request: Request) -> Desk:
    """The desk that answers a request."""
    desk: Desk = request.app.state.desk
    return desk


def cookie_name(desk: Desk, purpose: str = "") -> str:
    """The cookie's name. By its prefix a browser takes it over https only, and from no other host (RFC 6265bis)."""
    return f"{'__Host-' if desk.secure else ''}hearthline{purpose}"


def token_of(request: Request) -> str:
    """The browser's token: its session's, or a passing one that only ties forms to it."""
    new = getattr(request.state, "new_token", "")
    found = new or request.cookies.get(cookie_name(desk_of(request)), "")
    if not found:
        found = request.state.new_token = new_token()
    return found


def adopt(request: Request, begun: Begun) -> None:
    """Have the page that answers this request made, and its cookie set, for a session that has just begun."""
    request.state.new_token = begun.token


def csrf_of(request: Request) -> str:
    """What every form must send back. Whoever cannot read the cookie cannot work it out."""
    return hashlib.sha256(b"csrf:" + token_of(request).encode("utf-8", "replace")).hexdigest()


def set_cookie(desk: Desk, response: Response, value: str, purpose: str = "", seconds: int | None = None) -> None:
    """Keep a token in the browser. seconds: how long, until the browser closes if left out."""
    response.set_cookie(
        cookie_name(desk, purpose),
        value,
        max_age=seconds,
        path="/",
        secure=desk.secure,
        httponly=True,
        samesite="lax",
    )


def keep_token(request: Request, response: Response) -> None:
    """Give the browser the token that its forms were made with, if it is a new one."""
    new = getattr(request.state, "new_token", "")
    if new:
        set_cookie(desk_of(request), response, new)


def enter(desk: Desk, begun: Begun, after: str = "") -> Response:
    """Go on under the token of a session that has begun. after: a page of the desk, once signed in."""
    address = f"{PATH}{AFTER_STAGE[begun.stage]}"
    if after:
        address = after if begun.stage == "full" else f"{address}?next={quote(after, safe='')}"
    response = go(address)
    set_cookie(desk, response, begun.token)
    return response


def go(address: str) -> RedirectResponse:
    """Send the browser to another page of ours, with a GET."""
    return RedirectResponse(address, 303)


def safe_next(address: str) -> str:
    """A page of the desk to go on to, or nothing: never another site, however it is written."""
    if not address.isascii() or not address.isprintable() or "\\" in address or len(address) > 300:
        return ""
    split = urlsplit(address)
    inside = split.path == PATH or split.path.startswith(f"{PATH}/")
    return address if inside and not split.scheme and not split.netloc and ".." not in split.path else ""


def where_of(request: Request) -> Where:
    """Where a request comes from, past our own proxies. What stands further left anybody may have written."""
    told = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    proxies = desk_of(request).proxies
    direct = request.client.host if request.client else ""
    address = told[-proxies] if 0 < proxies <= len(told) else direct
    return Where(address[:45], request.headers.get("user-agent", ""))


def session_of(request: Request, *, touch: bool = True) -> Session | None:
    """The live session of the request, at whatever stage. touch: whether this counts as use."""
    desk = desk_of(request)
    token = request.cookies.get(cookie_name(desk), "")
    found = sessions.find(desk.parts, desk.limits, token, where_of(request), touch=touch) if token else None
    request.state.session = found
    return found


@dataclass(frozen=True)
class SignedIn:
    """A dependency: staff who have signed in wholly, with one of `roles` if any are named.

    touch: whether the request counts as use of the session.
    """

    roles: frozenset[str] = frozenset()
    touch: bool = True

    def __call__(self, request: Request) -> Staff:
        """The staff. Raises `NotSignedIn` or `NotAllowed`, which become pages."""
        session = session_of(request, touch=self.touch)
        if session is None or session.stage != "full":
            raise NotSignedIn
        if self.roles and not session.staff.has(*self.roles):
            with desk_of(request).parts.database.connection() as connection:
                audit.record(connection, session.staff, "page_refused", page=request.scope["route"].path)
            raise NotAllowed
        return session.staff


def signed_in(*roles: str, touch: bool = True) -> SignedIn:
    """Say who may use a route: `Annotated[Staff, Depends(signed_in(Role.SUPERVISOR))]`; without roles, all staff."""
    return SignedIn(frozenset(roles), touch)


async def check_form(request: Request) -> None:
    """A dependency of the whole desk: whatever changes something comes from a page of ours, in the same browser.

    Told by the form's token and by the origin, both. Raises `FormRefused`.
    """
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get(CSRF_HEADER) or (await request.form()).get(CSRF_FIELD) or ""
    right = isinstance(given, str) and secrets.compare_digest(
        given.encode("utf-8", "replace"), csrf_of(request).encode()
    )
    if not right or not _same_origin(request):
        raise FormRefused


def _same_origin(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") == "same-origin"
    return hmac.compare_digest(
        origin.lower().encode("utf-8", "replace"), desk_of(request).origin(request.headers["host"].lower()).encode()
    )
