"""What may go wrong between a webhook and its commit, and must not cost anybody a message."""

import asyncio
import resource
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bot.nlu.understanding import Signal
from bot.queues import Bell, QueueName
from bot.service import receive, upkeep
from bot.service.parts import Parts
from bot.service.receive import Arrival, Kept
from bot.service.spool import Spool, SpooledInbound, SpoolUnwritable
from bot.service.together import Together
from bot.store.database import Connection, DatabaseAway, ValuesRefused
from channels.messages import Inbound
from tests.service.fakes import OURS, TENANT


def said(text: str, number: int, **more: str) -> Inbound:
    values = {"channel": "sms", "account": OURS, "address": TENANT, "provider_id": f"SM{number}", **more}
    return Inbound(text=text, **values)  # type: ignore[arg-type]  # a test's own words


def poison(number: int) -> Inbound:
    """What PostgreSQL cannot hold, should a channel ever let it through."""
    return said("hello", number, profile_name="a\x00b", address="+447700900666")


def test_whoever_stops_waiting_does_not_end_the_writer() -> None:
    begun, go_on = threading.Event(), threading.Event()
    written = list[int]()

    def write(numbers: Sequence[int]) -> list[int]:
        begun.set()
        assert go_on.wait(5)
        written.extend(numbers)
        return list(numbers)

    together = Together[int, int](write, most=1)

    async def impatient(number: int) -> None:
        await asyncio.wait_for(asyncio.wrap_future(together.ask(number)), 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient(1))
    assert begun.wait(5)
    waiting = together.ask(2)
    assert waiting.cancel()
    go_on.set()
    assert together.ask(3).result(5) == 3
    with pytest.raises(CancelledError):
        waiting.result(5)
    assert written == [1, 3]
    together.close()


def test_values_that_postgresql_refuses_are_told_from_a_server_that_is_away(parts: Parts) -> None:
    with pytest.raises(ValuesRefused) as refused:
        receive.store(parts, [Arrival(poison(1), parts.clock())])
    assert "hello" not in str(refused.value)
    assert "+4477" not in str(refused.value)


def test_one_bad_arrival_takes_no_other_of_its_batch_along(parts: Parts, connection: Connection) -> None:
    arrivals = [Arrival(said("one", 1), parts.clock()), Arrival(poison(2), parts.clock())]
    arrivals.append(Arrival(said("three", 3), parts.clock()))
    with pytest.raises(ValuesRefused):
        receive.store(parts, arrivals)
    assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    assert receive.store(parts, [arrivals[0]]) == [Kept.STORED]


def test_what_postgresql_refuses_blocks_nothing_behind_it_and_is_kept_for_a_person(
    parts: Parts, connection: Connection
) -> None:
    assert receive.receive(parts, poison(1), 1.0) is Kept.SPOOLED
    assert receive.receive(parts, said("after it", 2), 2.0) is Kept.SPOOLED
    assert receive.replay(parts) == 1
    assert connection.execute("SELECT text FROM inbox").fetchall() == [("after it",)]
    assert parts.spool.set_aside() == 1
    assert not parts.spool.holds_any()


def test_replaying_goes_on_after_any_failure(parts: Parts, connection: Connection) -> None:
    class Failing(Bell):
        def ring(self, *queues: QueueName) -> None:
            if error := next(tries, None):
                raise error

    tries = iter([RuntimeError("a defect"), DatabaseAway("away")])
    parts.spool.put(SpooledInbound(said("hello", 1), 1.0), 1.0)
    looks = iter([False, False, False, True])
    failing = replace(parts, bell=Failing(lambda queue: None))
    failing.stopping.wait = lambda timeout=None: next(looks)  # type: ignore[method-assign]  # three looks at once
    upkeep.keep_doing(failing, "replay", receive.replay_all, 1.0)
    assert next(tries, None) is None
    assert not parts.spool.holds_any()
    assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (1,)


def test_a_steady_stream_does_not_keep_the_line_on_its_spool(parts: Parts, connection: Connection) -> None:
    """While anything is on disk all that is new goes there too, so a look must go on until nothing is left."""
    more = iter(range(1, 6))

    def screen(messages: Sequence[str]) -> Signal:
        if (number := next(more, None)) is not None:
            assert receive.receive(parts, said("more", number), float(number)) is Kept.SPOOLED
        return Signal()

    parts.spool.put(SpooledInbound(said("hello", 0), 0.0), 0.0)
    busy = replace(parts, screen=screen)
    looks = iter([False, True])
    busy.stopping.wait = lambda timeout=None: next(looks)  # type: ignore[method-assign]  # one look, and then the end
    upkeep.keep_doing(busy, "replay", receive.replay_all, 1.0)
    assert not parts.spool.holds_any()
    assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (6,)


def test_a_full_disk_keeps_a_message_whole_or_says_so(tmp_path: Path) -> None:
    """A write to a nearly full disk may take fewer bytes than it was given, without an error."""
    spool = Spool(tmp_path / "spool")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
    try:
        with pytest.raises(SpoolUnwritable):
            spool.put(SpooledInbound(said("all of it", 1), 1.0), 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_reader_that_fails_loses_no_message(parts: Parts, connection: Connection) -> None:
    def screen(messages: Sequence[str]) -> Signal:
        raise RecursionError

    assert receive.receive(replace(parts, screen=screen), said("hello", 1), 1.0) is Kept.STORED
    assert connection.execute("SELECT signal->>'level' FROM inbox").fetchone() == ("P2",)


def test_webs_that_store_the_same_new_tenants_in_different_orders_do_not_wait_for_each_other_for_ever(
    parts: Parts, connection: Connection
) -> None:
    tenants = [f"+44770090{n:04d}" for n in range(64)]

    def batch(web: int) -> list[Arrival]:
        order = tenants if web % 2 else tenants[::-1]
        return [
            Arrival(said("hi", 0, address=to, provider_id=f"SM{web}-{to}-{round_}"), parts.clock())
            for to in order
            for round_ in range(1)
        ]

    for _ in range(5):
        connection.execute("DELETE FROM inbox")
        connection.execute("DELETE FROM conversations")
        with ThreadPoolExecutor(4) as webs:
            kept = list(webs.map(lambda web: receive.store(parts, batch(web)), range(4)))
        assert {one for many in kept for one in many} == {Kept.STORED}
