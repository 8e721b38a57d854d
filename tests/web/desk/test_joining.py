"""From an invitation to the first page: password, one-time codes, recovery codes; and the administrator's side of it."""

import re

import pyotp
import pytest

from bot.service import accounts
from bot.service.parts import Parts
from bot.service.passwords import SHORTEST
from bot.store.database import Connection
from bot.store.staff import Role
from tests.service.fakes import Time
from tests.web.desk.conftest import Browse, Browser, Enter, Hire, acts

PASSWORD = "seven quiet harbours"


def join(browser: Browser, path: str, **more: str) -> Browser:
    return browser.get(path).post(path, password=PASSWORD, again=PASSWORD, **more)


def enrol(browser: Browser) -> Browser:
    found = re.search(r'desk-secret">([A-Z2-7 ]+)<', browser.page)
    assert found, browser.title
    secret = found.group(1).replace(" ", "")
    return browser.post("/desk/enrol", code=pyotp.TOTP(secret).at(int(browser.time.now)))


def test_the_first_account_is_made_by_a_link_and_no_second_one(parts: Parts, browse: Browse, time: Time) -> None:
    old = accounts.first_invitation(parts.database, time())
    new = accounts.first_invitation(parts.database, time())
    assert browse().get(f"/desk/join/{old}").title == "This invitation cannot be used"
    browser = join(browse(), f"/desk/join/{new}", name="Ada Lane", email="Ada@Example.org")
    assert browser.title == "Set up one-time codes"
    assert browser.client.get("/desk/enrol/picture.svg").content.lstrip().startswith(b"<?xml")
    assert enrol(browser).title == "Your recovery codes"
    assert browser.get("/desk/").page.count("Welcome, Ada Lane") == 1
    assert browser.get("/desk/staff").title == "Staff"
    assert browse().get(f"/desk/join/{new}").status == 404
    assert accounts.first_invitation(parts.database, time()) is None


def test_an_invited_advisor_comes_in_and_can_come_back_by_a_recovery_code(
    browse: Browse, hire: Hire, enter: Enter, connection: Connection
) -> None:
    administrator = enter(hire(Role.ADMINISTRATOR)).get("/desk/staff/invite")
    administrator.post(
        "/desk/staff/invite",
        name=" Sam  Jones ",
        email="Sam@example.org",
        roles=["advisor", "editor"],
        teams="repairs, rent",
    )
    found = re.search(r"http://127.0.0.1:8000(/desk/join/[\w-]+)", administrator.page)
    assert found
    assert "Sam Jones" in administrator.get("/desk/staff").page
    browser = enrol(join(browse(), found.group(1)))
    codes = re.findall(r"<li>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</li>", browser.page)
    assert len(codes) == 10
    assert browser.get("/desk/").page.count("advisor, editor") == 1
    again = browse().get("/desk/sign-in").post("/desk/sign-in", email="sam@example.org", password=PASSWORD)
    assert again.get("/desk/recovery").post("/desk/recovery", code=codes[3]).title == "Home"
    assert {"staff_invited", "invitation_accepted", "codes_set_up", "signed_in"} <= set(acts(connection))


def test_before_codes_are_set_up_nothing_opens(browse: Browse, parts: Parts, time: Time) -> None:
    path = f"/desk/join/{accounts.first_invitation(parts.database, time())}"
    browser = join(browse(), path, name="Ada", email="ada@example.org")
    assert browser.get("/desk/staff").title == "Sign in"
    browser.post("/desk/sign-in", email="ada@example.org", password=PASSWORD)
    assert browser.title == "Set up one-time codes"
    assert browser.post("/desk/enrol", code="000000").title == "Error: Set up one-time codes"
    assert enrol(browser).title == "Your recovery codes"


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", "short", f"{SHORTEST} characters or more"),
        ("password1234", "password1234", "harder to guess"),
        ("sam.jones1234", "sam.jones1234", "not your name"),
        (PASSWORD, "seven quiet harbors", "not the same"),
        ("x" * 300, "x" * 300, "256 characters or fewer"),
    ],
)
def test_a_password_that_will_not_do_is_told_why(
    parts: Parts, browse: Browse, time: Time, password: str, again: str, words: str
) -> None:
    path = f"/desk/join/{accounts.first_invitation(parts.database, time())}"
    browser = browse().get(path)
    browser.post(path, password=password, again=again, name="Sam Jones", email="sam.jones@example.org")
    assert browser.title.startswith("Error: ")
    assert words in browser.page
    assert 'value="sam.jones@example.org"' in browser.page
    assert password not in browser.page


