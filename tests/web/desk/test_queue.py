"""The queue's page: who waits, what is offered and to whom, and taking it."""

from bot.service import desk as service
from bot.service import tending
from bot.store import desk as rows
from bot.store import presence
from bot.store.database import Connection
from bot.store.staff import Role
from bot.web.desk.queue import SHOWN
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import NOW, Enter, Hire, Waits, acts


def test_the_most_urgent_stands_first_and_is_named_not_only_coloured(hire: Hire, enter: Enter, waits: Waits) -> None:
    for level, name in (("P3", "Oldest"), ("P1", "Worried"), ("P0", "Danger")):
        waits(level, name=name)
    page = enter(hire()).get("/desk/queue").page
    assert page.index("Danger") < page.index("Worried") < page.index("Oldest")
    assert "P0 Now" in page
    assert "<strong>1</strong> P1 Urgent" in page


def test_an_advisor_sees_the_queues_of_their_teams_only(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits
) -> None:
    somebody = hire()
    connection.execute("UPDATE staff SET teams = '{repairs}' WHERE id = %s", (somebody.id,))
    waits(queue="repairs", name="Ours")
    theirs = waits(queue="income", name="Theirs")
    browser = enter(somebody)
    assert "Ours" in browser.get("/desk/queue").page
    assert "Theirs" not in browser.page
    assert browser.get(f"/desk/handoffs/{theirs.id}").status == 404
    browser.get("/desk/queue").post(f"/desk/handoffs/{theirs.id}/claim")
    assert browser.status == 409
    assert enter(hire(Role.SUPERVISOR)).get(f"/desk/handoffs/{theirs.id}").status == 200


def test_next_takes_the_most_urgent_and_opens_it(hire: Hire, enter: Enter, waits: Waits) -> None:
    waits("P3", name="Later")
    urgent = waits("P2", name="Sooner")
    browser = enter(hire()).get("/desk/queue").post("/desk/next")
    assert browser.at == f"/desk/handoffs/{urgent.id}"
    assert "In your hands" in browser.page


def test_next_says_when_nobody_waits(hire: Hire, enter: Enter) -> None:
    browser = enter(hire()).get("/desk/queue").post("/desk/next")
    assert browser.status == 409
    assert "Nobody is waiting whom you can take." in browser.page
    assert 'href="#next"' in browser.page
    assert 'id="next"' in browser.page


def test_whoever_comes_second_is_told_who_has_it(hire: Hire, enter: Enter, waits: Waits) -> None:
    case = waits()
    enter(hire(name="Ann Archer")).get("/desk/queue").post(f"/desk/handoffs/{case.id}/claim")
    late = enter(hire()).get("/desk/queue").post(f"/desk/handoffs/{case.id}/claim")
    assert late.status == 409
    assert "Ann Archer has it." in late.page


def test_an_offer_goes_to_one_and_passed_on_to_the_next(
    connection: Connection, desk: Desk, hire: Hire, enter: Enter, waits: Waits
) -> None:
    ann, bo = hire(name="Ann"), hire(name="Bo")
    for one in (ann, bo):
        enter(one).get("/desk/queue").post("/desk/presence", status="available", limit="3")
    assert presence.status_of(connection, ann.id) == ("available", 3)
    case = waits("P0", name="Nia")
    tending.keep(desk.parts)
    first, second = (ann, bo) if rows.offers_to(connection, ann.id, NOW) else (bo, ann)
    asked = "Can you take Nia?"
    assert asked not in enter(second).get("/desk/queue").page
    browser = enter(first).get("/desk/queue")
    assert asked in browser.page
    assert asked in browser.get("/desk/queue/offers").page
    browser.get("/desk/queue").post(f"/desk/handoffs/{case.id}/decline")
    assert asked not in browser.page
    assert asked in enter(second).get("/desk/queue").page
    late = browser.post(f"/desk/handoffs/{case.id}/claim")
    assert "being offered to somebody else" in late.page


def test_a_call_for_help_stays_until_a_colleague_joins(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits
) -> None:
    ann, bo, case = enter(hire(name="Ann Archer")), enter(hire()), waits("P0", name="Nia")
    ann.get("/desk/queue").post(f"/desk/handoffs/{case.id}/claim").post(f"/desk/handoffs/{case.id}/ask-help")
    assert "Ann Archer asks for help with Nia" in bo.get("/desk/queue/offers").page
    assert "asks for help" not in ann.get("/desk/queue").page
    bo.get("/desk/queue").post(f"/desk/handoffs/{case.id}/join")
    assert bo.at == f"/desk/handoffs/{case.id}"
    assert 'id="text"' in bo.page, "a helper can write too"
    assert "asks for help" not in bo.get("/desk/queue/offers").page
    assert acts(connection)[-4:] == ["help_asked", "conversation_read", "joined", "conversation_read"]


def test_what_is_late_says_so(desk: Desk, hire: Hire, enter: Enter, waits: Waits, time: object) -> None:
    waits("P0")
    tending.keep(desk.parts)
    time.now = NOW + 600  # type: ignore[attr-defined]
    tending.keep(desk.parts)
    page = enter(hire(Role.SUPERVISOR)).get("/desk/queue").page
    assert "<strong>Late by 5 minutes</strong>" in page
    assert "1 is late: nobody took them in time." in page


def test_a_status_that_is_none_changes_nothing(connection: Connection, hire: Hire, enter: Enter) -> None:
    somebody = hire()
    browser = enter(somebody).get("/desk/queue").post("/desk/presence", status="asleep")
    assert browser.status == 409
    assert presence.status_of(connection, somebody.id)[0] == "offline"


def test_however_many_are_in_hand_whoever_waits_is_shown(desk: Desk, hire: Hire, enter: Enter, waits: Waits) -> None:
    busy = hire()
    for _ in range(SHOWN):
        assert isinstance(service.claim(desk.parts, busy, waits("P2").id), service.Done)
    last = waits("P3", name="Last")
    assert f'href="/desk/handoffs/{last.id}"' in enter(hire()).get("/desk/queue").page
