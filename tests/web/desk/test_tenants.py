"""A tenant's page, the search and second looks: who sees whom, and what is on record of it."""

import pytest

from bot.service import desk as service
from bot.service.desk import Closing, Done
from bot.store.database import Connection
from bot.store.staff import Role
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import NOW, Enter, Hire, Waits, acts, say
from tests.web.desk.test_forms import SCRIPT


def test_the_card_tells_everything_about_a_person(
    connection: Connection, desk: Desk, hire: Hire, enter: Enter, waits: Waits
) -> None:
    case, somebody = waits(name="Nia"), hire()
    for name, value in (("safe_channel", "sms"), ("safe_hours", "after nine"), ("safe_word", "bluebell")):
        connection.execute(
            "INSERT INTO fields (conversation_id, name, value, at) VALUES (%s, %s, %s, now())",
            (case.conversation_id, name, value),
        )
    connection.execute(
        "INSERT INTO consents (conversation_id, word, origin, at) VALUES (%s, 'stop', 'tenant', now())",
        (case.conversation_id,),
    )
    connection.execute("UPDATE conversations SET stopped_at = now(), language = 'cy'")
    service.claim(desk.parts, somebody, case.id)
    service.close(desk.parts, somebody, case.id, Closing("answered"))
    page = enter(somebody).get(f"/desk/tenants/{case.conversation_id}").page
    for words in ("Nia", "+447700900101", "Cymraeg", "has sent STOP", "bluebell", "after nine", "closed: answered"):
        assert words in page
    assert acts(connection)[-1] == "tenant_read"
    assert "bluebell" in enter(somebody).get(f"/desk/handoffs/{case.id}").page


def test_two_conversations_become_one_person_and_two_again(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits
) -> None:
    one, other = waits(name="Nia"), waits(channel="telegram", name="Nia Rhys")
    browser = enter(hire()).get(f"/desk/tenants/{one.conversation_id}")
    browser.post(f"/desk/tenants/{one.conversation_id}/search", words="nia")
    assert "1 found" in browser.page, "not the conversation itself"
    browser.post(f"/desk/tenants/{one.conversation_id}/link", other=str(other.conversation_id))
    assert browser.status == 200
    assert "Telegram" in browser.page
    say(connection, other.conversation_id, "written on Telegram")
    assert "written on Telegram" in browser.get(f"/desk/handoffs/{one.id}").page
    browser.get(f"/desk/tenants/{one.conversation_id}")
    browser.post(f"/desk/tenants/{one.conversation_id}/unlink", other=str(other.conversation_id))
    assert "Telegram" not in browser.page
    assert "written on Telegram" not in browser.get(f"/desk/handoffs/{one.id}").page
    assert {"linked", "unlinked", "searched"} <= set(acts(connection))


@pytest.mark.parametrize("words", ["Nia", "07700 900101", "+447700900101", "1", "damp bedroom"])
def test_the_search_finds_by_name_number_reference_and_words(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits, words: str
) -> None:
    case = waits(name="Nia Rhys")
    say(connection, case.conversation_id, "There is damp in the bedroom")
    page = enter(hire()).get("/desk/search").post("/desk/search", words=words.ljust(2)).page
    if len(words) > 1:
        assert f'href="/desk/handoffs/{case.id}"' in page
    else:
        assert "Enter two characters or more." in page


def test_nobody_finds_or_opens_a_tenant_of_other_teams(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits
) -> None:
    theirs, mine, other = waits(queue="repairs", name="Nia"), waits(queue="income", name="Sam"), hire()
    connection.execute("UPDATE staff SET teams = '{income}' WHERE id = %s", (other.id,))
    browser = enter(other).get("/desk/search").post("/desk/search", words="Nia")
    assert "Nothing found" in browser.page
    assert browser.get(f"/desk/tenants/{theirs.conversation_id}").status == 404
    browser.get(f"/desk/tenants/{mine.conversation_id}")
    browser.post(f"/desk/tenants/{mine.conversation_id}/link", other=str(theirs.conversation_id))
    assert browser.status == 409
    assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)


def test_whoever_never_asked_for_a_person_is_for_overseers(connection: Connection, hire: Hire, enter: Enter) -> None:
    row = connection.execute(
        "INSERT INTO conversations (channel, account, address, profile_name, last_inbound_at)"
        " VALUES ('sms', 'ours', '+447700900177', 'Quiet', to_timestamp(%s)) RETURNING id",
        (NOW,),
    ).fetchone()
    assert row
    for role, status in ((Role.ADVISOR, 404), (Role.SAFETY_LEAD, 200)):
        browser = enter(hire(role)).get("/desk/search").post("/desk/search", words="Quiet")
        assert ("1 found" in browser.page) == (status == 200)
        assert browser.get(f"/desk/tenants/{row[0]}").status == status


def test_a_second_look_is_somebody_elses_and_on_record(
    connection: Connection, desk: Desk, hire: Hire, enter: Enter, waits: Waits
) -> None:
    case, closer = waits("P0"), hire(Role.ADVISOR, Role.SUPERVISOR, name="Ann Archer")
    service.claim(desk.parts, closer, case.id)
    done = service.close(desk.parts, closer, case.id, Closing("emergency-services", because="Ambulance came"))
    assert done == Done(case.id)
    own = enter(closer).get("/desk/second-looks")
    assert "Somebody else must look" in own.page
    assert own.post(f"/desk/handoffs/{case.id}/second-look").status == 409
    boss = enter(hire(Role.SAFETY_LEAD)).get("/desk/second-looks")
    assert "Ambulance came" in boss.page
    assert "Ann Archer" in boss.page
    boss.post(f"/desk/handoffs/{case.id}/second-look")
    assert "None waits" in boss.page
    assert "second_look" in acts(connection)


def test_names_and_words_run_nowhere(connection: Connection, hire: Hire, enter: Enter, waits: Waits) -> None:
    case = waits(name=SCRIPT)
    say(connection, case.conversation_id, f"xylophone {SCRIPT}")
    browser = enter(hire(Role.SUPERVISOR))
    for page in (
        browser.get("/desk/search").post("/desk/search", words="xylophone").page,
        browser.get("/desk/search").post("/desk/search", words=SCRIPT).page,
        browser.get(f"/desk/tenants/{case.conversation_id}").page,
    ):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
