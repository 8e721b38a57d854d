"""The pages of signing in and out: password, one-time code, recovery code, and the setting up of codes."""

import io
from typing import Annotated

import pyotp
import segno
from fastapi import APIRouter, Depends, Form, Request, Response

from bot.service import sessions, signing_in
from bot.service.sessions import Begun
from bot.service.signing_in import Refused
from bot.store.sessions import Session
from bot.store.staff import Staff
from bot.web.desk.access import adopt, enter, go, safe_next, session_of, signed_in, token_of, where_of
from bot.web.desk.forms import Line, Secret
from bot.web.desk.pages import render
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import told

SIGN_IN = f"{PATH}/sign-in"
FROM_ELSEWHERE = ("sign-in-over", "issuer-no-role", "issuer-refused", "issuer-failed", "issuer-away")
"""Problems that another page may send somebody back here with."""


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    _add_password(routes, desk)
    _add_codes(routes, desk)
    _add_enrolment(routes, desk)

    @routes.post("/sign-out")
    def sign_out(staff: Annotated[Staff, Depends(signed_in())]) -> Response:
        sessions.sign_out(desk.parts, staff)
        return go(f"{SIGN_IN}?done=signed-out")

    return routes


def _add_password(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/sign-in")
    def page(request: Request, next: str = "", problem: str = "") -> Response:
        session = session_of(request)
        if session and session.stage == "full":
            return go(safe_next(next) or f"{PATH}/")
        known = told(Refused(problem)) if problem in FROM_ELSEWHERE else None
        return render(request, "sign_in.html", next=safe_next(next), problem=known)

    @routes.post("/sign-in")
    def password(
        request: Request, email: Line = "", password: Secret = "", next: Annotated[str, Form()] = ""
    ) -> Response:
        done = signing_in.sign_in(desk.parts, desk.limits, email, password, where_of(request))
        if isinstance(done, Refused):
            return render(request, "sign_in.html", 400, next=safe_next(next), email=email, problem=told(done))
        return enter(desk, done, safe_next(next))


def _add_codes(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/code")
    def page(request: Request, next: str = "") -> Response:
        return _halfway(request, "code") or render(request, "code.html", next=safe_next(next))

    @routes.post("/code")
    def code(request: Request, code: Secret = "", next: Annotated[str, Form()] = "") -> Response:
        done = signing_in.enter_code(desk.parts, desk.limits, token_of(request), code, where_of(request))
        return _after(request, desk, done, "code.html", safe_next(next))

    @routes.get("/recovery")
    def recovery_page(request: Request, next: str = "") -> Response:
        return _halfway(request, "code") or render(request, "recovery.html", next=safe_next(next))

    @routes.post("/recovery")
    def recovery(request: Request, code: Secret = "", next: Annotated[str, Form()] = "") -> Response:
        done = signing_in.use_recovery_code(desk.parts, desk.limits, token_of(request), code, where_of(request))
        return _after(request, desk, done, "recovery.html", safe_next(next))


def _halfway(request: Request, stage: str) -> Response | None:
    """Send whoever is not at this stage of signing in to where they are."""
    session = session_of(request)
    if session is None:
        return go(f"{SIGN_IN}?problem=sign-in-over")
    if session.stage == stage:
        return None
    return go(f"{PATH}/" if session.stage == "full" else f"{PATH}/{session.stage}")


def _after(request: Request, desk: Desk, done: Begun | Refused, template: str, after: str) -> Response:
    if not isinstance(done, Refused):
        return enter(desk, done, after)
    if done.problem == "sign-in-over":
        return go(f"{SIGN_IN}?problem=sign-in-over")
    return render(request, template, 400, next=after, problem=told(done)._replace(field="code"))


def _add_enrolment(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/enrol")
    def page(request: Request) -> Response:
        return _halfway(request, "enrol") or _enrolment(request)

    @routes.get("/enrol/picture.svg")
    def picture(request: Request) -> Response:
        session = session_of(request)
        if session is None or session.stage != "enrol":
            return Response("no picture", 404)
        return Response(qr(session), media_type="image/svg+xml")

    @routes.post("/enrol")
    def enrol(request: Request, code: Secret = "") -> Response:
        done = signing_in.enrol(desk.parts, desk.limits, token_of(request), code, where_of(request))
        if isinstance(done, Refused):
            return _halfway(request, "enrol") or _enrolment(request, done)
        adopt(request, done.begun)
        return render(request, "recovery_codes.html", codes=done.codes)


def _enrolment(request: Request, refused: Refused | None = None) -> Response:
    session: Session = request.state.session
    secret = session.totp_pending or ""
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    problem = told(refused)._replace(field="code") if refused else None
    return render(request, "enrol.html", 400 if refused else 200, secret=groups, problem=problem)


def qr(session: Session) -> bytes:
    """The picture that an authenticator app reads the secret from."""
    address = pyotp.TOTP(session.totp_pending or "").provisioning_uri(
        name=session.staff.email, issuer_name="Hearthline"
    )
    output = io.BytesIO()
    segno.make(address, error="m").save(output, kind="svg", scale=5, border=4, light="white", title="QR code")
    return output.getvalue()
