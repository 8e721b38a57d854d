"""Sessions as their owner sees them, their limits, and what becomes of a copied one."""

from dataclasses import replace

from bot.service.sessions import Limits
from bot.store.database import Connection
from bot.store.staff import Role
from bot.web.desk.setup import Desk
from tests.service.fakes import Time
from tests.web.desk.conftest import PASSWORD, Browse, Enter, Hire, acts

NEW = "seven quiet harbours"


def test_everybody_sees_where_they_are_signed_in_and_can_end_it(hire: Hire, enter: Enter) -> None:
    me = hire()
    here, phone, library = enter(me), enter(me, agent="Phone"), enter(me, agent="Library")
    page = here.get("/desk/account").page
    assert all(name in page for name in ("Firefox", "Phone", "Library", "This browser"))
    path = page.partition('action="/desk/account/sessions/')[2].partition('"')[0]
    assert here.post(f"/desk/account/sessions/{path}").title == "Your account"
    ended = [phone.get("/desk/").title, library.get("/desk/").title]
    assert sorted(ended) == ["Home", "Sign in"]
    here.post("/desk/account/sessions/others/end")
    assert "Your other sessions have been signed out" in here.page
    assert [phone.get("/desk/").title, library.get("/desk/").title] == ["Sign in", "Sign in"]
    assert here.get("/desk/").title == "Home"


def test_nobody_can_end_somebody_elses_session(hire: Hire, enter: Enter, connection: Connection) -> None:
    victim, other = enter(hire()), enter(hire(Role.ADMINISTRATOR))
    found = connection.execute("SELECT min(id) FROM sessions").fetchone()
    assert found
    other.get("/desk/account").post(f"/desk/account/sessions/{found[0]}/end")
    assert victim.get("/desk/").title == "Home"


def test_a_session_ends_unused_after_a_while_and_used_after_a_day(
    browse: Browse, desk: Desk, hire: Hire, enter: Enter, time: Time
) -> None:
    me = hire()
    used, unused = enter(me), enter(me)
    for _ in range(12):
        time.now += 3500
        assert used.get("/desk/").title == "Home"
    assert unused.get("/desk/").title == "Sign in"
    time.now += 1300
    assert used.get("/desk/").title == "Sign in"


def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(
    desk: Desk, hire: Hire, enter: Enter, time: Time
) -> None:
    from bot.service.sessions import Where, find

    browser, where = enter(hire()), Where("192.0.2.7", "Firefox")
    time.now += 3000
    assert find(desk.parts, desk.limits, browser.token, where, touch=False)
    time.now += 601
    assert find(desk.parts, desk.limits, browser.token, where) is None


def test_a_copied_cookie_in_another_browser_ends_the_session(
    browse: Browse, hire: Hire, enter: Enter, connection: Connection
) -> None:
    victim, thief = enter(hire()), browse(agent="Thief")
    thief.take(victim.token)
    assert thief.get("/desk/").title == "Sign in"
    assert victim.get("/desk/").title == "Sign in"
    assert "session_stolen" in acts(connection)


def test_after_signing_out_a_copied_cookie_is_worth_nothing(browse: Browse, hire: Hire, enter: Enter) -> None:
    victim, thief = enter(hire()), browse()
    thief.take(victim.token)
    victim.get("/desk/").post("/desk/sign-out")
    assert thief.get("/desk/").title == "Sign in"


def test_a_copy_of_the_tables_opens_nothing(browse: Browse, hire: Hire, enter: Enter, connection: Connection) -> None:
    token = enter(hire()).token
    kept = connection.execute("SELECT token_hash FROM sessions").fetchone()
    assert kept
    assert token.encode() not in kept[0]
    thief = browse()
    thief.take(kept[0].hex())
    assert thief.get("/desk/").title == "Sign in"


def test_a_new_password_ends_all_other_sessions_and_renews_this_one(browse: Browse, hire: Hire, enter: Enter) -> None:
    me = hire()
    here, other = enter(me), enter(me)
    before = here.token
    here.get("/desk/account").post("/desk/account/password", old="wrong", password=NEW, again=NEW)
    assert "Your current password is wrong" in here.page
    here.post("/desk/account/password", old=PASSWORD, password=NEW, again="other")
    assert "not the same" in here.page
    here.post("/desk/account/password", old=PASSWORD, password=NEW, again=NEW)
    assert "Your password has been changed" in here.page
    assert here.token != before
    assert other.get("/desk/").title == "Sign in"
    assert browse().sign_in(me.email, NEW).title == "Home"


def test_new_recovery_codes_need_a_one_time_code(hire: Hire, enter: Enter, connection: Connection) -> None:
    here = enter(hire()).get("/desk/account")
    assert "wrong or has been used" in here.post("/desk/account/recovery-codes", code="000000").page
    assert here.post("/desk/account/recovery-codes", code=here.code()).title == "Your recovery codes"
    found = connection.execute("SELECT count(*) FROM recovery_codes").fetchone()
    assert found == (10,)


def test_limits_come_from_the_desk(browse: Browse, desk: Desk, hire: Hire, time: Time) -> None:
    browser = browse(on=replace(desk, limits=Limits(idle=60, absolute=90))).sign_in(hire().email)
    time.now += 59
    assert browser.get("/desk/").title == "Home"
    time.now += 32
    assert browser.get("/desk/").title == "Sign in"
