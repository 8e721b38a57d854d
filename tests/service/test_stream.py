"""The desk's stream tells everything once, in order, also what was written first and committed last."""

import asyncio
import threading
from collections.abc import Callable

from bot.service import tending
from bot.service.parts import Parts
from bot.service.stream import BACKLOG, Listener, Stream
from bot.store import changes
from bot.store.changes import Change
from bot.store.database import Connection, Database


def tell(connection: Connection, kind: str) -> None:
    connection.execute("SELECT tell_desk(%s, NULL, NULL, NULL, 'P3')", (kind,))


def kinds(found: list[Change]) -> list[str]:
    return [change.kind for change in found]


def test_a_change_that_is_committed_late_is_not_passed_by(database: Database, connection: Connection) -> None:
    cursor = changes.newest(connection)
    with database.transaction() as slow:
        tell(slow, "first")
        tell(connection, "second")
        assert changes.since(connection, cursor) == [], "what is younger than an open transaction waits for it"
    found = changes.since(connection, cursor)
    assert kinds(found) == ["first", "second"]
    assert kinds(changes.since(connection, found[0].cursor)) == ["second"]


def test_a_cursor_that_is_none_begins_at_the_beginning(connection: Connection) -> None:
    tell(connection, "only")
    for cursor in ("", "nonsense", "1-", "-1", "9" * 40 + "-1", "²-1"):
        assert kinds(changes.since(connection, cursor)) == ["only"]


def test_old_changes_are_forgotten(connection: Connection) -> None:
    tell(connection, "old")
    assert changes.forget_old(connection, 4_000_000_000.0) == 1
    assert changes.since(connection, "") == []


def test_everybody_hears_what_is_for_them(parts: Parts, connection: Connection) -> None:
    async def hear() -> tuple[list[str], list[str]]:
        stream = Stream(parts)
        with stream.listener(lambda change: True) as all_, stream.listener(lambda change: change.kind == "b") as some:
            stream.start(asyncio.get_running_loop())
            while not stream._cursor:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(_write, connection)
            heard = [await asyncio.wait_for(all_.queue.get(), 5) for _ in range(3)]
            one = await asyncio.wait_for(some.queue.get(), 5)
            assert stream.listening == 2
        parts.stopping.set()
        stream.join()
        return [change.kind for change in heard if change], [one.kind if one else ""]

    assert asyncio.run(hear()) == (["a", "b", "c"], ["b"])


def _write(connection: Connection) -> None:
    for kind in "abc":
        tell(connection, kind)


def test_somebody_who_does_not_read_is_asked_to_begin_anew() -> None:
    async def fall_behind() -> Change | None:
        listener = Listener(lambda change: True)
        listener.put([Change(f"1-{n}", "said", None, None, None, "P3", 0.0) for n in range(BACKLOG + 1)])
        last: Change | None = listener.queue.get_nowait()
        while not listener.queue.empty():
            last = listener.queue.get_nowait()
        return last

    assert asyncio.run(fall_behind()) is None


def test_a_message_of_a_waiting_tenant_is_told_and_of_nobody_else(
    parts: Parts, connection: Connection, say: Callable[..., object]
) -> None:
    say("hello")
    assert changes.since(connection, "") == []
    connection.execute(
        "INSERT INTO handoffs (conversation_id, queue, level, reason, fields, opened_at)"
        " SELECT id, 'general', 'P1', 'asked', '{}', now() FROM conversations"
    )
    say("are you there")
    assert [(change.kind, change.level) for change in changes.since(connection, "")] == [
        ("handoff", "P1"),
        ("message", "P1"),
    ]


def test_reading_does_not_hold_up_the_process_that_ends(parts: Parts) -> None:
    async def begin() -> Stream:
        stream = Stream(parts)
        stream.start(asyncio.get_running_loop())
        return stream

    stream = asyncio.run(begin())
    parts.stopping.set()
    stream.join()
    assert not [thread for thread in threading.enumerate() if thread.name == "desk-stream"]


def test_once_an_hour_the_sweep_forgets_what_is_a_day_old(parts: Parts, connection: Connection) -> None:
    tell(connection, "old")
    hour = 4_000_000_000.0 - 4_000_000_000.0 % 3600
    for now, left in ((hour + 1800, ["old"]), (hour + 5, [])):
        parts.clock.now = now  # type: ignore[attr-defined]
        tending.forget_changes(parts)
        assert kinds(changes.since(connection, "")) == left
