"""A ladder of pages does not stop: neither by what one person's means are, nor by what becomes of the handoff."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.nlu.understanding import Signal
from bot.service import converse, desk, page_hooks, paging, sweep
from bot.service.pager import Pager, Posted
from bot.service.parts import Parts
from bot.store import presence, staff
from bot.store.database import Connection
from bot.store.staff import Profile, Role, Staff
from channels.errors import Outcome
from channels.messages import Inbound, Outbound, Part
from tests.service.fakes import OURS, TENANT, Time
from tests.service.test_paging import ASH, HOOK, KIM, MINUTE, NIGHT, SAM, Choosy, World, keep, person, screen

Say = Callable[..., Inbound]
BROKEN = "+447700900199"


class Particular(Choosy):
    """A channel that fails on one address."""

    def render(self, outbound: Outbound) -> tuple[Part, ...]:
        if outbound.address == BROKEN:
            raise ValueError("no such address")
        return super().render(outbound)


@pytest.fixture(autouse=True)
def quietly() -> Iterator[None]:
    """Logs are kept and not drawn: structlog's own default draws every local of a failure, which takes seconds."""
    with capture_logs():
        yield


@pytest.fixture
def sms() -> Choosy:
    return Particular()


@pytest.fixture
def parts(parts: Parts, sms: Choosy) -> Parts:
    return replace(parts, screen=screen, channels={"sms": sms}, pager=Pager({"sms": OURS}, "https://line.example"))


@pytest.fixture
def world(parts: Parts, pool: ThreadPoolExecutor, connection: Connection) -> World:
    keep(connection, [person("Sam", sms=SAM), person("Ash", sms=ASH), person("Kim", sms=KIM, supervisor=True)])
    return World(parts, pool)


@pytest.fixture
def advisor(connection: Connection) -> Staff:
    made = staff.add(connection, Profile("a@example.org", "Ada", (Role.ADVISOR,), (), ()), NIGHT)
    assert made
    found = staff.find(connection, made)
    assert found
    return found


def handoff(connection: Connection) -> int:
    row = connection.execute("SELECT max(id) FROM handoffs").fetchone()
    assert row is not None
    return int(row[0])


def pass_time(world: World, seconds: float) -> None:
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now += seconds


def test_whom_no_channel_that_is_on_can_reach_holds_up_nobody(world: World, say: Say, connection: Connection) -> None:
    keep(connection, [person("Sam", telegram="70000001"), person("Ash", sms=ASH)])
    say("ultimate")
    world.work()
    assert world.paged() == [ASH]
    assert not any("could not reach" in text for text in world.heard())


def test_an_address_that_breaks_costs_the_next_person_nothing_and_the_tenant_no_words(
    world: World, say: Say, connection: Connection
) -> None:
    keep(connection, [person("Sam", sms=BROKEN), person("Ash", sms=ASH)])
    say("ultimate")
    world.work()
    assert world.paged() == [ASH]
    assert any("Call 999" in text for text in world.heard())


def test_what_an_advisor_who_has_gone_held_is_paged_again_and_its_tenant_hears_the_truth(
    world: World, say: Say, advisor: Staff, connection: Connection
) -> None:
    say("ultimate")
    world.work()
    presence.set_status(connection, advisor.id, "available", world.parts.clock())
    assert isinstance(desk.claim(world.parts, advisor, handoff(connection)), desk.Done)
    world.later(MINUTE)
    world.heard(), world.paged()
    world.later(world.parts.abandoned_after + 1)
    world.later(1)
    assert world.paged() == [SAM]
    world.later(6 * MINUTE)
    assert any("Nobody from our team" in text for text in world.heard())


def test_what_is_passed_on_and_not_taken_is_paged(
    world: World, say: Say, advisor: Staff, connection: Connection
) -> None:
    say("ultimate")
    world.work()
    desk.claim(world.parts, advisor, handoff(connection))
    world.work()
    world.paged()
    pass_time(world, 5)
    assert isinstance(desk.transfer(world.parts, advisor, handoff(connection), team="safeguarding"), desk.Done)
    world.later(desk.PASSED_ON - 1)
    assert world.paged() == []
    world.later(2)
    assert world.paged() == [SAM]


