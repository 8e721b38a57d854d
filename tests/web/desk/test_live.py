"""The stream to open pages: nothing is missed, nothing is told to whom it is not for, and it ends with the session."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from starlette.requests import Request

from bot.service import desk as service
from bot.service import tending
from bot.store import changes, sessions
from bot.store.database import Connection
from bot.store.staff import Staff
from bot.web.desk.live import Board, Live, Watch
from bot.web.desk.queue import teams_of, waiting_for
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import Enter, Hire, Waits, acts, say

Event = tuple[str, str, str]
"""Name, data and place in the stream."""


def parsed(block: str) -> Event:
    found = {"event": "", "data": "", "id": ""}
    for line in block.splitlines():
        name, _, value = line.partition(": ")
        found[name] = found.get(name, "") + value
    return found["event"], found["data"], found["id"]


class Page:
    """A page whose stream is read event by event."""

    def __init__(self, body: AsyncIterator[str]) -> None:
        self.body, self.last = body, ""

    async def next(self) -> Event:
        """The next event that is not only a sign of life."""
        while True:
            event = parsed(await asyncio.wait_for(anext(self.body), 10))
            self.last = event[2] or self.last
            if event[0]:
                return event

    async def names(self, count: int) -> list[str]:
        return [(await self.next())[0] for _ in range(count)]

    async def until(self, name: str) -> Event:
        while (found := await self.next())[0] != name:
            pass
        return found


Open = Callable[..., Page]
Play = Callable[[Callable[[Open], Awaitable[Any]]], Any]


@pytest.fixture
def play(desk: Desk, connection: Connection) -> Play:
    """Run a scene with the stream's reader going."""
    board = Board(desk)

    def open_page(somebody: Staff, conversation: int = 0, last: str = "", token: str = "") -> Page:
        headers = [(b"cookie", f"hearthline={token}".encode()), (b"user-agent", b"Firefox")]
        app = type("App", (), {"state": type("State", (), {"desk": desk})})
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/stream",
            "headers": headers,
            "query_string": b"",
            "app": app,
        }
        watch = Watch(somebody, teams_of(connection, desk, somebody), conversation)
        return Page(Live(desk, desk.stream, board, watch).run(Request({**scope, "state": {}}), last))

    def play(scene: Callable[[Open], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            desk.stream.start(asyncio.get_running_loop())
            while not desk.stream._cursor:
                await asyncio.sleep(0.01)
            try:
                return await scene(open_page)
            finally:
                desk.parts.stopping.set()

        try:
            return asyncio.run(whole())
        finally:
            desk.stream.join()

    return play


def test_a_new_page_is_drawn_and_then_told_what_comes(
    connection: Connection, hire: Hire, waits: Waits, play: Play
) -> None:
    somebody, case = hire(), waits("P2", name="Nia")

    async def scene(open_page: Open) -> tuple[list[str], Event, Event]:
        page = open_page(somebody, case.conversation_id)
        first = await page.names(3)
        await asyncio.to_thread(say, connection, case.conversation_id, "and now this")
        return first, await page.next(), await page.next()

    first, thread, alert = play(scene)
    assert first == ["here", "thread", "waiting"]
    assert thread[0] == "thread"
    assert (alert[0], '"kind": "message"' in alert[1], "and now this" in alert[1]) == ("alert", True, False)


def test_the_queue_is_drawn_at_once_when_somebody_new_waits(hire: Hire, waits: Waits, play: Play) -> None:
    somebody = hire()

    async def scene(open_page: Open) -> Event:
        page = open_page(somebody)
        await page.names(3)
        await asyncio.to_thread(waits, "P1", name="Nia")
        return await page.until("waiting")

    assert "Nia" in play(scene)[1]


def test_a_page_of_another_team_hears_nothing_of_it(
    connection: Connection, hire: Hire, waits: Waits, play: Play
) -> None:
    other = hire()
    connection.execute("UPDATE staff SET teams = '{income}' WHERE id = %s", (other.id,))
    other = replace(other, teams=("income",))

    async def scene(open_page: Open) -> Event:
        page = open_page(other)
        await page.names(3)
        await asyncio.to_thread(waits, "P0", "repairs", name="Nia")
        return await page.next()

    name, data, _ = play(scene)
    assert (name, "Nia" in data) == ("waiting", False), "no alert, and nothing of theirs"


def test_whoever_comes_back_is_told_what_they_missed(
    connection: Connection, hire: Hire, waits: Waits, play: Play
) -> None:
    somebody, case = hire(), waits()

    async def scene(open_page: Open) -> tuple[str, Event, list[str]]:
        page = open_page(somebody, case.conversation_id)
        await page.names(3)
        await page.body.aclose()  # type: ignore[attr-defined]
        await asyncio.to_thread(say, connection, case.conversation_id, "in between")
        await asyncio.to_thread(waits, "P0", name="Nia")
        again = open_page(somebody, case.conversation_id, page.last)
        first = await again.next()
        return page.last, first, [first[0], *(await again.names(4))]

    place, first, names = play(scene)
    assert place
    assert first[0] == "thread"
    assert names == ["thread", "alert", "alert", "waiting", "here"]


def test_a_place_in_the_stream_never_passes_what_is_still_being_written(
    desk: Desk, hire: Hire, waits: Waits, play: Play
) -> None:
    somebody, case = hire(), waits()

    async def scene(open_page: Open) -> str:
        with desk.parts.database.transaction() as slow:
            say(slow, case.conversation_id, "written first, committed last")
            page = open_page(somebody, case.conversation_id)
            await page.next()
            await page.body.aclose()  # type: ignore[attr-defined]
        return (await open_page(somebody, case.conversation_id, page.last).next())[0]

    assert play(scene) == "thread"


def test_whoever_missed_too_much_gets_all_of_it_anew(
    connection: Connection, hire: Hire, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.desk.live.MISSED", 3)
    somebody, last = hire(), changes.newest(connection)
    for _ in range(3):
        connection.execute("SELECT tell_desk('handoff', NULL, NULL, NULL, 'P3')")

    async def scene(open_page: Open) -> list[str]:
        return await open_page(somebody, 0, last).names(3)

    assert play(scene) == ["here", "thread", "waiting"]


def test_a_session_that_is_revoked_loses_its_stream_however_busy_it_is(
    desk: Desk,
    connection: Connection,
    hire: Hire,
    enter: Enter,
    waits: Waits,
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.web.desk.live.BEAT", 0.3)
    somebody, conversation = hire(), waits().conversation_id
    token = enter(somebody).token

    async def busy() -> None:
        while True:
            await asyncio.to_thread(connection.execute, "SELECT tell_desk('said', %s, 1, NULL, 'P3')", (conversation,))
            await asyncio.sleep(0.05)

    async def scene(open_page: Open) -> tuple[list[str], str]:
        page = open_page(somebody, conversation, token=token)
        await page.names(3)
        noise = asyncio.create_task(busy())
        before = await page.names(8)
        await asyncio.to_thread(sessions.end_all, connection, somebody.id, desk.parts.clock())
        name, _, _ = await page.until("signed-out")
        noise.cancel()
        return before, name

    before, name = play(scene)
    assert set(before) == {"thread"}, "a live session keeps its stream"
    assert name == "signed-out"


def test_people_of_the_same_teams_are_drawn_for_once_a_tick(
    desk: Desk, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits()
    drawn: list[object] = []
    real = waiting_for
    monkeypatch.setattr("bot.web.desk.live.waiting_for", lambda *given: drawn.append(given[2]) or real(*given))  # type: ignore[func-returns-value]
    board = Board(desk)
    now = monotonic()
    first = board.draw(("repairs",), now)
    assert board.draw(("repairs",), now) is first
    board.draw(None, now)
    board.draw(("repairs",), first.at + 1)
    assert drawn == [("repairs",), None, ("repairs",)]


def test_a_conversation_that_one_may_not_read_is_not_watched(
    desk: Desk, connection: Connection, hire: Hire, enter: Enter, waits: Waits
) -> None:
    case, other = waits(queue="repairs"), hire()
    connection.execute("UPDATE staff SET teams = '{income}' WHERE id = %s", (other.id,))
    browser = enter(other).get("/desk/queue")
    assert browser.post("/desk/beat", conversation=str(case.conversation_id)).status == 204
    assert connection.execute("SELECT count(*) FROM looking").fetchone() == (0,)


def test_an_offer_that_lapses_leaves_the_page_it_was_on(
    desk: Desk, hire: Hire, waits: Waits, play: Play, connection: Connection
) -> None:
    somebody = hire()
    service.set_presence(desk.parts, somebody, "available")

    async def scene(open_page: Open) -> list[str]:
        page = open_page(somebody)
        await page.names(3)
        await asyncio.to_thread(waits, "P0", name="Nia")
        await page.until("mine")
        await asyncio.to_thread(_pass_time, desk, connection)
        return [(await page.until("mine"))[0]]

    assert play(scene) == ["mine"]


def _pass_time(desk: Desk, connection: Connection) -> None:
    connection.execute("UPDATE presence SET status = 'offline'")
    desk.parts.clock.now += 61  # type: ignore[attr-defined]
    tending.keep(desk.parts)


def test_reading_the_stream_is_not_using_the_session(connection: Connection, hire: Hire, enter: Enter) -> None:
    browser = enter(hire())
    before = connection.execute("SELECT seen_at FROM sessions").fetchall()
    browser.time.now += 600
    browser.get("/desk/queue/offers")
    assert connection.execute("SELECT seen_at FROM sessions").fetchall() == before
    assert acts(connection) == []
