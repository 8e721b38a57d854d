"""A conversation's page: what it shows, every act through its form, and what is refused."""

from collections.abc import Callable

import pytest

from bot.service import desk as service
from bot.store import desk as rows
from bot.store import thread
from bot.store.database import Connection
from bot.store.desk import Case
from bot.store.staff import Role, Staff
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import NOW, Browser, Enter, Forms, Hire, Waits, acts, facts, say
from tests.web.desk.test_forms import SCRIPT

Hold = Callable[..., tuple[Browser, Case, Staff]]


@pytest.fixture
def hold(desk: Desk, hire: Hire, enter: Enter, waits: Waits) -> Hold:
    """An advisor with a conversation open that they have claimed."""

    def hold(level: str = "P3", channel: str = "sms", **more: float) -> tuple[Browser, Case, Staff]:
        case, somebody = waits(level, channel=channel, **more), hire()
        assert service.claim(desk.parts, somebody, case.id) == service.Done(case.id)
        return enter(somebody).get(f"/desk/handoffs/{case.id}"), case, somebody

    return hold


def answer(browser: Browser, case: Case, text: str, **more: str) -> Browser:
    """Send the answer's form as it stands on the page."""
    hidden = Forms(browser.page).hidden
    fields = {"token": hidden["token"], "seen": hidden["seen"], "text": text, **more}
    return browser.post(f"/desk/handoffs/{case.id}/reply", **fields)


def test_a_reply_reaches_the_engine_once_however_often_it_is_sent(connection: Connection, hold: Hold) -> None:
    browser, case, somebody = hold()
    form = browser.page
    answer(browser, case, "We will ring you.\r\nToday.")
    assert browser.at == f"/desk/handoffs/{case.id}"
    browser.page = form
    answer(browser, case, "We will ring you.\r\nToday.")
    told = [payload for kind, payload in facts(connection) if kind == "advisor_replied"]
    assert [(one["text"], one["by"]) for one in told] == [("We will ring you.\nToday.", str(somebody.id))]


def test_what_came_meanwhile_is_read_before_an_answer_goes_and_the_answer_is_kept(
    connection: Connection, hold: Hold
) -> None:
    browser, case, somebody = hold()
    say(connection, case.conversation_id, "It is worse now")
    answer(browser, case, "We will ring you.")
    assert browser.status == 409
    assert "written meanwhile" in browser.page
    assert "We will ring you.</textarea>" in browser.page
    assert "It is worse now" in browser.page
    assert thread.draft(connection, somebody.id, case.conversation_id) == "We will ring you."
    assert answer(browser, case, "We will ring you.").status == 200
    assert thread.draft(connection, somebody.id, case.conversation_id) == ""


@pytest.mark.parametrize(
    ("ago", "fields", "status"), [(60.0, {}, 200), (90_000.0, {}, 409), (90_000.0, {"template": "not-ours"}, 409)]
)
def test_whatsapp_says_how_long_it_is_open_and_refuses_after(
    hold: Hold, ago: float, fields: dict[str, str], status: int
) -> None:
    browser, case, _ = hold(channel="whatsapp", ago=ago)
    assert ("You can write freely for" in browser.page) == (status == 200)
    assert answer(browser, case, "Hello.", **fields).status == status


def test_sms_counts_its_parts(hold: Hold) -> None:
    browser, _, _ = hold()
    assert browser.post("/desk/segments", text="a" * 161).page.strip() == "161 characters, 2 text messages"


def test_a_draft_survives_everything_but_being_sent(hold: Hold, enter: Enter) -> None:
    browser, case, somebody = hold()
    form = browser.page
    assert browser.post(f"/desk/handoffs/{case.id}/draft", text="Half of a").status == 204
    again = enter(somebody, agent="Another browser").get(f"/desk/handoffs/{case.id}")
    assert "Half of a</textarea>" in again.page
    browser.page = form
    answer(browser, case, "A whole answer")
    assert "Half of a" not in again.get(f"/desk/handoffs/{case.id}").page


def test_approved_answers_are_found_and_put_into_the_box(hold: Hold) -> None:
    browser, case, _ = hold()
    found = browser.get(f"/desk/handoffs/{case.id}/answers?words=rent").page
    assert "data-answer" in found
    topic = found.partition("?use=")[2].partition("#")[0]
    box = (
        browser.get(f"/desk/handoffs/{case.id}?use={topic}").page.partition("<textarea")[2].partition("</textarea>")[0]
    )
    assert len(box.partition(">")[2]) > 20


