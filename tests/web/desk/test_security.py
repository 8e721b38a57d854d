"""What an attacker with an account, or none, may try at the desk beyond the forms and the sign-in."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.service import desk as service
from bot.store import staff
from bot.store.database import Connection
from bot.store.staff import Role, Staff
from bot.web.desk.guard import SAFE_METHODS
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import HERE, Browser, Enter, Forms, Hire, Waits
from tests.web.desk.test_routes import ROUTES

OF_A_HANDOFF = sorted((method, path) for method, path in ROUTES if "{handoff_id}" in path)
TABLES = ("handoffs", "notes", "drafts", "joined", "declines", "inbox", "outbox", "conversations")
FIELDS = {
    "text": "Forged.",
    "token": "abcdefgh",
    "seen": "99",
    "note": "Forged.",
    "kind": "safeguarding",
    "level": "P3",
    "team": "rent",
    "to": "1",
    "agency": "Nobody",
    "because": "Forged.",
    "outcome": "answered",
}


def standing(connection: Connection) -> list[object]:
    """Everything that an act on a conversation could change."""
    return [connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2".encode()).fetchall() for name in TABLES]


def forge(browser: Browser, method: str, address: str) -> int:
    """Send a whole and well-made form, as somebody does who has read the page's source."""
    browser.get("/desk/account")
    if method in SAFE_METHODS:
        return browser.client.get(address, follow_redirects=False).status_code
    data = {"csrf": Forms(browser.page).hidden["csrf"], **FIELDS}
    return browser.client.post(address, data=data, headers={"Origin": HERE}, follow_redirects=False).status_code


@pytest.fixture
def outsider(connection: Connection, hire: Hire) -> Staff:
    """An advisor of another team than the one that everybody waits for."""
    found = hire(Role.ADVISOR)
    staff.change(connection, found.id, staff.Profile(found.email, found.name, (Role.ADVISOR,), ("rent",)))
    return replace(found, teams=("rent",))


@pytest.mark.parametrize("claimed", [False, True])
def test_another_teams_conversation_is_out_of_reach_on_every_route(
    desk: Desk, connection: Connection, outsider: Staff, hire: Hire, enter: Enter, waits: Waits, claimed: bool
) -> None:
    case = waits("P1", queue="repairs")
    if claimed:
        service.claim(desk.parts, hire(), case.id)
    before, browser = standing(connection), enter(outsider)
    for method, path in OF_A_HANDOFF:
        status = forge(browser, method, "/desk" + path.format(handoff_id=case.id, name="x"))
        assert status in (403, 404, 409), (method, path)
        assert standing(connection) == before, (method, path)


def test_whoever_looks_after_accounts_or_answers_reads_no_conversation(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits
) -> None:
    case = waits()
    for role in (Role.ADMINISTRATOR, Role.EDITOR):
        browser = enter(hire(role))
        for method, path in OF_A_HANDOFF:
            assert forge(browser, method, "/desk" + path.format(handoff_id=case.id, name="x")) == 403, (
                role,
                method,
                path,
            )


def test_an_advisor_cannot_make_themselves_more(connection: Connection, hire: Hire, enter: Enter) -> None:
    hire(Role.ADMINISTRATOR)
    somebody = hire(Role.ADVISOR)
    browser = enter(somebody)
    token = Forms(browser.get("/desk/account").page).hidden["csrf"]
    for path in (f"/desk/staff/{somebody.id}", "/desk/staff/invite"):
        data = {"csrf": token, "name": "Me", "email": "me@example.org", "roles": ["administrator"]}
        assert browser.client.post(path, data=data, headers={"Origin": HERE}).status_code == 403
    found = staff.find(connection, somebody.id)
    assert found
    assert found.roles == frozenset({Role.ADVISOR})


Take = Callable[[Browser], int]


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE sessions SET ended_at = now()",
        "UPDATE sessions SET expires_at = to_timestamp(0)",
        "UPDATE staff SET disabled_at = now()",
        "UPDATE sessions SET stage = 'code'",
    ],
)
def test_a_session_that_is_over_opens_no_conversation(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits, ended: str
) -> None:
    case, browser = waits(), enter(hire())
    assert browser.get(f"/desk/handoffs/{case.id}").at == f"/desk/handoffs/{case.id}"
    form = browser.page
    connection.execute(ended.encode())
    before = standing(connection)
    browser.page = form
    assert browser.post(f"/desk/handoffs/{case.id}/claim").at != f"/desk/handoffs/{case.id}"
    assert standing(connection) == before
    for path in (f"/desk/handoffs/{case.id}", "/desk/queue/mine", "/desk/stream", "/desk/queue"):
        answer = browser.client.get(path, follow_redirects=False)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith(("/desk/sign-in", "/desk/code")), path


def test_a_forged_cookie_is_nobodys(browse: Callable[..., Browser], hire: Hire) -> None:
    hire(*Role)
    browser = browse()
    for token in ("", "1", "' OR 1=1 --", "0" * 64, "a" * 4000, "%00"):
        browser.take(token)
        assert browser.get("/desk/queue").at == "/desk/sign-in"
