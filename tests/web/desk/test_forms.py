"""Forms that are not ours, scripts that somebody stored, and what holds for every answer."""

from dataclasses import replace

import pytest

from bot.service.parts import Parts
from bot.store import audit, staff
from bot.store.database import Connection, Database
from bot.store.staff import Role
from bot.web.desk import assets
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import HERE, Browse, Enter, Hire

SCRIPT = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("csrf", "origin"),
    [
        ("", HERE),
        ("0" * 64, HERE),
        ("é", HERE),
        (None, "https://evil.example"),
        (None, "null"),
        (None, "http://127.0.0.1:8001"),
        (None, "https://127.0.0.1:8000"),
        (None, None),
    ],
)
def test_a_forged_form_changes_nothing(
    hire: Hire, enter: Enter, connection: Connection, csrf: str | None, origin: str | None
) -> None:
    victim = hire(Role.ADMINISTRATOR, Role.SUPERVISOR)
    browser = enter(victim).get("/desk/staff/invite")
    browser.post(
        "/desk/staff/invite", csrf=csrf, origin=origin, name="Evil", email="evil@example.org", roles="administrator"
    )
    assert (browser.status, browser.title) == (403, "Nothing was changed")
    assert staff.find_by_email(connection, "evil@example.org") is None


def test_another_browsers_form_token_is_worth_nothing(hire: Hire, enter: Enter, connection: Connection) -> None:
    thief, victim = enter(hire(Role.ADMINISTRATOR)).get("/desk/staff/invite"), enter(hire(Role.ADMINISTRATOR))
    victim.page = thief.page
    assert victim.post("/desk/staff/invite", name="Evil", email="evil@example.org", roles="editor").status == 403
    assert staff.find_by_email(connection, "evil@example.org") is None


@pytest.mark.parametrize(("wrong", "status"), [(False, 303), (True, 403)])
def test_a_script_may_send_the_token_in_a_header_instead(hire: Hire, enter: Enter, wrong: bool, status: int) -> None:
    browser = enter(hire()).get("/desk/account")
    token = "x" if wrong else browser.page.partition('name="csrf" value="')[2].partition('"')[0]
    headers = {"Origin": HERE, "X-CSRF-Token": token}
    assert browser.client.post("/desk/sign-out", headers=headers, follow_redirects=False).status_code == status


def test_signing_in_itself_cannot_be_forged(browse: Browse, hire: Hire, connection: Connection) -> None:
    browser = browse()
    answer = browser.client.post(
        "/desk/sign-in", data={"email": hire().email, "password": "x"}, headers={"Origin": HERE}
    )
    assert answer.status_code == 403


def test_a_script_in_a_name_is_shown_and_never_run(hire: Hire, enter: Enter, connection: Connection) -> None:
    evil = hire(Role.ADMINISTRATOR, Role.SUPERVISOR, name=SCRIPT, email="evil@example.org")
    browser = enter(evil, agent=SCRIPT)
    staff.change(
        connection,
        evil.id,
        staff.Profile(evil.email, SCRIPT, (Role.ADMINISTRATOR, Role.SUPERVISOR), (SCRIPT,), (SCRIPT,), (SCRIPT,)),
    )
    audit.record(connection, replace(evil, address=SCRIPT[:40]), SCRIPT[:60], team=SCRIPT)
    pages = ["/desk/", "/desk/account", "/desk/staff", f"/desk/staff/{evil.id}", "/desk/audit"]
    query = "/desk/audit?what=%3Cscript%3Ealert(1)&since=%22%3E%3Cscript%3E"
    for path in [*pages, query]:
        page = browser.get(path).page
        assert "&lt;" in page, path
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
    posted = browser.get("/desk/staff/invite").post("/desk/staff/invite", name=SCRIPT, email=SCRIPT, teams=SCRIPT)
    assert posted.status == 400
    assert "<script>alert" not in posted.page