def test_notes_of_few_are_hidden_from_the_others(connection: Connection, hold: Hold, hire: Hire, enter: Enter) -> None:
    browser, case, _ = hold()
    browser.post(f"/desk/handoffs/{case.id}/note", note="Brother is a risk", kind="safeguarding")
    browser.post(f"/desk/handoffs/{case.id}/note", note="Prefers the morning", kind="note")
    address = f"/desk/handoffs/{case.id}"
    assert "Brother is a risk" in browser.get(address).page
    assert "Brother is a risk" in enter(hire(Role.SAFETY_LEAD)).get(address).page
    other = enter(hire()).get(address)
    assert "Prefers the morning" in other.page
    assert "Brother is a risk" not in other.page
    assert 'name="kind"' not in other.page


ENDS: list[tuple[str, dict[str, str], str, str]] = [
    ("close", {"outcome": "answered"}, "closed", "handoff_closed"),
    ("close", {"outcome": "referred-to-agency", "agency": "Shelter"}, "closed", "handoff_closed"),
    ("refer", {"agency": "Shelter"}, "transferred", "handoff_closed"),
    ("give-back", {"level": "P3"}, "returned", "handoff_returned"),
    ("withdraw", {}, "withdrawn", "handoff_closed"),
    ("transfer", {"team": "income"}, "queued", ""),
]


def test_each_way_out_through_its_form(connection: Connection, hold: Hold) -> None:
    for act, fields, state, fact in ENDS:
        browser, case, _ = hold()
        browser.post(f"/desk/handoffs/{case.id}/{act}", **fields)
        assert browser.at == "/desk/queue", act
        assert "left your hands" in browser.page
        found = rows.find(connection, case.id)
        assert found
        assert found.state == state
        assert not fact or facts(connection)[-1][0] == fact


REFUSED: list[tuple[str, str, dict[str, str], str, str]] = [
    ("P3", "close", {}, "Choose what became of it", "outcome"),
    ("P3", "close", {"outcome": "referred-to-agency"}, "Name the agency", "agency"),
    ("P1", "close", {"outcome": "answered"}, "This was urgent", "because"),
    ("P3", "transfer", {}, "Choose a team or a person", "team"),
    ("P3", "refer", {}, "Name the agency", "agency"),
    ("P3", "level", {"level": "P9"}, "Choose a level", "level"),
    ("P3", "note", {}, "Write something first", "text"),
]


def test_what_is_missing_is_said_beside_its_field(hold: Hold) -> None:
    for level, act, fields, words, field in REFUSED:
        browser, case, _ = hold(level)
        browser.post(f"/desk/handoffs/{case.id}/{act}", **fields)
        assert browser.status == 409, act
        assert browser.title.startswith("Error: ")
        assert words in browser.page
        assert f'href="#{field}"' in browser.page
        assert f'id="{field}"' in browser.page


def test_whoever_does_not_hold_it_cannot_act(connection: Connection, hold: Hold, hire: Hire, enter: Enter) -> None:
    _, case, holder = hold()
    other = enter(hire()).get(f"/desk/handoffs/{case.id}")
    assert 'id="text"' not in other.page
    fields = {
        "text": "Hello",
        "token": "x",
        "outcome": "answered",
        "agency": "Shelter",
        "level": "P3",
        "team": "income",
    }
    for act in ("reply", "close", "transfer", "refer", "give-back", "withdraw", "level", "ask-help"):
        assert other.post(f"/desk/handoffs/{case.id}/{act}", seen="99999", **fields).status == 409, act
    found = rows.find(connection, case.id)
    assert found
    assert (found.state, found.claimed_by) == ("claimed", holder.id)


def test_a_supervisor_takes_over_and_the_former_is_told_whose_it_is(hold: Hold, hire: Hire, enter: Enter) -> None:
    browser, case, _ = hold()
    boss = enter(hire(Role.SUPERVISOR, name="Sue Super")).get(f"/desk/handoffs/{case.id}")
    assert boss.post(f"/desk/handoffs/{case.id}/take-over").status == 200
    assert "Sue Super has it" in browser.get(f"/desk/handoffs/{case.id}").page


def test_a_crisis_shows_what_to_do_and_why_it_was_raised(connection: Connection, hold: Hold) -> None:
    browser, case, _ = hold("P0")
    signal = '{"level": "P0", "evidence": [{"concern": "suicide", "span": [2, 9]}]}'
    say(connection, case.conversation_id, "I cannot go on", signal=signal)
    page = browser.get(f"/desk/handoffs/{case.id}").page
    assert "What to do" in page
    assert "116 123" in page
    assert '<mark title="Suicide">cannot ' in page


