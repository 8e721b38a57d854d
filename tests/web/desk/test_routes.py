"""Every route by every role. A new route that is not in the table fails."""

import pytest
from fastapi.routing import iter_route_contexts

from bot.store.staff import Role
from bot.web.desk.app import pages_of
from bot.web.desk.guard import SAFE_METHODS
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import HERE, Browse, Browser, Enter, Hire

ANYBODY = frozenset({"", *Role})
STAFF = frozenset(Role)
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
OVERSEERS = frozenset({Role.SUPERVISOR, Role.SAFETY_LEAD})
READERS = frozenset({Role.ADVISOR, Role.SUPERVISOR, Role.SAFETY_LEAD})
ROUTES: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/assets/{asked}/{name}"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("POST", "/sign-in"): ANYBODY,
    ("GET", "/code"): ANYBODY,
    ("POST", "/code"): ANYBODY,
    ("GET", "/recovery"): ANYBODY,
    ("POST", "/recovery"): ANYBODY,
    ("GET", "/enrol"): ANYBODY,
    ("GET", "/enrol/picture.svg"): ANYBODY,
    ("POST", "/enrol"): ANYBODY,
    ("GET", "/join/{token}"): ANYBODY,
    ("POST", "/join/{token}"): ANYBODY,
    ("GET", "/single-sign-on"): ANYBODY,
    ("GET", "/single-sign-on/back"): ANYBODY,
    ("POST", "/sign-out"): STAFF,
    ("GET", "/"): STAFF,
    ("GET", "/account"): STAFF,
    ("POST", "/account/sessions/others/end"): STAFF,
    ("POST", "/account/sessions/{session_id}/end"): STAFF,
    ("POST", "/account/password"): STAFF,
    ("POST", "/account/recovery-codes"): STAFF,
    ("GET", "/queue"): READERS,
    ("GET", "/queue/mine"): READERS,
    ("GET", "/queue/offers"): READERS,
    ("GET", "/queue/waiting"): READERS,
    ("POST", "/next"): READERS,
    ("POST", "/handoffs/{handoff_id}/claim"): READERS,
    ("POST", "/handoffs/{handoff_id}/decline"): READERS,
    ("POST", "/presence"): READERS,
    ("GET", "/handoffs/{handoff_id}"): READERS,
    ("GET", "/handoffs/{handoff_id}/thread"): READERS,
    ("GET", "/handoffs/{handoff_id}/answers"): READERS,
    ("POST", "/segments"): READERS,
    ("POST", "/handoffs/{handoff_id}/reply"): READERS,
    ("POST", "/handoffs/{handoff_id}/draft"): READERS,
    ("POST", "/handoffs/{handoff_id}/note"): READERS,
    ("POST", "/handoffs/{handoff_id}/level"): READERS,
    ("POST", "/handoffs/{handoff_id}/transfer"): READERS,
    ("POST", "/handoffs/{handoff_id}/refer"): READERS,
    ("POST", "/handoffs/{handoff_id}/give-back"): READERS,
    ("POST", "/handoffs/{handoff_id}/close"): READERS,
    ("POST", "/handoffs/{handoff_id}/withdraw"): READERS,
    ("POST", "/handoffs/{handoff_id}/join"): READERS,
    ("POST", "/handoffs/{handoff_id}/take-over"): READERS,
    ("POST", "/handoffs/{handoff_id}/ask-help"): READERS,
    ("GET", "/media/{media_id}"): READERS,
    ("POST", "/handoffs/{handoff_id}/translate"): READERS,
    ("POST", "/handoffs/{handoff_id}/interpreter"): READERS,
    ("GET", "/handoffs/{handoff_id}/sent/{name}"): READERS,
    ("GET", "/tenants/{conversation_id}"): READERS,
    ("POST", "/tenants/{conversation_id}/search"): READERS,
    ("POST", "/tenants/{conversation_id}/link"): READERS,
    ("POST", "/tenants/{conversation_id}/unlink"): READERS,
    ("GET", "/search"): READERS,
    ("POST", "/search"): READERS,
    ("GET", "/second-looks"): OVERSEERS,
    ("POST", "/handoffs/{handoff_id}/second-look"): OVERSEERS,
    ("GET", "/stream"): READERS,
    ("POST", "/beat"): READERS,
    ("GET", "/staff"): ADMINISTRATORS,
    ("GET", "/staff/invite"): ADMINISTRATORS,
    ("POST", "/staff/invite"): ADMINISTRATORS,
    ("GET", "/staff/{staff_id}"): ADMINISTRATORS,
    ("POST", "/staff/{staff_id}"): ADMINISTRATORS,
    ("POST", "/staff/{staff_id}/disable"): ADMINISTRATORS,
    ("POST", "/staff/{staff_id}/reset"): ADMINISTRATORS,
    ("GET", "/audit"): OVERSEERS,
    ("GET", "/teams"): frozenset({Role.SUPERVISOR}),
    ("POST", "/teams"): frozenset({Role.SUPERVISOR}),
}
"""Who may use each route; the empty name is somebody who has not signed in."""


def routes_of(desk: Desk) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for route in iter_route_contexts(pages_of(desk).routes):
        assert route.methods, f"{route.path} is none of the kinds that this test knows"
        assert route.path
        found |= {(method, route.path) for method in route.methods - {"HEAD", "OPTIONS"}}
    return found


def test_every_route_is_in_the_table(desk: Desk) -> None:
    assert routes_of(desk) == set(ROUTES)


def ask(browser: Browser, method: str, path: str) -> int:
    """Ask without following, with a form that is one of ours."""
    address = "/desk" + path.format(
        asked="x",
        name="desk.css",
        token="none",
        staff_id=1,
        session_id=999,
        handoff_id=999,
        media_id=999,
        conversation_id=999,
    )
    browser.get("/desk/sign-in")
    token = browser.page.partition('name="csrf" value="')[2].partition('"')[0]
    if method in SAFE_METHODS:
        answer = browser.client.get(address, follow_redirects=False)
    else:
        answer = browser.client.post(
            address, data={"csrf": token}, headers={"Origin": "http://127.0.0.1:8000"}, follow_redirects=False
        )
    refused = answer.status_code == 303 and answer.headers["location"].startswith("/desk/sign-in?next=")
    refused = refused or (answer.headers.get("location") == "/desk/sign-in")
    return 401 if refused else answer.status_code


@pytest.mark.parametrize("role", ["", *Role])
def test_a_route_opens_for_its_roles_and_no_other(
    browse: Browse, hire: Hire, enter: Enter, desk: Desk, role: str
) -> None:
    # A stream ends at once in a process that is stopping.
    desk.parts.stopping.set()
    hire(Role.EDITOR)
    hire(Role.ADMINISTRATOR)
    somebody = hire(role) if role else None
    for (method, path), roles in ROUTES.items():
        status = ask(enter(somebody) if somebody else browse(), method, path)
        if role in roles:
            assert status not in (401, 403), (method, path)
            assert status < 500, (method, path)
        else:
            assert status == (403 if role else 401), (method, path)


def test_a_form_without_a_token_is_refused_on_every_route(hire: Hire, enter: Enter) -> None:
    browser = enter(hire(*Role))
    for method, path in ROUTES:
        if method not in SAFE_METHODS:
            address = "/desk" + path.format(
                token="none", staff_id=1, session_id=999, handoff_id=999, media_id=999, conversation_id=999
            )
            assert browser.client.request(method, address, headers={"Origin": HERE}).status_code == 403, path
