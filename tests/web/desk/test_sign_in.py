"""Signing in as somebody meets it: password, code, recovery code, and every way in which it must fail."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyotp
import pytest

from bot.service import accounts
from bot.service.parts import Parts
from bot.store import staff
from bot.store.database import Connection
from bot.store.staff import Role
from bot.web.desk.access import safe_next
from bot.web.desk.setup import Desk
from tests.service.fakes import Time
from tests.web.desk.conftest import HERE, NOW, PASSWORD, SECRET, Browse, Browser, Hire, acts

WRONG = "Email address or password is wrong"


def test_a_password_and_a_code_lead_to_the_page_that_was_asked_for(browse: Browse, hire: Hire) -> None:
    somebody, browser = hire(Role.SUPERVISOR), browse()
    browser.get("/desk/audit")
    assert browser.at == "/desk/sign-in"
    browser.post("/desk/sign-in", email=f" {somebody.email.upper()} ", password=PASSWORD, next="/desk/audit")
    assert browser.title == "Enter your one-time code"
    assert (
        browser.post("/desk/code", code=f" {browser.code()[:3]} {browser.code()[3:]}", next="/desk/audit").title
        == "Audit"
    )
    assert browser.get("/desk/sign-in").title == "Home"
    assert browser.post("/desk/sign-out").title == "Sign in"
    assert browser.get("/desk/").title == "Sign in"


def test_a_password_alone_opens_nothing(browse: Browse, hire: Hire) -> None:
    browser = browse().get("/desk/sign-in").post("/desk/sign-in", email=hire().email, password=PASSWORD)
    for path in ("/desk/", "/desk/account"):
        assert browser.get(path).title == "Sign in"


def test_an_unknown_account_a_wrong_password_and_a_disabled_account_look_the_same(
    browse: Browse, hire: Hire, parts: Parts
) -> None:
    known, gone = hire(), hire()
    accounts.disable(parts, None, gone.id)
    pages = []
    for email, password in ((known.email, "wrong"), ("nobody@example.org", PASSWORD), (gone.email, PASSWORD)):
        browser = browse().get("/desk/sign-in").post("/desk/sign-in", email=email, password=password)
        assert (browser.status, browser.title) == (400, "Error: Sign in")
        assert WRONG in browser.page
        pages.append(re.sub(r'name="csrf" value="[0-9a-f]+"', "", browser.page.replace(email, "")))
    assert len(set(pages)) == 1


def test_a_code_works_once_even_for_two_who_have_it(browse: Browse, hire: Hire) -> None:
    email, first, second = hire().email, browse(), browse()
    for browser in (first, second):
        browser.get("/desk/sign-in").post("/desk/sign-in", email=email, password=PASSWORD)
    code = first.code()
    assert first.post("/desk/code", code=code).title == "Home"
    assert second.post("/desk/code", code=code).title == "Error: Enter your one-time code"


@pytest.mark.parametrize(("seconds", "taken"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_slow_or_fast_phone_is_half_a_minute_out_at_most(
    browse: Browse, hire: Hire, seconds: int, taken: bool
) -> None:
    browser = browse().get("/desk/sign-in").post("/desk/sign-in", email=hire().email, password=PASSWORD)
    browser.post("/desk/code", code=pyotp.TOTP(SECRET).at(int(NOW) + seconds))
    assert (browser.title == "Home") is taken


def test_guessing_is_slowed_down_by_account_and_ends_for_the_owner_too_only_for_minutes(
    browse: Browse, hire: Hire, time: Time
) -> None:
    email, browser = hire().email, browse().get("/desk/sign-in")
    for _ in range(5):
        assert WRONG in browser.post("/desk/sign-in", email=email, password="guess").page
    assert "Too many tries. Wait 30 seconds" in browser.post("/desk/sign-in", email=email, password=PASSWORD).page
    assert (
        "Too many tries"
        in browse("198.51.100.1").get("/desk/sign-in").post("/desk/sign-in", email=email, password=PASSWORD).page
    )
    waits = []
    for _ in range(6):
        time.now += 301
        browser.post("/desk/sign-in", email=email, password="guess")
        browser.post("/desk/sign-in", email=email, password="guess")
        found = re.search(r"Wait (\d+ \w+)", browser.page)
        waits.append(found.group(1) if found else "")
    assert waits == ["60 seconds", "2 minutes", "4 minutes", "5 minutes", "5 minutes", "5 minutes"]
    time.now += 301
    assert browser.sign_in(email).title == "Home"


def test_an_account_that_does_not_exist_is_held_like_one_that_does(browse: Browse) -> None:
    browser = browse().get("/desk/sign-in")
    for _ in range(5):
        browser.post("/desk/sign-in", email="nobody@example.org", password="guess")
    assert "Too many tries" in browser.post("/desk/sign-in", email="Nobody@example.org", password="guess").page


def test_an_address_that_tries_many_accounts_is_held(parts: Parts, browse: Browse, hire: Hire) -> None:
    from bot.service.sessions import Where
    from bot.service.signing_in import BY_ADDRESS, held_back

    for number in range(BY_ADDRESS.free):
        # One household has a /64 of IPv6 to itself.
        assert held_back(parts, f"person{number}@example.net", Where(f"2001:db8:1:2::{number:x}", "")) is None
    browser = browse("2001:db8:1:2::ffff").get("/desk/sign-in")
    assert "Too many tries" in browser.post("/desk/sign-in", email=hire().email, password=PASSWORD).page
    assert browse("2001:db8:1:3::1").sign_in(hire().email).title == "Home"


def test_tries_made_at_once_count_too(parts: Parts) -> None:
    from bot.service.sessions import Where
    from bot.service.signing_in import BY_ACCOUNT, held_back

    def attempt(number: int) -> bool:
        return held_back(parts, "sam@example.org", Where(f"192.0.2.{number}", "")) is None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == BY_ACCOUNT.free


def test_addresses_are_told_apart_however_they_are_written() -> None:
    from bot.service.sessions import Where
    from bot.service.signing_in import network_of

    def same(one: str, two: str) -> bool:
        return network_of(Where(one, "")) == network_of(Where(two, ""))

    assert same("::ffff:192.0.2.1", "192.0.2.1")
    assert not same("::ffff:192.0.2.1", "::ffff:192.0.2.2")
    assert same("2001:db8::1", "2001:db8::2")
    assert not same("2001:db8::1", "2001:db8:0:1::1")
    assert not same("unknown", "")


def test_codes_cannot_be_guessed_by_giving_the_password_again(browse: Browse, hire: Hire) -> None:
    email, browser, tried = hire().email, browse(), 0
    for _ in range(12):
        browser.get("/desk/sign-in").post("/desk/sign-in", email=email, password=PASSWORD)
        if browser.title != "Enter your one-time code":
            break
        assert browser.post("/desk/code", code="000000").title.startswith("Error")
        tried += 1
    assert tried <= 5
    assert "Too many tries" in browser.page


def test_a_recovery_code_works_once_however_it_is_typed(browse: Browse, hire: Hire, connection: Connection) -> None:
    from bot.service.passwords import recovery_hash

    somebody = hire()
    staff.set_recovery_codes(connection, somebody.id, [recovery_hash("abcd-efgh-jkmn-pqrs")])
    for title in ("Home", "Error: Use a recovery code"):
        browser = browse().get("/desk/sign-in").post("/desk/sign-in", email=somebody.email, password=PASSWORD)
        browser.get("/desk/recovery").post("/desk/recovery", code="ABCD efgh jkmn-pqrs")
        assert browser.title == title
    assert "recovery_code_used" in acts(connection)


def test_the_token_is_new_at_every_step_and_the_old_one_is_worth_nothing(browse: Browse, hire: Hire) -> None:
    browser, tokens = browse().get("/desk/sign-in"), []
    tokens.append(browser.token)
    browser.post("/desk/sign-in", email=hire().email, password=PASSWORD)
    tokens.append(browser.token)
    browser.post("/desk/code", code=browser.code())
    assert len({*tokens, browser.token}) == 3
    for token in tokens:
        other = browse()
        other.take(token)
        assert other.get("/desk/").title == "Sign in"


def test_a_token_that_somebody_else_planted_never_becomes_a_session(browse: Browse, hire: Hire) -> None:
    victim = browse()
    victim.take("planted-by-somebody-else")
    victim.sign_in(hire().email)
    assert victim.title == "Home"
    thief = browse()
    thief.take("planted-by-somebody-else")
    assert thief.get("/desk/").title == "Sign in"


def test_half_a_sign_in_lasts_ten_minutes(browse: Browse, hire: Hire, time: Time) -> None:
    browser = browse().get("/desk/sign-in").post("/desk/sign-in", email=hire().email, password=PASSWORD)
    time.now += 601
    assert browser.post("/desk/code", code=browser.code()).title == "Error: Sign in"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browse: Browse, desk: Desk) -> None:
    plain = browse().get("/desk/sign-in").headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    secure = browse(on=replace(desk, base_url="https://desk.example.org"), base="https://desk.example.org")
    cookie = secure.get("/desk/sign-in").headers["set-cookie"]
    assert cookie.startswith("__Host-hearthline=")
    assert "; Secure" in cookie
    assert "Path=/;" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/desk/../../evil",
        "/desk/%2e%2e/x\r\nSet-Cookie: a=b",
        "/desk\\@evil.example",
        "javascript:alert(1)",
        "/other",
        "/deskevil",
        "http:/desk/",
        "/desk/é",
    ],
)
def test_signing_in_never_leads_to_another_site(address: str) -> None:
    assert safe_next(address) == ""


def test_what_the_form_says_is_next_is_checked_again(browse: Browse, hire: Hire) -> None:
    browser = browse().get("/desk/sign-in?next=//evil.example")
    assert "evil.example" not in browser.page
    browser.post("/desk/sign-in", email=hire().email, password=PASSWORD, next="//evil.example/")
    assert "evil" not in browser.page
    answer = browser.client.post(
        "/desk/code",
        data={"csrf": _csrf(browser), "code": browser.code(), "next": "//evil.example/"},
        headers={"Origin": HERE},
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/desk/"


def _csrf(browser: Browser) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.page)
    assert found
    return found.group(1)


@pytest.mark.parametrize("address", ["/desk/", "/desk/audit?who=3", "/desk"])
def test_pages_of_the_desk_may_be_next(address: str) -> None:
    assert safe_next(address) == address


def test_behind_a_proxy_tries_are_counted_by_the_address_that_our_own_proxy_saw(
    browse: Browse, desk: Desk, connection: Connection
) -> None:
    browser = browse(on=replace(desk, proxies=1))
    browser.client.headers["X-Forwarded-For"] = "203.0.113.9, 198.51.100.4"
    browser.get("/desk/sign-in").post("/desk/sign-in", email="nobody@example.org", password="guess")
    found = connection.execute("SELECT address FROM audit WHERE what = 'sign_in_refused'").fetchone()
    assert found == ("198.51.100.4",)


def test_without_a_proxy_nobody_can_say_where_they_come_from(browse: Browse, connection: Connection) -> None:
    browser = browse("192.0.2.9")
    browser.client.headers["X-Forwarded-For"] = "203.0.113.9"
    browser.get("/desk/sign-in").post("/desk/sign-in", email="nobody@example.org", password="guess")
    found = connection.execute("SELECT address FROM audit WHERE what = 'sign_in_refused'").fetchone()
    assert found == ("192.0.2.9",)
