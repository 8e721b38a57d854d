"""Who is paged, when, by what, and what the tenant is told of it, on real PostgreSQL."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bot.nlu.understanding import Signal
from bot.service import converse, deliver, page_hooks, paging, receipts, sweep
from bot.service.pager import Pager, Posted
from bot.service.parts import Parts
from bot.store import pages, presence, rota, staff
from bot.store.database import Connection
from bot.store.rota import LineRow, PersonRow
from bot.store.staff import Profile, Role
from channels.errors import Outcome, Sent
from channels.messages import Inbound, Part, Receipt, SendContext
from tests.service.fakes import OURS, TENANT, Remembering, Time

SAM, ASH, KIM = "+447700900101", "+447700900102", "+447700900103"
ASH_CHAT = "70000002"
HOOK = "https://pager.example/v2/enqueue"
MINUTE = 60.0
NIGHT = 1_795_039_200.0
"""22:00 on 18 November 2026, when the office is shut; `parts` begins at noon, when it is open."""
SECRET = "my sister Beryl is dolorous"


class Hooks:
    """A webhook that remembers what it was sent, and answers what it is told to."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        self.answers: list[Posted] = []

    def __call__(self, url: str, body: bytes) -> Posted:
        self.bodies.append({"url": url, **json.loads(body)})
        return self.answers.pop(0) if self.answers else Posted("accepted", "202")


def screen(messages: Sequence[str]) -> Signal:
    """Two made-up words."""
    last = messages[-1]
    if "ultimate" in last:
        return Signal(level="P0", concerns=("overdose",))
    return Signal(level="P1", concerns=("suicide",), tentative="perhaps" in last) if "dolorous" in last else Signal()


class Choosy(Remembering):
    """A channel that does not take what goes to some addresses."""

    def __init__(self) -> None:
        super().__init__("sms")
        self.refuses: dict[str, Outcome] = {}

    def send(self, part: Part, context: SendContext) -> Sent:
        refused = self.refuses.get(part.address)
        return Sent(refused) if refused else super().send(part, context)


class World:
    """A line with a rota, and the means to make time pass."""

    def __init__(self, parts: Parts, pool: ThreadPoolExecutor) -> None:
        self.parts, self.pool = parts, pool
        sms = parts.channels["sms"]
        assert isinstance(sms, Choosy)
        self.sms = sms

    def work(self) -> None:
        """Everything that is due, until nothing is."""
        for _ in range(4):
            converse.drain(self.parts, urgent_only=False)
            deliver.drain(self.parts, self.pool, urgent_only=False)
            page_hooks.post_due(self.parts)

    def later(self, seconds: float) -> None:
        clock = self.parts.clock
        assert isinstance(clock, Time)
        clock.now += seconds
        sweep.sweep(self.parts)
        self.work()

    def paged(self) -> list[str]:
        """Numbers that pages went to since the last look."""
        found = [to for to, text in self.sms.sent if "ACK" in text]
        self.sms.sent = [one for one in self.sms.sent if "ACK" not in one[1]]
        return found

    def heard(self) -> list[str]:
        """What the tenant was told since the last look."""
        found = self.sms.texts_to(TENANT)
        self.sms.sent = [one for one in self.sms.sent if one[0] != TENANT]
        return found

    def reference(self, connection: Connection) -> str:
        row = connection.execute("SELECT reference FROM alarms WHERE ended_at IS NULL").fetchone()
        assert row is not None
        return str(row[0])


@pytest.fixture
def sms() -> Choosy:
    return Choosy()


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def parts(parts: Parts, sms: Choosy, hooks: Hooks) -> Parts:
    senders = {"sms": OURS, "telegram": "4242"}
    channels = {"sms": sms, "telegram": Remembering("telegram")}
    return replace(parts, screen=screen, channels=channels, pager=Pager(senders, "https://line.example", hooks))


def person(name: str, **ways: object) -> PersonRow:
    return PersonRow(0, name, **{**dict.fromkeys(PersonRow._fields[2:7]), "supervisor": False, **ways})  # type: ignore[arg-type]  # a test's own


