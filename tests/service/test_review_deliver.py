"""What may go wrong between a provider's answer and its record, and must neither repeat nor hold up what others are told."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bot.service import converse, deliver, receipts, sweep
from bot.service.parts import Parts
from bot.service.retry import LEASE
from bot.store import outbox
from bot.store.database import Connection, Database, DatabaseAway
from channels.errors import Outcome, Sent
from channels.messages import Inbound, Part, Receipt
from tests.service.fakes import TENANT, Remembering, Time

Say = Callable[..., Inbound]
OTHER = "+447700900002"


class Stumbling(Database):
    """PostgreSQL that goes away at each of the given commits, counted from 1 (when `counting`)."""

    counting = False
    failing: frozenset[int] = frozenset()
    count = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
            if self.counting:
                self.count += 1
                if self.count in self.failing:
                    raise DatabaseAway("as if")


@pytest.fixture
def stumbling(database_url: str) -> Iterator[Stumbling]:
    database = Stumbling(database_url, size=8)
    database.open()
    yield database
    database.close()


def states(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT state FROM outbox ORDER BY id").fetchall()]


@pytest.mark.parametrize("failing", [{2}, {2, 3, 4}, {3}])
def test_what_was_sent_while_postgresql_went_away_is_recorded_when_it_is_back(
    parts: Parts,
    stumbling: Stumbling,
    sms: Remembering,
    say: Say,
    pool: ThreadPoolExecutor,
    connection: Connection,
    failing: set[int],
) -> None:
    """Without a record a Telegram part would be sent again, though we were told that it had arrived."""
    say("menu")
    say("menu", address=OTHER)
    converse.drain(parts, urgent_only=False)
    connection.execute(
        "DELETE FROM outbox o USING outbox e WHERE e.conversation_id = o.conversation_id AND e.id < o.id"
    )
    stumbling.counting, stumbling.failing = True, frozenset(failing)
    sms.before = lambda part: time.sleep(0.2 if part.address == OTHER else 0)
    with pytest.raises(DatabaseAway):
        deliver.drain(replace(parts, database=stumbling), pool, urgent_only=False)
    assert states(connection) == ["sent", "sent"]
    assert len(sms.sent) == 2


def test_a_part_known_to_be_sent_is_not_sent_again_after_a_take_over(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    say("menu")
    converse.drain(parts, urgent_only=False)
    with parts.database.transaction() as claiming:
        (row,) = outbox.claim(claiming, {"sms": 1}, now=parts.clock(), lease=LEASE, urgent_only=False)
    assert isinstance(parts.clock, Time)
    parts.clock.now += LEASE + 1
    assert sweep.take_over(parts) == 1
    late = outbox.Result(row.id, row.claim, "sent", "accepted", None, False, parts.clock(), "SM1")
    assert outbox.record(connection, [late], parts.clock()) == [row.id]
    assert states(connection)[0] == "sent"


def test_one_part_that_a_channel_fails_on_takes_no_other_down(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    def fail(part: Part) -> None:
        if part.address == OTHER:
            raise RuntimeError("a defect")

    sms.before = fail
    say("menu", address=OTHER)
    say("menu", provider_id="M2")
    converse.drain(parts, urgent_only=False)
    connection.execute("UPDATE outbox SET part = '[]' WHERE id = (SELECT min(id) FROM outbox)")
    deliver.drain(parts, pool, urgent_only=False)
    rows = connection.execute(
        "SELECT c.address, o.state, o.code FROM outbox o JOIN conversations c ON c.id = o.conversation_id ORDER BY o.id"
    ).fetchall()
    assert {state for address, state, _ in rows if address == TENANT} == {"sent"}
    of_other = [(state, code) for address, state, code in rows if address == OTHER]
    assert of_other[0] == ("failed", "part_unreadable")
    assert of_other[1:2] in ([("queued", "defect")], [])


def test_crisis_words_do_not_wait_for_an_earlier_answers_next_try(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    sms.outcomes = [Sent(Outcome.THROTTLED, code="429", retry_after=300)]
    say("menu")
    converse.drain(parts, urgent_only=False)
    deliver.drain(parts, pool, urgent_only=False)
    assert sms.sent == []
    say("dolorous")
    converse.drain(parts, urgent_only=True)
    deliver.drain(parts, pool, urgent_only=True)
    assert set(states(connection)) == {"sent"}


@pytest.mark.parametrize("by", ["answer", "report"])
def test_a_failed_send_and_a_crisis_answer_to_the_same_tenant_do_not_wait_for_each_other_for_ever(
    parts: Parts, sms: Remembering, say: Say, connection: Connection, by: str
) -> None:
    """The engine's worker holds the conversation and wants its rows; a failure must not hold the rows and want it."""
    say("menu")
    converse.drain(parts, urgent_only=False)
    with parts.database.transaction() as claiming:
        (row,) = outbox.claim(claiming, {"sms": 1}, now=parts.clock(), lease=LEASE, urgent_only=False)
    failed = threading.Event()

    def fail() -> None:
        if by == "answer":
            with parts.database.transaction() as settling:
                deliver.settle(settling, [(row, Sent(Outcome.UNREACHABLE, code="x"))], parts, parts.clock())
        else:
            report = receipts.Report(row.id, Receipt("SM1", "failed", outcome=Outcome.UNREACHABLE), parts.clock())
            receipts.follow(parts, [report])
        failed.set()

    with parts.database.transaction() as engine:
        engine.execute("SET LOCAL deadlock_timeout = '100ms'")
        engine.execute("SELECT FROM conversations FOR NO KEY UPDATE")
        thread = threading.Thread(target=fail)
        thread.start()
        time.sleep(0.3)
        engine.execute("UPDATE outbox SET urgent = true WHERE id = %s", (row.id,))
    thread.join(10)
    assert failed.is_set()
    assert connection.execute("SELECT reachable FROM conversations").fetchone() == (False,)


def test_a_start_is_not_undone_by_what_was_held_back_before_it(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    say("menu")
    converse.drain(parts, urgent_only=False)
    connection.execute("UPDATE outbox SET purpose = 'proactive'")
    connection.execute("UPDATE conversations SET stopped_at = now()")
    with parts.database.transaction() as claiming:
        (row,) = outbox.claim(claiming, {"sms": 1}, now=parts.clock(), lease=LEASE, urgent_only=False)
    say("START", consent="start", provider_id="START1")
    sent = deliver.attempt(sms, row, parts.clock)
    with parts.database.transaction() as settling:
        assert not deliver.settle(settling, [(row, sent)], parts, parts.clock())
    assert connection.execute("SELECT stopped_at FROM conversations").fetchone() == (None,)
    assert sms.sent == []