def test_every_answer_forbids_what_pages_of_the_desk_never_do(browse: Browse, hire: Hire, enter: Enter) -> None:
    signed_in = enter(hire())
    for browser, path in ((browse(), "/desk/sign-in"), (signed_in, "/desk/account"), (browse(), "/desk/nowhere")):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers


def test_pages_hold_nothing_inline(browse: Browse, hire: Hire, enter: Enter) -> None:
    browser = enter(hire(Role.ADMINISTRATOR, Role.SUPERVISOR))
    for path in ("/desk/", "/desk/account", "/desk/staff", "/desk/staff/invite", "/desk/audit"):
        page = browser.get(path).page
        assert " style=" not in page
        assert " onclick=" not in page
        assert "<style" not in page
        assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=')


def test_with_https_a_browser_is_told_to_keep_to_it(browse: Browse, desk: Desk) -> None:
    secure = browse(on=replace(desk, base_url="https://desk.example.org"), base="https://desk.example.org")
    assert secure.get("/desk/sign-in").headers["strict-transport-security"] == "max-age=31536000"


def test_the_desk_answers_under_its_own_name_only(browse: Browse) -> None:
    for host in ("evil.example", "127.0.0.1:9999", "desk.example.org", ""):
        assert browse().get("/desk/sign-in", Host=host).status == 421, host
    for host in ("localhost:8000", "[::1]:8000", "127.0.0.1:8000"):
        assert browse().get("/desk/sign-in", Host=host).status == 200, host


@pytest.mark.parametrize("told", [True, False])
def test_a_form_without_end_is_not_read(browse: Browse, told: bool) -> None:
    content = b"csrf=" + b"x" * (257 * 1024)
    headers = {"Origin": HERE, "Content-Type": "application/x-www-form-urlencoded"}
    sent = content if told else iter([content])
    assert browse().client.post("/desk/sign-in", content=sent, headers=headers).status_code == 413


ADDRESSES = [
    ("/desk/staff/99999999999999999999999", 400),
    ("/desk/staff/0", 400),
    ("/desk/staff/abc", 400),
    ("/desk/staff/77", 404),
    ("/desk/nothing", 404),
    ("/desk/audit?who=99999999999999999999", 400),
    ("/desk/audit?since=2026-13-45", 400),
    ("/desk/audit?until=9999-12-31", 400),
    ("/desk/audit?what=%00", 200),
    ("/desk/sign-in?next=%00%ff", 200),
    ("/desk/join/%00%ff", 404),
    ("/desk/assets/x/..%2f..%2fpyproject.toml", 404),
    ("/desk/assets/x/passwd", 404),
]


def test_no_address_is_a_fault_of_ours(hire: Hire, enter: Enter) -> None:
    browser = enter(hire(Role.ADMINISTRATOR, Role.SUPERVISOR))
    for path, status in ADDRESSES:
        assert browser.get(path).status == status, path


def test_assets_are_kept_for_ever_under_an_address_of_their_content(browse: Browse) -> None:
    page = browse().get("/desk/sign-in").page
    for name in assets.FILES:
        answer = browse().client.get(assets.address(name))
        assert answer.status_code == 200, name
        assert "immutable" in answer.headers["cache-control"]
    assert assets.address("desk.css") in page
    assert browse().client.get("/desk/assets/old/desk.css").headers["cache-control"] == "no-store"


def test_the_typeface_of_gov_uk_is_not_used() -> None:
    assert b"GDS Transport" not in assets.contents()["govuk-frontend.min.css"]


def test_without_its_database_the_desk_says_so(browse: Browse, desk: Desk, parts: Parts) -> None:
    away = Database("postgresql://nobody@/nothing?host=/nonexistent", size=1, wait=0.1)
    away.open()
    browser = browse(on=replace(desk, parts=replace(parts, database=away)))
    browser.take("something")
    assert (browser.get("/desk/").status, browser.title) == (503, "The desk cannot reach its database")
    away.close()