def test_what_tenants_and_colleagues_write_runs_nowhere(connection: Connection, hold: Hold) -> None:
    browser, case, _ = hold()
    connection.execute("UPDATE conversations SET profile_name = %s", (SCRIPT,))
    connection.execute("UPDATE handoffs SET fields = jsonb_build_object('room', %s::text)", (SCRIPT,))
    say(connection, case.conversation_id, SCRIPT)
    browser.post(f"/desk/handoffs/{case.id}/note", note=SCRIPT)
    browser.post(f"/desk/handoffs/{case.id}/draft", text=f"</textarea>{SCRIPT}")
    for address in (f"/desk/handoffs/{case.id}", f"/desk/handoffs/{case.id}/thread", "/desk/queue"):
        page = browser.get(address).page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;" in page


def file(connection: Connection, desk: Desk, case: Case, path: str, kind: str = "image/png") -> int:
    """A tenant's file, kept under a name."""
    message = say(connection, case.conversation_id, "")
    row = connection.execute(
        "INSERT INTO media (inbox_id, position, ref, kind, content_type, state, path, due_at) VALUES (%s, 0, 'r', 'image',"
        " %s, 'stored', %s, now()) RETURNING id",
        (message, kind, path),
    ).fetchone()
    assert row
    return int(row[0])


def test_a_file_is_shown_to_those_who_may_read_it(
    connection: Connection, desk: Desk, hold: Hold, hire: Hire, enter: Enter
) -> None:
    browser, case, _ = hold()
    desk.parts.media_dir.mkdir()
    (desk.parts.media_dir / "abc.png").write_bytes(b"\x89PNG....")
    (desk.parts.media_dir / "abc.html").write_bytes(b"<script>1</script>")
    shown, kept = file(connection, desk, case, "abc.png"), file(connection, desk, case, "abc.html", "text/html")
    assert f'href="/desk/media/{shown}"' in browser.get(f"/desk/handoffs/{case.id}").page
    browser.get(f"/desk/media/{shown}")
    assert browser.headers["content-type"] == "image/png"
    assert browser.headers["x-content-type-options"] == "nosniff"
    browser.get(f"/desk/media/{kept}")
    assert browser.headers["content-type"] == "application/octet-stream"
    assert browser.headers["content-disposition"].startswith("attachment")
    other = hire()
    connection.execute("UPDATE staff SET teams = '{income}' WHERE id = %s", (other.id,))
    assert enter(other).get(f"/desk/media/{shown}").status == 404
    assert browser.get("/desk/media/99999").status == 404


def test_a_path_leads_nowhere_else(connection: Connection, desk: Desk, hold: Hold) -> None:
    browser, case, _ = hold()
    desk.parts.media_dir.mkdir()
    (desk.parts.media_dir.parent / "secret.png").write_bytes(b"secret")
    for path in ("../secret.png", "/etc/hostname", "a/../../secret.png", "gone.png"):
        found = file(connection, desk, case, path)
        assert browser.get(f"/desk/media/{found}").status == 404, path


def test_a_reading_is_on_record_and_a_refresh_is_none(connection: Connection, hold: Hold) -> None:
    browser, case, _ = hold()
    browser.get(f"/desk/handoffs/{case.id}/thread")
    assert acts(connection).count("conversation_read") == 1
    assert "Please help." in browser.page


def test_who_else_looks_and_writes_is_shown(hold: Hold, hire: Hire, enter: Enter) -> None:
    browser, case, _ = hold()
    other = enter(hire(name="Bo Bright")).get(f"/desk/handoffs/{case.id}")
    assert "Bo Bright is looking" in browser.get(f"/desk/handoffs/{case.id}").page
    other.post("/desk/beat", conversation=str(case.conversation_id), typing="true")
    assert "Bo Bright is writing" in browser.get(f"/desk/handoffs/{case.id}").page


def test_the_time_of_today_is_told_without_its_day(connection: Connection, hold: Hold) -> None:
    browser, case, _ = hold()
    say(connection, case.conversation_id, "yesterday", at=NOW - 86_400)
    page = browser.get(f"/desk/handoffs/{case.id}").page
    assert "<time>12:00</time>" in page
    assert "<time>17 November, 12:00</time>" in page
