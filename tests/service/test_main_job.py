"""From an arrival to a call of the provider, on real PostgreSQL."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bot.queues import QueueName
from bot.service import converse, deliver, receipts, receive, sweep
from bot.service.parts import Parts
from bot.service.receive import Kept
from bot.service.retry import LEASE, MAX_AGE
from bot.service.status import overview
from bot.store import outbox
from bot.store.database import Connection
from channels.errors import Outcome, Sent
from channels.messages import Inbound, Media, Receipt
from tests.service.fakes import OURS, TENANT, LookingUp, Remembering, Time

Say = Callable[..., Inbound]


def work(parts: Parts, pool: ThreadPoolExecutor) -> None:
    converse.drain(parts, urgent_only=False)
    deliver.drain(parts, pool, urgent_only=False)


def clock_of(parts: Parts) -> Time:
    assert isinstance(parts.clock, Time)
    return parts.clock


def states(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT state FROM outbox ORDER BY id").fetchall()]


def test_twenty_copies_of_a_webhook_give_one_row_and_one_answer(
    parts: Parts, sms: Remembering, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    inbound = Inbound(channel="sms", account=OURS, address=TENANT, provider_id="SM1", text="how do I pay my rent?")
    start = threading.Barrier(20)

    def deliver_copy() -> Kept:
        start.wait()
        return receive.receive(parts, inbound, parts.clock())

    with ThreadPoolExecutor(20) as copies:
        kept = Counter(future.result() for future in [copies.submit(deliver_copy) for _ in range(20)])
    assert kept == {Kept.STORED: 1, Kept.REPEATED: 19}
    assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM conversations").fetchone() == (1,)
    work(parts, pool)
    answered = list(sms.sent)
    work(parts, pool)
    assert sms.sent == answered
    assert len(set(answered)) == len(answered)


def test_workers_racing_for_the_same_tenants_answer_each_message_once_and_in_order(
    parts: Parts, sms: Remembering, say: Say, connection: Connection
) -> None:
    tenants = [f"+4477009001{n:02d}" for n in range(30)]
    stop = threading.Event()

    def worker() -> None:
        with ThreadPoolExecutor(8) as own:
            while not stop.is_set():
                work(parts, own)
                time.sleep(0.001)

    threads = [threading.Thread(target=worker) for _ in range(5)]
    for thread in threads:
        thread.start()
    for burst in range(8):
        for tenant in tenants:
            for n in range(5):
                say("how do I pay my rent?", address=tenant, provider_id=f"SM{tenant}-{burst * 5 + n}")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and connection.execute(
        "SELECT EXISTS (SELECT FROM inbox WHERE processed_at IS NULL) OR EXISTS (SELECT FROM outbox WHERE state <> 'sent')"
    ).fetchone() == (True,):
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    for tenant in tenants:
        rows = connection.execute(
            "SELECT o.text FROM outbox o JOIN conversations c ON c.id = o.conversation_id"
            " WHERE c.address = %s ORDER BY o.inbox_id, o.position",
            (tenant,),
        ).fetchall()
        assert sms.texts_to(tenant) == [row[0] for row in rows]
    assert connection.execute(
        "SELECT count(*), count(DISTINCT inbox_id) FROM outbox WHERE state = 'sent'"
    ).fetchone() == (
        len(sms.sent),
        1200,
    )


def test_a_message_that_comes_while_its_conversation_is_locked_is_not_stranded(
    parts: Parts, say: Say, connection: Connection
) -> None:
    say("hello")
    other = parts.database
    with other.transaction() as holding:
        holding.execute("SELECT FROM conversations FOR NO KEY UPDATE")
        say("second")
        assert converse.converse(parts) == 0
    assert converse.drain(parts, urgent_only=False) == 2


def test_telegrams_own_order_counts_whatever_order_webhooks_arrive_in(
    parts: Parts, say: Say, connection: Connection
) -> None:
    for sequence in (12, 11, 13):
        say(f"message {sequence}", sequence=sequence, provider_id=f"u{sequence}")
    converse.drain(parts, urgent_only=False)
    order = connection.execute(
        "SELECT i.sequence FROM outbox o JOIN inbox i ON i.id = o.inbox_id GROUP BY i.sequence ORDER BY min(o.id)"
    ).fetchall()
    assert [row[0] for row in order] == [11, 12, 13]


def test_an_urgent_message_rings_the_urgent_queue_and_takes_its_conversations_waiting_words_along(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection, rung: list[QueueName]
) -> None:
    say("how do I pay my rent?", address="+447700900002", provider_id="A1")
    say("how do I pay my rent?", provider_id="B1")
    converse.drain(parts, urgent_only=False)
    say("dolorous", provider_id="B2")
    assert converse.drain(parts, urgent_only=True) == 1
    deliver.drain(parts, pool, urgent_only=True)
    assert sms.texts_to("+447700900002") == []
    assert sms.texts_to(TENANT) == [
        row[0]
        for row in connection.execute(
            "SELECT o.text FROM outbox o JOIN conversations c ON c.id = o.conversation_id WHERE c.address = %s ORDER BY o.id",
            (TENANT,),
        ).fetchall()
    ]
    assert connection.execute("SELECT level FROM handoffs ORDER BY level LIMIT 1").fetchone() == ("P1",)
    parts.bell.close()
    assert "urgent" in rung


def test_a_split_sentence_is_read_together(parts: Parts, say: Say, connection: Connection) -> None:
    joined = replace(parts, screen=lambda messages: parts.screen(["".join(messages)]))
    for number, text in enumerate(("dolo", "rous")):
        receive.receive(
            joined,
            Inbound(channel="sms", account=OURS, address=TENANT, provider_id=f"J{number}", text=text),
            parts.clock(),
        )
        converse.drain(joined, urgent_only=False)
    assert connection.execute("SELECT level FROM conversations").fetchone() == ("P1",)


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.TEMPORARY, Outcome.MISCONFIGURED])
def test_what_was_not_processed_is_tried_again_and_later_words_wait_their_turn(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection, outcome: Outcome
) -> None:
    sms.outcomes = [Sent(outcome, code="x", retry_after=5)]
    say("hello")
    work(parts, pool)
    assert sms.sent == []
    clock_of(parts).now += 61
    deliver.drain(parts, pool, urgent_only=False)
    assert sms.texts_to(TENANT) == [
        row[0] for row in connection.execute("SELECT text FROM outbox ORDER BY id").fetchall()
    ]
    assert set(states(connection)) == {"sent"}


def test_what_is_too_old_to_say_fails_and_is_visible(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    say("hello")
    converse.drain(parts, urgent_only=False)
    sms.outcomes = [Sent(Outcome.TEMPORARY, code="503")] * 10
    clock_of(parts).now += MAX_AGE["reply"] + 1
    deliver.drain(parts, pool, urgent_only=False)
    assert set(states(connection)) == {"failed"}
    assert overview(parts).failures[0][:2] == ("temporary", "503")


def test_an_opt_out_that_the_carrier_knows_of_is_recorded(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    sms.outcomes = [Sent(Outcome.OPTED_OUT, code="21610")] * 5
    say("hello")
    work(parts, pool)
    assert connection.execute("SELECT stopped_at IS NOT NULL FROM conversations").fetchone() == (True,)
    assert connection.execute("SELECT word, origin FROM consents").fetchall() == [("stop", "provider")]


@pytest.mark.parametrize(("found", "sends"), [("SMfound", 0), (None, 1)], ids=["it had arrived", "it had not"])
def test_an_answer_of_unknown_fate_is_looked_up_before_it_is_repeated(
    parts: Parts, say: Say, pool: ThreadPoolExecutor, connection: Connection, found: str | None, sends: int
) -> None:
    channel = LookingUp()
    channel.outcomes, channel.found = [Sent(Outcome.UNKNOWN, code="timeout")], found
    asking = replace(parts, channels={"sms": channel})
    say("menu")
    converse.drain(asking, urgent_only=False)
    connection.execute("DELETE FROM outbox WHERE id > (SELECT min(id) FROM outbox)")
    deliver.drain(asking, pool, urgent_only=False)
    clock_of(parts).now += 2
    deliver.drain(asking, pool, urgent_only=False)
    assert channel.asked == 1
    assert len(channel.sent) == sends
    assert states(connection) == ["sent"]


def test_crisis_words_of_unknown_fate_are_said_again_without_asking(
    parts: Parts, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    channel = LookingUp()
    channel.outcomes = [Sent(Outcome.UNKNOWN, code="timeout")]
    asking = replace(parts, channels={"sms": channel})
    say("dolorous")
    converse.drain(asking, urgent_only=True)
    deliver.drain(asking, pool, urgent_only=True)
    assert channel.asked == 0
    assert set(states(connection)) == {"sent"}


def test_a_vanished_senders_row_is_taken_over_after_its_lease_and_its_late_word_does_not_count(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    say("menu")
    converse.drain(parts, urgent_only=False)
    with parts.database.transaction() as claiming:
        claimed = outbox.claim(claiming, {"sms": 1}, now=parts.clock(), lease=LEASE, urgent_only=False)
    assert sweep.take_over(parts) == 0
    clock_of(parts).now += LEASE + 1
    assert sweep.take_over(parts) == 1
    late = outbox.Result(claimed[0].id, claimed[0].claim, "failed", "rejected", None, False, 0.0, None)
    assert outbox.record(connection, [late], parts.clock()) == []
    clock_of(parts).now += 2
    deliver.drain(parts, pool, urgent_only=False)
    assert set(states(connection)) == {"sent"}


def test_a_report_that_overtakes_our_own_record_proves_that_the_part_arrived(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    say("menu")
    converse.drain(parts, urgent_only=False)
    connection.execute("DELETE FROM outbox WHERE id > (SELECT min(id) FROM outbox)")
    with parts.database.transaction() as claiming:
        (claimed,) = outbox.claim(claiming, {"sms": 1}, now=parts.clock(), lease=LEASE, urgent_only=False)
    receipts.follow(parts, [receipts.Report(claimed.id, Receipt("SM9", "delivered"), parts.clock())])
    clock_of(parts).now += LEASE + 1
    sweep.take_over(parts)
    deliver.drain(parts, pool, urgent_only=False)
    assert sms.sent == []
    assert connection.execute("SELECT state, delivery, provider_id FROM outbox").fetchall() == [
        ("sent", "delivered", "SM9")
    ]


ORDERS = [
    (["sent", "delivered", "read"], "read"),
    (["delivered", "sent"], "delivered"),
    (["read", "delivered", "sent", "queued"], "read"),
    (["sent", "failed", "delivered"], "failed"),
    (["undelivered", "sent", "read"], "undelivered"),
    (["delivered", "failed"], "delivered"),
    (["sent", "sent"], "sent"),
]


@pytest.mark.parametrize(("statuses", "last"), ORDERS)
def test_a_delivery_only_moves_forward(
    parts: Parts, say: Say, pool: ThreadPoolExecutor, connection: Connection, statuses: list[str], last: str
) -> None:
    say("menu")
    work(parts, pool)
    (first,) = connection.execute("SELECT min(id) FROM outbox").fetchone() or (0,)
    for status in statuses:
        receipts.follow(parts, [receipts.Report(first, Receipt("SM1", status), parts.clock())])  # type: ignore[arg-type]  # from the table
    assert connection.execute("SELECT delivery FROM outbox WHERE id = %s", (first,)).fetchone() == (last,)


def test_a_correction_changes_the_stored_words_and_is_read_again(
    parts: Parts, say: Say, connection: Connection
) -> None:
    say("fine", provider_id="m1")
    converse.drain(parts, urgent_only=False)
    say("dolorous", provider_id="m1-e", kind="edit", edits="m1")
    assert connection.execute("SELECT text, edited_at IS NOT NULL FROM inbox WHERE provider_id = 'm1'").fetchone() == (
        "dolorous",
        True,
    )
    converse.drain(parts, urgent_only=True)
    assert connection.execute("SELECT level FROM conversations").fetchone() == ("P1",)


def test_stop_counts_from_receipt_and_only_for_what_we_start(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    say("hello")
    work(parts, pool)
    say("STOP", consent="stop", provider_replied=True)
    assert connection.execute("SELECT stopped_at IS NOT NULL FROM conversations").fetchone() == (True,)
    before = len(sms.sent)
    work(parts, pool)
    assert len(sms.sent) == before
    connection.execute(
        "INSERT INTO outbox (conversation_id, sender, purpose, text, part, created_at, due_at)"
        " SELECT conversation_id, sender, 'proactive', text, part, created_at, due_at FROM outbox ORDER BY id LIMIT 1"
    )
    deliver.drain(parts, pool, urgent_only=False)
    assert len(sms.sent) == before
    say("how do I pay my rent?")
    work(parts, pool)
    assert len(sms.sent) > before
    assert connection.execute("SELECT stopped_at IS NOT NULL FROM conversations").fetchone() == (True,)
    say("START", consent="start")
    work(parts, pool)
    assert connection.execute("SELECT stopped_at FROM conversations").fetchone() == (None,)
    assert connection.execute("SELECT word FROM consents ORDER BY id").fetchall() == [("stop",), ("start",)]


def test_one_senders_stop_is_not_anothers(parts: Parts, say: Say, connection: Connection) -> None:
    say("STOP", consent="stop", account="+447700900901")
    say("hello")
    rows = connection.execute("SELECT account, stopped_at IS NOT NULL FROM conversations ORDER BY account").fetchall()
    assert rows == [(OURS, False), ("+447700900901", True)]


def test_files_are_listed_for_fetching(parts: Parts, say: Say, connection: Connection, rung: list[QueueName]) -> None:
    say("", media=(Media("ref-1", "image/jpeg", "picture"), Media("ref-2", "audio/ogg", "voice")))
    assert connection.execute("SELECT ref, kind FROM media ORDER BY position").fetchall() == [
        ("ref-1", "picture"),
        ("ref-2", "voice"),
    ]
    parts.bell.close()
    assert "media" in rung


def test_the_sweep_finds_what_was_never_rung_for(parts: Parts, say: Say) -> None:
    say("hello")
    assert sweep.sweep(parts) == []
    clock_of(parts).now += 2
    assert sweep.sweep(parts) == ["talk"]
    converse.drain(parts, urgent_only=False)
    clock_of(parts).now += 2
    assert sweep.sweep(parts) == ["send"]


def test_a_timer_fires_once_even_with_two_clocks(parts: Parts, say: Say, connection: Connection) -> None:
    say("hello")
    converse.drain(parts, urgent_only=False)
    connection.execute("DELETE FROM timers")
    connection.execute(
        "INSERT INTO timers SELECT id, 'reminder', 1, to_timestamp(%s) FROM conversations", (parts.clock() - 1,)
    )
    with ThreadPoolExecutor(2) as clocks:
        assert sum(clocks.map(lambda _: sweep.fire_timers(parts), range(2))) == 1
    assert connection.execute("SELECT count(*) FROM inbox WHERE kind = 'timer'").fetchone() == (1,)


def test_a_defect_in_the_engine_costs_nobody_their_message(
    parts: Parts, sms: Remembering, say: Say, pool: ThreadPoolExecutor, connection: Connection
) -> None:
    say("hello")
    converse.drain(parts, urgent_only=False)
    connection.execute("UPDATE conversations SET state = %s", ('{"version": 1, "stack": "broken"}',))
    say("how do I pay my rent?")
    assert converse.drain(parts, urgent_only=False) == 1
    assert connection.execute("SELECT count(*) FROM inbox WHERE processed_at IS NULL").fetchone() == (0,)


def test_the_whatsapp_window_is_told_to_the_channel(parts: Parts, say: Say, pool: ThreadPoolExecutor) -> None:
    channel = Remembering("whatsapp")
    asking = replace(parts, channels={"whatsapp": channel})
    say("hello", channel="whatsapp", address=f"whatsapp:{TENANT}", account=f"whatsapp:{OURS}")
    work(asking, pool)
    assert channel.contexts[0].window_closes_at == parts.clock() + 24 * 3600