def test_what_rises_under_an_advisors_hand_is_paged_until_somebody_answers(
    world: World, say: Say, advisor: Staff, connection: Connection
) -> None:
    say("dolorous")
    world.work()
    desk.claim(world.parts, advisor, handoff(connection))
    pass_time(world, 5)
    say("ultimate")
    world.work()
    assert world.paged() == [SAM]
    world.later(5 * MINUTE)
    assert world.paged() == [SAM], "the claim was of something else"
    seen = connection.execute("SELECT max(id) FROM inbox").fetchone()
    assert seen is not None
    assert isinstance(
        desk.reply(world.parts, advisor, handoff(connection), desk.Reply("I am here.", "form-1", seen[0])), desk.Done
    )
    world.later(30 * MINUTE)
    assert world.paged() == []


def test_danger_right_after_a_person_lowered_the_level_is_paged_anew(
    world: World, say: Say, advisor: Staff, connection: Connection
) -> None:
    say("ultimate")
    world.work()
    desk.claim(world.parts, advisor, handoff(connection))
    desk.set_level(world.parts, advisor, handoff(connection), "P2")
    converse.drain(world.parts, urgent_only=False)
    world.work()
    world.paged()
    say("ultimate")
    world.work()
    assert world.paged() == [SAM]


def test_a_page_about_less_stands_in_nobodys_way(world: World, say: Say, sms: Choosy, connection: Connection) -> None:
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now = NIGHT
    sms.refuses = {SAM: Outcome.TEMPORARY}
    say("dolorous")
    world.work()
    pass_time(world, 5)
    say("ultimate")
    world.work()
    assert connection.execute("SELECT count(*) FROM pages WHERE text LIKE '%%: P0,%%'").fetchone() == (1,)
    sms.refuses = {}
    first = connection.execute("SELECT alarm_id, outbox_id FROM pages ORDER BY id LIMIT 1").fetchone()
    assert first is not None
    world.heard()
    with connection.transaction():
        paging.followed(connection, world.parts, [(first[1], True, None)], world.parts.clock())
    assert connection.execute("SELECT told_at FROM alarms").fetchone() == (None,), "it told of P1 only"


def test_two_messages_at_once_are_paged_for_as_the_worse(world: World, say: Say, connection: Connection) -> None:
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now = NIGHT
    say("dolorous")
    say("ultimate")
    world.work()
    page = next(text for to, text in world.sms.sent if to == SAM)
    assert ": P0, overdose." in page