@pytest.fixture
def on_call(connection: Connection) -> None:
    """Sam, then Ash, at any time; Kim supervises."""
    keep(connection, [person("Sam", sms=SAM), person("Ash", sms=ASH), person("Kim", sms=KIM, supervisor=True)])


def keep(connection: Connection, people: Sequence[PersonRow]) -> None:
    ids = rota.keep_people(connection, people, 0.0)
    shift = [ids[one.name] for one in people if not one.supervisor]
    rota.replace_pattern(connection, [LineRow(day, 0, 1440, shift) for day in range(7)], {})


@pytest.fixture
def world(parts: Parts, pool: ThreadPoolExecutor, on_call: None) -> World:
    return World(parts, pool)


Say = Callable[..., Inbound]


def test_p0_climbs_until_somebody_answers(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    heard = world.heard()
    assert "Call 999" in heard[0]
    assert heard[1].startswith("Are you safe right now?")
    assert "has been told" in heard[2], "the page was accepted"
    assert world.paged() == [SAM]
    for after, expected in ((5, [SAM]), (5, [SAM, ASH]), (5, [SAM, ASH, KIM]), (5, [SAM, ASH, KIM])):
        world.later(after * MINUTE - 1)
        assert world.paged() == []
        world.later(1)
        assert world.paged() == expected
    assert ["Nobody from our team" in text for text in world.heard()] == [True], "the truth, and nothing twice"
    say(f"ack  {world.reference(connection)}.", address=ASH)
    world.work()
    assert any("yours" in text for to, text in world.sms.sent if to == ASH)
    assert ["has seen this" in text for text in world.heard()] == [True]
    world.later(60 * MINUTE)
    assert world.paged() == []


def test_a_page_has_nothing_of_the_tenant(world: World, say: Say, hooks: Hooks, connection: Connection) -> None:
    keep(connection, [person("Sam", sms=SAM, webhook=HOOK, routing_key="r1")])
    say(f"ultimate {SECRET}", profile_name="Doris Marsh")
    world.work()
    page = next(text for to, text in world.sms.sent if to == SAM)
    everything = page + json.dumps(hooks.bodies)
    assert not any(word in everything for word in ("Beryl", "Doris", "Marsh", TENANT, "sister"))
    reference = world.reference(connection)
    assert f"Hearthline {reference}: P0, overdose." in page
    assert f"ACK {reference}" in page
    assert "https://line.example/ack/" in page
    assert len(page) <= 306
    body = hooks.bodies[0]
    assert (body["url"], body["routing_key"], body["event_action"]) == (HOOK, "r1", "trigger")
    assert body["payload"]["severity"] == "critical"  # type: ignore[index]  # JSON


def test_every_means_at_once(world: World, say: Say, hooks: Hooks, connection: Connection) -> None:
    keep(connection, [person("Ash", sms=ASH, telegram=ASH_CHAT, webhook=HOOK)])
    say("ultimate")
    world.work()
    telegram = world.parts.channels["telegram"]
    assert isinstance(telegram, Remembering)
    assert [to for to, _ in telegram.sent] == [ASH_CHAT]
    assert world.paged() == [ASH]
    assert len(hooks.bodies) == 1


def test_a_refused_page_goes_to_the_next_at_once(world: World, say: Say, sms: Choosy) -> None:
    sms.refuses = {SAM: Outcome.UNREACHABLE}
    say("ultimate")
    world.work()
    world.later(1)
    assert world.paged() == [ASH]
    assert any("has been told" in text for text in world.heard())


def test_a_page_that_never_arrived_goes_to_the_next_at_once(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    assert world.paged() == [SAM]
    row = connection.execute("SELECT outbox_id FROM pages").fetchone()
    assert row is not None
    report = receipts.Report(
        row[0], Receipt(provider_id="SMx", status="undelivered", code="30003"), world.parts.clock()
    )
    receipts.follow(world.parts, [report])
    world.later(1)
    assert ASH in world.paged()
    facts = connection.execute("SELECT count(*) FROM inbox WHERE kind = 'delivery_failed'").fetchone()
    assert facts == (0,), "the advisor's own conversation is no tenant's"


def test_a_channel_that_is_down_is_not_waited_for(world: World, say: Say, sms: Choosy, connection: Connection) -> None:
    sms.refuses = {SAM: Outcome.TEMPORARY}
    say("ultimate")
    world.work()
    assert world.paged() == []
    world.later(59)
    assert world.paged() == []
    world.later(2)
    assert world.paged() == [ASH]
    assert any("has been told" in text for text in world.heard())


def test_nobody_on_call_is_said_once_and_looked_at_again(world: World, say: Say, connection: Connection) -> None:
    connection.execute("DELETE FROM duty_lines")
    connection.execute("UPDATE duty_people SET supervisor = false")
    say("ultimate")
    world.work()
    assert "could not reach anyone" in world.heard()[-1]
    world.later(5 * MINUTE)
    assert world.heard() == []
    with connection.transaction():
        keep(connection, [person("Sam", sms=SAM)])
    world.later(5 * MINUTE)
    assert world.paged() == [SAM]
    assert any("has been told" in text for text in world.heard())


def test_nobody_could_be_reached_is_not_said_while_somebody_at_the_desk_is_asked(
    world: World, say: Say, connection: Connection
) -> None:
    connection.execute("DELETE FROM duty_lines")
    connection.execute("UPDATE duty_people SET supervisor = false")
    staff_id = staff.add(connection, Profile("ann@example.org", "Ann", (Role.ADVISOR,)), world.parts.clock())
    assert staff_id
    presence.set_status(connection, staff_id, "available", world.parts.clock())
    say("ultimate")
    world.work()
    assert not any("could not reach anyone" in text for text in world.heard())
    for _ in range(4):
        world.later(61)
    assert sum("could not reach anyone" in text for text in world.heard()) == 1


def test_when_every_page_fails_the_tenant_is_told_the_truth(world: World, say: Say, sms: Choosy) -> None:
    sms.refuses = dict.fromkeys((SAM, ASH, KIM), Outcome.REJECTED)
    say("ultimate")
    world.work()
    for _ in range(4):
        world.later(1)
    heard = world.heard()
    assert not any("has been told" in text for text in heard)
    assert sum("could not reach anyone" in text for text in heard) == 1


def test_p1_waits_in_the_queue_while_people_are_there(world: World, say: Say) -> None:
    say("dolorous")
    world.work()
    world.later(14 * MINUTE)
    assert world.paged() == []
    world.later(1 * MINUTE)
    assert world.paged() == [SAM]


def test_p1_at_night_is_paged_at_once(world: World, say: Say) -> None:
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now = NIGHT
    say("dolorous")
    world.work()
    assert world.paged() == [SAM]


def test_the_second_reader_alone_pages_nobody(world: World, say: Say) -> None:
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now = NIGHT
    say("perhaps dolorous")
    world.work()
    world.later(60 * MINUTE)
    assert world.paged() == []


def test_not_safe_raises_and_pages_though_somebody_had_answered(world: World, say: Say, connection: Connection) -> None:
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now = NIGHT
    say("dolorous")
    world.work()
    say(f"ACK{world.reference(connection)}", address=SAM)
    world.work()
    world.paged()
    say("no")
    world.work()
    assert world.paged() == [SAM]
    assert connection.execute("SELECT level FROM alarms").fetchall() == [("P0",)]


def test_a_claim_at_the_desk_ends_the_paging(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    assert world.paged() == [SAM]
    handoff = connection.execute("SELECT handoff_id FROM alarms").fetchone()
    assert handoff is not None
    assert paging.acknowledge(connection, handoff[0], "Sam", world.parts.clock())
    assert not paging.acknowledge(connection, handoff[0], "Ash", world.parts.clock())
    world.later(30 * MINUTE)
    assert world.paged() == []


def test_an_alarm_ends_with_its_handoff(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    world.paged()
    connection.execute("UPDATE handoffs SET state = 'closed'")
    world.later(5 * MINUTE)
    assert world.paged() == []
    say("ultimate")
    world.work()
    assert world.paged() == [SAM], "a new handoff has an alarm of its own"


def test_a_level_that_a_person_lowers_ends_the_paging(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    world.paged()
    connection.execute("UPDATE handoffs SET level = 'P2'")
    world.later(5 * MINUTE)
    assert world.paged() == []


def test_a_tenant_who_writes_ack_is_a_tenant(world: World, say: Say, connection: Connection) -> None:
    say("ultimate")
    world.work()
    say(f"ACK {world.reference(connection)}")
    world.work()
    assert connection.execute("SELECT acknowledged_at FROM alarms").fetchall() == [(None,)]
    say("ACK 0000 please", address=SAM)
    say("ack 123", address=SAM)
    world.work()
    assert connection.execute("SELECT acknowledged_at FROM alarms").fetchall() == [(None,)]


def test_an_unknown_reference_is_said_to_be_unknown(world: World, say: Say) -> None:
    say("ACK 0000", address=SAM)
    world.work()
    assert "No open alarm" in world.sms.sent[-1][1]


def test_two_clocks_page_once(world: World, say: Say) -> None:
    say("ultimate")
    world.work()
    world.paged()
    assert isinstance(world.parts.clock, Time)
    world.parts.clock.now += 5 * MINUTE
    start = threading.Barrier(4)

    def climb() -> int:
        start.wait()
        return paging.climb_due(world.parts)

    with ThreadPoolExecutor(4) as clocks:
        climbed = [future.result() for future in [clocks.submit(climb) for _ in range(4)]]
    assert sum(climbed) == 1
    world.work()
    assert world.paged() == [SAM]


def test_a_webhook_is_tried_again_and_given_up_when_refused(
    world: World, say: Say, hooks: Hooks, connection: Connection
) -> None:
    keep(connection, [person("Sam", webhook=HOOK)])
    hooks.answers = [Posted("away", "503"), Posted("accepted", "202")]
    say("ultimate")
    world.work()
    assert len(hooks.bodies) == 1
    world.later(3)
    assert len(hooks.bodies) == 2
    assert any("has been told" in text for text in world.heard())
    hooks.answers = [Posted("refused", "400")]
    world.later(5 * MINUTE)
    assert connection.execute("SELECT state FROM pages ORDER BY id DESC LIMIT 1").fetchone() == ("failed",)


def test_nothing_is_sent_of_our_own_accord_to_somebody_in_danger(
    world: World, say: Say, connection: Connection
) -> None:
    say("ultimate")
    world.work()
    world.heard()
    conversation = connection.execute("SELECT conversation_id FROM alarms").fetchone()
    assert conversation is not None
    connection.execute(
        "INSERT INTO outbox (conversation_id, sender, purpose, text, part, created_at, due_at)"
        " SELECT conversation_id, sender, 'proactive', 'come to our fun day', part, to_timestamp(%s), to_timestamp(%s)"
        " FROM outbox WHERE conversation_id = %s LIMIT 1",
        (world.parts.clock(), world.parts.clock(), conversation[0]),
    )
    world.work()
    assert world.heard() == []


def test_status_counts_p0_that_nobody_was_told_of(world: World, say: Say, connection: Connection) -> None:
    connection.execute("DELETE FROM duty_lines")
    connection.execute("UPDATE duty_people SET supervisor = false")
    say("ultimate")
    world.work()
    now = world.parts.clock()
    assert pages.untold(connection, now - 60) == 0
    assert pages.untold(connection, now) == 1


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("ACK 4821", "4821"),
        ("ack4821", "4821"),
        ("  Ack - 0001 !", "0001"),
        ("acknowledged 4821", "4821"),
        ("ack 48215", None),
        ("ack", None),
        ("back 4821", None),
        ("ack 4821 thanks", None),
    ],
)
def test_an_acknowledgement_is_read_however_it_is_written(text: str, reference: str | None) -> None:
    assert paging.read_ack(text) == reference
