"""What goes before what: crisis words pass an answer that keeps failing, and tomorrow's broadcast holds nobody up."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.service import converse, deliver
from bot.service.parts import Parts
from bot.store import outbox
from bot.store.database import Connection
from channels.errors import Outcome, Sent
from channels.messages import Inbound
from tests.service.fakes import TENANT, Remembering, Time

Say = Callable[..., Inbound]
DAY = 24 * 3600.0


def work(parts: Parts, pool: ThreadPoolExecutor) -> None:
    converse.drain(parts, urgent_only=False)
    deliver.drain(parts, pool, urgent_only=False)


def test_crisis_words_pass_an_answer_that_waits_for_its_next_try(
    parts: Parts, sms: Remembering, pool: ThreadPoolExecutor, say: Say
) -> None:
    say("how do I pay my rent?")
    converse.drain(parts, urgent_only=False)
    sms.outcomes = [Sent(Outcome.TEMPORARY, retry_after=60.0)]
    deliver.drain(parts, pool, urgent_only=False)
    assert sms.sent == []
    say("dolorous")
    sms.before = lambda part: sms.outcomes.append(Sent(Outcome.TEMPORARY)) if "rent" in part.text.casefold() else None
    converse.drain(parts, urgent_only=True)
    deliver.drain(parts, pool, urgent_only=True)
    assert "Samaritans" in sms.sent[0][1]
    assert "Are you safe" in sms.sent[1][1]
    sms.before = lambda part: None
    assert isinstance(parts.clock, Time)
    parts.clock.now += 120
    work(parts, pool)
    assert len(sms.sent) > 2, "the answer is not lost for it"


def test_crisis_words_stay_behind_what_was_only_just_decided(
    parts: Parts, sms: Remembering, pool: ThreadPoolExecutor, say: Say
) -> None:
    say("hello there")
    say("dolorous")
    work(parts, pool)
    crisis = next(place for place, (_, text) in enumerate(sms.sent) if "Samaritans" in text)
    assert crisis > 0, "the greeting was first, and stays so"


def broadcast(connection: Connection, parts: Parts, due_in: float) -> None:
    connection.execute(
        "INSERT INTO outbox (conversation_id, sender, purpose, text, part, created_at, due_at)"
        " SELECT c.id, 'sms', 'proactive', 'news', jsonb_build_object('channel', 'sms', 'account', c.account,"
        " 'address', c.address, 'params', '{}'::jsonb, 'text', 'news'), to_timestamp(%(now)s), to_timestamp(%(now)s + %(due)s)"
        " FROM conversations c",
        {"now": parts.clock(), "due": due_in},
    )


@pytest.mark.parametrize("text", ["how do I pay my rent?", "dolorous"])
def test_what_is_only_due_tomorrow_holds_up_no_answer(
    parts: Parts, sms: Remembering, pool: ThreadPoolExecutor, say: Say, connection: Connection, text: str
) -> None:
    say("hi")
    work(parts, pool)
    sms.sent.clear()
    broadcast(connection, parts, DAY)
    say(text)
    work(parts, pool)
    assert sms.texts_to(TENANT)
    assert "news" not in sms.texts_to(TENANT)
    row = connection.execute(
        "SELECT urgent, due_at > to_timestamp(%s) FROM outbox WHERE text = 'news'", (parts.clock(),)
    )
    assert row.fetchone() == (False, True), "danger does not bring the broadcast forward"


def test_a_broadcast_that_is_due_is_passed_and_then_held_back(
    parts: Parts, sms: Remembering, pool: ThreadPoolExecutor, say: Say, connection: Connection
) -> None:
    say("hi")
    work(parts, pool)
    sms.sent.clear()
    broadcast(connection, parts, 0.0)
    say("dolorous")
    converse.drain(parts, urgent_only=True)
    deliver.drain(parts, pool, urgent_only=True)
    assert "Samaritans" in sms.sent[0][1]
    work(parts, pool)
    assert "news" not in sms.texts_to(TENANT)


def test_a_claim_does_not_read_through_what_is_due_later(parts: Parts, say: Say, connection: Connection) -> None:
    say("hi")
    converse.drain(parts, urgent_only=False)
    connection.execute(
        "INSERT INTO outbox (conversation_id, sender, purpose, text, part, created_at, due_at)"
        " SELECT 1, 'sms', 'proactive', 'news', '{}', to_timestamp(%(now)s), to_timestamp(%(now)s + 86400 + n)"
        " FROM generate_series(1, 5000) AS n",
        {"now": parts.clock()},
    )
    connection.execute("ANALYZE outbox")
    values = {"senders": ["sms"], "rooms": [32], "now": parts.clock(), "lease": 12.0, "urgent": [True, False]}
    with connection.transaction(force_rollback=True):
        plan = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) {outbox.CLAIM}", values).fetchall()
    read = [int(line.split("Rows Removed by Filter: ")[1]) for (line,) in plan if "Rows Removed by Filter" in line]
    assert sum(read) < 100, "\n".join(line for (line,) in plan)