def test_one_kind_of_work_that_fails_does_not_stop_the_ladder(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    world.paged()
    connection.execute("INSERT INTO timers SELECT conversation_id, 'x', 1, to_timestamp(0) FROM alarms")
    pass_time(world, 5 * MINUTE)
    broken = replace(world.parts, bell=Breaking())  # type: ignore[arg-type]  # fails as a defect would
    sweep.sweep(broken)
    assert connection.execute("SELECT count(*) FROM pages").fetchone() == (2,)


class Breaking:
    """A bell that breaks whatever rings it for timers."""

    def ring(self, *queues: str) -> None:
        if "talk" in queues:
            raise RuntimeError("a defect")


def test_a_webhook_that_breaks_does_not_hold_up_the_others(
    world: World, say: Say, connection: Connection, parts: Parts
) -> None:
    posted: list[str] = []

    def post(url: str, body: bytes) -> Posted:
        if "broken" in url:
            raise UnicodeError("label too long")
        posted.append(url)
        return Posted("accepted", "202")

    world.parts = replace(parts, pager=Pager({"sms": OURS}, "https://line.example", post))
    keep(connection, [person("Sam", webhook="https://broken.example"), person("Ash", webhook=HOOK)])
    say("ultimate")
    converse.drain(world.parts, urgent_only=False)
    page_hooks.post_due(world.parts)
    world.later(1)
    assert posted == [HOOK]


def test_an_answer_and_the_next_page_do_not_wait_for_each_other(
    world: World, say: Say, connection: Connection, parts: Parts
) -> None:
    """The worker of Sam's conversation holds it, and wants the alarm; the clock holds the alarm, and pages Sam."""
    say("ultimate")
    world.work()
    pass_time(world, 5 * MINUTE)
    alarm = connection.execute("SELECT id, conversation_id FROM alarms").fetchone()
    assert alarm is not None
    with parts.database.transaction() as worker:
        worker.execute("SELECT FROM conversations WHERE address = %s FOR NO KEY UPDATE", (SAM,))
        with ThreadPoolExecutor(1) as clock:
            assert clock.submit(paging.climb_due, world.parts).result(timeout=5) == 1
        assert paging.acknowledge_alarm(worker, alarm[0], alarm[1], "Sam", parts.clock())


def test_a_row_that_nobody_can_read_stops_no_one_elses_answer(world: World, say: Say, connection: Connection) -> None:
    say("pack")
    connection.execute("""UPDATE inbox SET payload = '{"text": "ack", "channel": 7}'""")
    say("ultimate", address="+447700900002")
    world.work()
    assert any("Call 999" in text for text in world.sms.texts_to("+447700900002"))


def test_nothing_is_sent_of_our_own_accord_in_another_conversation_of_somebody_in_danger(
    world: World, say: Say, connection: Connection
) -> None:
    other = "+447700900003"
    say("hello", address=other)
    say("ultimate")
    world.work()
    world.sms.sent.clear()
    connection.execute("INSERT INTO people (name, created_at) VALUES ('Doris', now())")
    connection.execute(
        "UPDATE conversations SET person_id = (SELECT max(id) FROM people) WHERE address = ANY(%s)", ([other, TENANT],)
    )
    connection.execute(
        "INSERT INTO outbox (conversation_id, sender, purpose, text, part, created_at, due_at)"
        " SELECT conversation_id, o.sender, 'proactive', 'how was it?', o.part, to_timestamp(%s), to_timestamp(%s)"
        " FROM outbox o JOIN conversations c ON c.id = o.conversation_id WHERE c.address = %s LIMIT 1",
        (world.parts.clock(), world.parts.clock(), other),
    )
    world.work()
    assert world.sms.texts_to(other) == []


def test_words_that_only_together_are_sure_page_though_there_was_a_doubt_before(
    world: World, say: Say, connection: Connection
) -> None:
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now = NIGHT
    together = replace(
        world.parts,
        screen=lambda messages: screen(
            ["dolorous" if " ".join(messages).endswith("the kettle sings tomorrow") else messages[-1]]
        ),
    )
    world.parts = together
    say("perhaps dolorous")
    world.work()
    assert world.paged() == []
    say("the kettle")
    say("sings tomorrow")
    world.work()
    assert world.paged() == [SAM]


def test_a_state_that_cannot_be_read_falls_to_no_lower_level(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    connection.execute(
        """UPDATE conversations SET state = state || '{"stack": 7, "suppressed": true}' WHERE level = 'P0'"""
    )
    say("hello")
    world.work()
    assert connection.execute(
        "SELECT level, suppressed FROM conversations WHERE address = %s", (TENANT,)
    ).fetchall() == [("P0", True)]


def test_what_the_engine_fails_on_still_counts_as_danger(world: World, say: Say, connection: Connection) -> None:
    def alone(messages: Sequence[str]) -> Signal:
        if len(messages) > 1:
            raise RuntimeError("a defect")
        return screen(messages)

    def no_encoder(texts: Sequence[str]) -> None:
        raise MemoryError

    world.parts = replace(world.parts, screen=alone, warm=no_encoder)
    say("hello")
    world.work()
    say("ultimate")
    world.work()
    assert world.paged() == [SAM]
    assert any("has been told" in text for text in world.heard())
    assert connection.execute("SELECT level FROM conversations WHERE address = %s", (TENANT,)).fetchone() == ("P0",)


def test_nothing_is_closed_over_words_of_danger_that_nobody_has_read(
    world: World, say: Say, advisor: Staff, connection: Connection
) -> None:
    say("dolorous")
    world.work()
    desk.claim(world.parts, advisor, handoff(connection))
    world.work()
    say("ultimate")
    refused = desk.give_back(world.parts, advisor, handoff(connection), "P3")
    assert isinstance(refused, desk.Refusal)
    assert refused.kind == "newer"
    world.work()
    assert isinstance(desk.give_back(world.parts, advisor, handoff(connection), "P3"), desk.Done)