def test_an_invitation_lasts_a_day(parts: Parts, browse: Browse, time: Time) -> None:
    path = f"/desk/join/{accounts.first_invitation(parts.database, time())}"
    browser = browse().get(path)
    time.now += 24 * 3600 + 1
    assert browser.post(path, password=PASSWORD, again=PASSWORD, name="Sam", email="s@example.org").status == 404


def test_a_reset_takes_everything_away_and_signs_out(browse: Browse, hire: Hire, enter: Enter) -> None:
    administrator, somebody = enter(hire(Role.ADMINISTRATOR)), hire()
    theirs = enter(somebody)
    administrator.get(f"/desk/staff/{somebody.id}").post(f"/desk/staff/{somebody.id}/reset")
    assert administrator.title == "Invitation"
    assert theirs.get("/desk/").title == "Sign in"
    assert browse().sign_in(somebody.email).title.startswith("Error")


def test_a_disabled_account_is_out_at_once_and_its_invitation_worth_nothing(
    browse: Browse, hire: Hire, enter: Enter
) -> None:
    administrator, somebody = enter(hire(Role.ADMINISTRATOR)), hire()
    theirs = enter(somebody)
    administrator.get(f"/desk/staff/{somebody.id}").post(f"/desk/staff/{somebody.id}/reset")
    found = re.search(r"(/desk/join/[\w-]+)", administrator.page)
    assert found
    administrator.get(f"/desk/staff/{somebody.id}").post(f"/desk/staff/{somebody.id}/disable")
    assert "The account has been disabled" in administrator.page
    assert theirs.get("/desk/").title == "Sign in"
    assert browse().get(found.group(1)).status == 404


def test_other_roles_mean_signing_in_again(browse: Browse, hire: Hire, enter: Enter) -> None:
    administrator, somebody = enter(hire(Role.ADMINISTRATOR)), hire(Role.ADVISOR)
    theirs = enter(somebody)
    page = f"/desk/staff/{somebody.id}"
    administrator.get(page).post(page, name="Kit", roles="advisor", teams="rent")
    assert theirs.get("/desk/").page.count("Welcome, Kit") == 1
    administrator.get(page).post(page, name="Kit", roles="supervisor")
    assert theirs.get("/desk/").title == "Sign in"


def test_the_only_administrator_cannot_be_lost(hire: Hire, enter: Enter, parts: Parts) -> None:
    me = hire(Role.ADMINISTRATOR)
    browser, page = enter(me), f"/desk/staff/{me.id}"
    for path, fields in ((page, {"name": "Me", "roles": "advisor"}), (f"{page}/disable", {}), (f"{page}/reset", {})):
        assert "only administrator" in browser.get(page).post(path, **fields).page
    assert isinstance(accounts.reset(parts, None, me.id), accounts.Invited), "the command line is the way back in"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "A", "email": "nobody", "roles": "advisor"}, "Enter an email address"),
        ({"name": "", "email": "a@example.org", "roles": "advisor"}, "Enter a name"),
        ({"name": "A", "email": "a@example.org"}, "Choose one role"),
        ({"name": "A", "email": "a@example.org", "roles": "king"}, "Choose one role"),
        ({"name": "A", "email": "PERSON1@example.org", "roles": "advisor"}, "already"),
    ],
)
def test_an_invitation_that_will_not_do_is_told_why(
    hire: Hire, enter: Enter, fields: dict[str, str], words: str
) -> None:
    browser = enter(hire(Role.ADMINISTRATOR)).get("/desk/staff/invite").post("/desk/staff/invite", **fields)
    assert browser.status == 400
    assert words in browser.page
