"""The audit: it only grows, it can be searched, and searching is in it."""

import psycopg
import pytest

from bot.store import audit
from bot.store.audit import Wanted
from bot.store.database import Connection
from bot.store.staff import Role
from tests.web.desk.conftest import Enter, Hire, acts


@pytest.mark.parametrize("statement", ["UPDATE audit SET what = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_database_refuses_to_change_what_is_on_record(connection: Connection, hire: Hire, statement: str) -> None:
    audit.record(connection, hire(), "conversation_read", 7)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        connection.execute(statement.encode())
    assert acts(connection) == ["conversation_read"]


def test_an_act_that_is_rolled_back_is_not_on_record(connection: Connection, hire: Hire) -> None:
    somebody = hire()
    with connection.transaction(force_rollback=True):
        audit.record(connection, somebody, "conversation_read", 7)
    assert acts(connection) == []


def test_a_text_is_too_long_for_a_detail(connection: Connection, hire: Hire) -> None:
    with pytest.raises(ValueError, match="not a text"):
        audit.record(connection, hire(), "conversation_read", 7, said="I cannot go on like this " * 10)


def test_a_search_finds_by_person_act_conversation_and_day(connection: Connection, hire: Hire, enter: Enter) -> None:
    one, two, supervisor = hire(name="Una"), hire(name="Duo"), hire(Role.SUPERVISOR)
    audit.record(connection, one, "conversation_read", 7)
    audit.record(connection, two, "reply_sent", 8, handoff=3)
    browser = enter(supervisor)
    for query, seen, unseen in (
        (f"who={one.id}", ">7<", ">8<"),
        ("what=reply_sent", ">8<", ">7<"),
        ("conversation=7", ">7<", ">8<"),
        ("since=2000-01-01&until=2100-01-01", ">8<", "Nothing was found"),
        ("until=2000-01-01", "Nothing was found", ">7<"),
    ):
        page = browser.get(f"/desk/audit?{query}").page
        assert seen in page, query
        assert unseen not in page, query
    assert "handoff 3" in browser.get("/desk/audit?conversation=8").page
    assert acts(connection).count("audit_searched") == 6


def test_older_acts_are_a_page_further(connection: Connection, hire: Hire, enter: Enter) -> None:
    somebody = hire()
    for number in range(1, 121):
        audit.record(connection, somebody, "conversation_read", number)
    browser, found = enter(hire(Role.SAFETY_LEAD)), set()
    page = browser.get("/desk/audit?what=conversation_read").page
    for _ in range(3):
        found |= {number for number in range(1, 121) if f'table__cell">{number}</td>' in page}
        link = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        page = browser.get(link).page if "Older" in page else ""
    assert found == set(range(1, 121))
    assert [act.conversation_id for act in audit.search(connection, Wanted(conversation_id=5), 10)] == [5]


def test_kinds_are_found_without_reading_everything(connection: Connection, hire: Hire) -> None:
    for what in ("b", "a", "b", "c"):
        audit.record(connection, None, what)
    assert audit.kinds(connection) == ["a", "b", "c"]
