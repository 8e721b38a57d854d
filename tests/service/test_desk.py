"""The desk: who is offered what, who gets it, how it ends, and that nobody who waits is forgotten."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bot.service import converse, deliver, tending
from bot.service import desk as desks
from bot.service.clocks import Plan, due_at, falls_to
from bot.service.desk import Closing, Done, Refusal, Reply
from bot.service.parts import Parts
from bot.store import desk, handoffs, presence, staff, thread
from bot.store.database import Connection
from bot.store.handoffs import Opening
from bot.store.staff import Profile, Role, Staff
from flows.schema import Book
from tests.service.fakes import OURS, Remembering

NOON = 1_795_003_200.0
HOUR = 3600.0


@pytest.fixture
def hire(connection: Connection) -> Callable[..., Staff]:
    """Somebody on the staff, at the desk unless told otherwise."""
    count = iter(range(1, 1000))

    def hire(
        *teams: str, languages: tuple[str, ...] = (), role: Role = Role.ADVISOR, status: str = "available"
    ) -> Staff:
        number = next(count)
        profile = Profile(f"a{number}@example.org", f"Advisor {number}", (role,), teams, languages)
        made = staff.add(connection, profile, NOON)
        assert made
        if status:
            presence.set_status(connection, made, status, NOON)
        found = staff.find(connection, made)
        assert found
        return found

    return hire


@pytest.fixture
def waits(connection: Connection) -> Callable[..., int]:
    """A tenant who waits for a person. Returns the handoff."""
    count = iter(range(1, 1000))

    def waits(level: str = "P3", queue: str = "general", language: str = "en", at: float = NOON, who: int = 0) -> int:
        address = f"+4477009{who or 10000 + next(count)}"
        connection.execute(
            "INSERT INTO conversations (channel, account, address, language, last_inbound_at)"
            " VALUES ('sms', %s, %s, %s, to_timestamp(%s)) ON CONFLICT DO NOTHING",
            (OURS, address, language, at),
        )
        row = connection.execute("SELECT id FROM conversations WHERE address = %s", (address,)).fetchone()
        assert row
        handoffs.open_all(connection, [Opening(row[0], None, queue, level, "asked", "{}", at)])  # type: ignore[arg-type]
        found = connection.execute("SELECT max(id) FROM handoffs WHERE conversation_id = %s", (row[0],)).fetchone()
        assert found
        return int(found[0])

    return waits


def at(parts: Parts, seconds: float) -> None:
    parts.clock.now = NOON + seconds  # type: ignore[attr-defined]


def case(connection: Connection, handoff_id: int) -> desk.Case:
    found = desk.find(connection, handoff_id)
    assert found
    return found


def facts(connection: Connection) -> list[tuple[str, Any]]:
    return connection.execute("SELECT kind, payload FROM inbox WHERE kind NOT IN ('message') ORDER BY id").fetchall()


@pytest.fixture(autouse=True)
def _at_noon(parts: Parts) -> None:
    at(parts, 0)


def test_of_fifty_who_claim_at_once_one_gets_it_and_the_rest_are_told_who(
    parts: Parts, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    handoff = waits("P2")
    team = [hire() for _ in range(50)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda one: desks.claim(parts, one, handoff), team))
    (winner,) = [one for one, result in zip(team, results, strict=True) if isinstance(result, Done)]
    lost = [result for result in results if isinstance(result, Refusal)]
    assert len(lost) == 49
    assert {(refusal.kind, refusal.who) for refusal in lost} == {("taken", winner.name)}


def test_next_is_the_most_urgent_then_the_nearest_to_its_clock(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    late, early = waits("P2", at=NOON), waits("P2", at=NOON - HOUR)
    ordinary, urgent = waits("P3", at=NOON - 5 * HOUR), waits("P1", at=NOON)
    tending.keep(parts)
    one = hire()
    got = [desks.take_next(parts, one) for _ in range(4)]
    assert got == [Done(urgent), Done(early), Done(late), Done(ordinary)]
    assert desks.take_next(parts, one) == Refusal("none", "Nobody is waiting whom you can take.")


def test_next_fits_teams_and_languages_and_load(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    waits("P2", queue="repairs")
    polish, english = waits("P3", queue="rent", language="pl"), waits("P3", queue="rent")
    one = hire("rent")
    assert desks.take_next(parts, one) == Done(english)
    refused = desks.take_next(parts, one)
    assert isinstance(refused, Refusal)
    presence.set_limit(connection, one.id, 1, NOON)
    full = desks.take_next(parts, one)
    assert isinstance(full, Refusal)
    assert full.kind == "full"
    assert desks.take_next(parts, hire("rent", languages=("pl",))) == Done(polish)


def test_somebody_late_is_taken_whatever_their_language(
    parts: Parts, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    polish = waits("P2", language="pl", at=NOON - 48 * HOUR)
    tending.keep(parts)
    assert desks.take_next(parts, hire()) == Done(polish)


def test_an_urgent_one_is_offered_and_goes_on_when_nobody_answers(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    first, second = hire(), hire()
    handoff = waits("P0")
    tending.keep(parts)
    offered = case(connection, handoff)
    assert (offered.state, offered.offered_to) == ("offered", first.id)
    assert offered.offer_until == NOON + 60
    for one in (first, second):
        presence.beat(connection, one.id, NOON + 61)
    at(parts, 61)
    tending.keep(parts)
    assert case(connection, handoff).offered_to == second.id
    assert desks.claim(parts, first, handoff) == Refusal(
        "offered", "It is being offered to somebody else: it comes to you if they do not take it."
    )
    assert desks.claim(parts, second, handoff) == Done(handoff)


def test_an_offer_that_all_let_pass_begins_again_with_the_first(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    first, second, handoff = hire(), hire(), waits("P1")
    tending.keep(parts)
    desks.decline(parts, first, handoff)
    at(parts, 1)
    desks.decline(parts, second, handoff)
    assert case(connection, handoff).offered_to == first.id


@pytest.mark.parametrize("status", ["break", "away", "offline", "light"])
def test_nobody_is_offered_a_crisis_on_a_break_or_light_duties(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int], status: str
) -> None:
    hire(status=status)
    handoff = waits("P0")
    tending.keep(parts)
    assert case(connection, handoff).state == "queued"


def test_light_duties_still_get_ordinary_work(
    parts: Parts, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    waits("P1")
    ordinary = waits("P3")
    assert desks.take_next(parts, hire(status="light")) == Done(ordinary)


def test_an_advisor_who_disappears_loses_offers_at_once_and_claims_later_with_their_notes_kept(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    gone, urgent, other = hire(), waits("P0"), waits("P3")
    assert desks.claim(parts, gone, other) == Done(other)
    desks.note(parts, gone, other, "note", "Rang twice.")
    tending.keep(parts)
    assert case(connection, urgent).offered_to == gone.id
    at(parts, presence.ABSENT + 1)
    tending.keep(parts)
    assert case(connection, urgent).state == "queued"
    assert case(connection, other).claimed_by == gone.id
    at(parts, parts.abandoned_after + 1)
    tending.keep(parts)
    again = case(connection, other)
    assert (again.state, again.claimed_by) == ("queued", None)
    assert [line.text for line in thread.lines(connection, [again.conversation_id], ["note"])] == ["Rang twice."]


def test_what_waits_flows_when_an_advisor_returns(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    handoff, one = waits("P1"), hire(status="offline")
    tending.keep(parts)
    assert case(connection, handoff).state == "queued"
    desks.set_presence(parts, one, "available")
    assert case(connection, handoff).offered_to == one.id


def test_one_tenant_is_one_advisors(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    repairs, rent = waits("P3", queue="repairs", who=55555), waits("P2", queue="rent", who=55555)
    one, other = hire(), hire()
    assert desks.claim(parts, one, repairs) == Done(repairs)
    assert case(connection, rent).claimed_by == one.id
    refused = desks.claim(parts, other, rent)
    assert isinstance(refused, Refusal)
    assert refused.who == one.name
    assert desks.close(parts, one, repairs, Closing("answered")) == Done(repairs)
    assert case(connection, rent).state == "closed"


def test_whoever_takes_over_takes_over_all_of_a_tenants(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, head = hire(), hire(role=Role.SUPERVISOR)
    first, second = waits("P3", who=20001), waits("P1", "crisis", who=20001)
    desks.claim(parts, one, first)
    assert desks.take_over(parts, head, second) == Done(second)
    assert [case(connection, each).claimed_by for each in (first, second)] == [head.id, head.id]


def test_a_reply_is_a_fact_and_a_form_sent_twice_counts_once(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, handoff = hire(), waits("P3")
    desks.claim(parts, one, handoff)
    thread.save_draft(connection, one.id, case(connection, handoff).conversation_id, "Hel", NOON)
    words = Reply("Hello. We will look at it.", "form-1", seen=0)
    assert desks.reply(parts, one, handoff, words) == Done(handoff)
    assert desks.reply(parts, one, handoff, words) == Done(handoff)
    said = [payload for kind, payload in facts(connection) if kind == "advisor_replied"]
    assert [payload["text"] for payload in said] == ["Hello. We will look at it."]
    assert thread.draft(connection, one.id, case(connection, handoff).conversation_id) == ""


def test_a_reply_waits_for_its_writer_to_read_what_came_meanwhile(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, handoff = hire(), waits("P3")
    desks.claim(parts, one, handoff)
    tenant = case(connection, handoff).conversation_id
    connection.execute(
        "INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, text, payload, received_at)"
        " VALUES (%s, 'sms', 'x', 'SM1', 'message', 'It is worse', '{}', to_timestamp(%s))",
        (tenant, NOON),
    )
    refused = desks.reply(parts, one, handoff, Reply("Hello.", "form-1", seen=0))
    assert isinstance(refused, Refusal)
    assert refused.kind == "newer"
    refused_at = thread.standing(connection, tenant).newest
    assert desks.reply(parts, one, handoff, Reply("Hello.", "form-1", refused_at)) == Done(handoff)


@pytest.mark.parametrize(("hours", "template", "kind"), [(23, None, ""), (25, None, "window"), (25, "call-us", "")])
def test_whatsapp_after_24_hours_needs_a_template(
    parts: Parts,
    connection: Connection,
    hire: Callable[..., Staff],
    waits: Callable[..., int],
    hours: int,
    template: str | None,
    kind: str,
) -> None:
    one, handoff = hire(), waits("P3", at=NOON - hours * HOUR)
    connection.execute("UPDATE conversations SET channel = 'whatsapp'")
    desks.claim(parts, one, handoff)
    result = desks.reply(parts, one, handoff, Reply("Hello.", "form-1", seen=0, template=template))
    assert (result.kind if isinstance(result, Refusal) else "") == kind


def test_only_whoever_has_it_or_helps_may_write(
    parts: Parts, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, other, handoff = hire(), hire(), waits("P2")
    desks.claim(parts, one, handoff)
    assert desks.reply(parts, other, handoff, Reply("Hello.", "a", seen=0)) == desks.NOT_YOURS
    assert desks.join(parts, other, handoff) == Done(handoff)
    assert desks.reply(parts, other, handoff, Reply("Hello.", "b", seen=0)) == Done(handoff)


ENDS = [
    ("close", lambda parts, one, h: desks.close(parts, one, h, Closing("answered")), "closed", "handoff_closed"),
    ("give back", lambda parts, one, h: desks.give_back(parts, one, h, "P3"), "returned", "handoff_returned"),
    ("refer", lambda parts, one, h: desks.refer(parts, one, h, "Citizens Advice", ""), "transferred", "handoff_closed"),
    ("withdraw", lambda parts, one, h: desks.withdraw(parts, one, h), "withdrawn", "handoff_closed"),
]


@pytest.mark.parametrize(("name", "act", "state", "fact"), ENDS, ids=[end[0] for end in ENDS])
def test_every_exit_ends_it_once_and_tells_the_engine(
    parts: Parts,
    connection: Connection,
    hire: Callable[..., Staff],
    waits: Callable[..., int],
    name: str,
    act: Any,
    state: str,
    fact: str,
) -> None:
    one, other, handoff = hire(), hire(), waits("P3")
    assert act(parts, other, handoff) == desks.NOT_YOURS
    desks.claim(parts, one, handoff)
    assert act(parts, one, handoff) == Done(handoff)
    assert act(parts, one, handoff) == desks.GONE
    assert case(connection, handoff).state == state
    assert [kind for kind, _ in facts(connection)].count(fact) == 1


def test_a_transfer_waits_for_its_person_first_and_then_for_anybody(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, wanted, handoff = hire(), hire(), waits("P3")
    third = hire()
    desks.claim(parts, one, handoff)
    assert desks.transfer(parts, one, handoff, to=wanted.id) == Done(handoff)
    assert case(connection, handoff).offered_to == wanted.id
    assert isinstance(desks.claim(parts, third, handoff), Refusal)
    assert desks.decline(parts, wanted, handoff) == Done(handoff)
    assert desks.claim(parts, third, handoff) == Done(handoff)


def test_a_transfer_to_a_team_is_that_teams(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, rent, handoff = hire("repairs"), hire("rent"), waits("P3", queue="repairs")
    desks.claim(parts, one, handoff)
    desks.transfer(parts, one, handoff, team="rent")
    assert desks.take_next(parts, one) == Refusal("none", "Nobody is waiting whom you can take.")
    assert desks.take_next(parts, rent) == Done(handoff)


@pytest.mark.parametrize(
    ("level", "closing", "kind"),
    [
        ("P3", Closing("answered"), ""),
        ("P3", Closing("forgotten"), "outcome"),
        ("P3", Closing("referred-to-agency"), "agency"),
        ("P3", Closing("referred-to-agency", agency="Shelter"), ""),
        ("P1", Closing("answered"), "because"),
        ("P0", Closing("emergency-services", because="999 rung at 12.10, they are with him."), ""),
    ],
)
def test_closing_needs_an_outcome_and_a_reason_where_it_was_urgent(
    parts: Parts, hire: Callable[..., Staff], waits: Callable[..., int], level: str, closing: Closing, kind: str
) -> None:
    one, handoff = hire(), waits(level)
    desks.claim(parts, one, handoff)
    result = desks.close(parts, one, handoff, closing)
    assert (result.kind if isinstance(result, Refusal) else "") == kind


def test_what_was_urgent_gets_a_second_look_by_somebody_else(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, lead, handoff = hire(), hire(role=Role.SAFETY_LEAD), waits("P1")
    desks.claim(parts, one, handoff)
    desks.close(parts, one, handoff, Closing("in-the-moment-support", because="Safe with her sister."))
    assert [closed.id for closed in desk.unlooked(connection)] == [handoff]
    assert isinstance(desks.look_again(parts, one, handoff), Refusal)
    assert desks.look_again(parts, lead, handoff) == Done(handoff)
    assert desk.unlooked(connection) == []


def test_a_survey_follows_ordinary_conversations_only(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one = hire()
    for level in ("P3", "P2"):
        handoff = waits(level)
        desks.claim(parts, one, handoff)
        desks.close(parts, one, handoff, Closing("answered", survey=True))
    said = [payload for kind, payload in facts(connection) if kind == "handoff_closed"]
    assert [payload.get("survey") for payload in said] == ["true", None]


def test_nobody_came_is_said_once_and_it_still_waits(
    parts: Parts, connection: Connection, waits: Callable[..., int]
) -> None:
    handoff = waits("P1")
    tending.keep(parts)
    at(parts, 23 * 60)
    tending.keep(parts)
    assert case(connection, handoff).warned
    at(parts, 31 * 60)
    tending.keep(parts)
    tending.keep(parts)
    assert [kind for kind, _ in facts(connection)] == ["nobody_came"]
    late = case(connection, handoff)
    assert (late.state, late.lapsed) == ("queued", True)


def test_the_next_handoff_of_a_tenant_is_offered_to_whoever_helped_them(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    hire()
    helped, handoff = hire(), waits("P3", who=66666)
    desks.claim(parts, helped, handoff)
    desks.close(parts, helped, handoff, Closing("answered"))
    again = waits("P3", who=66666)
    tending.keep(parts)
    assert case(connection, again).offered_to == helped.id


def test_a_level_falls_only_by_a_person_and_its_clock_follows(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, handoff = hire(), waits("P1")
    desks.claim(parts, one, handoff)
    assert desks.set_level(parts, one, handoff, "P2") == Done(handoff)
    assert case(connection, handoff).level == "P2"
    assert ("level_set", {"level": "P2"}) in facts(connection)


def test_every_act_is_on_record(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    one, handoff = hire(), waits("P3")
    desks.claim(parts, one, handoff)
    desks.reply(parts, one, handoff, Reply("Hello.", "a", seen=0))
    desks.note(parts, one, handoff, "note", "Hm.")
    desks.close(parts, one, handoff, Closing("answered"))
    rows = connection.execute("SELECT what, details::text FROM audit ORDER BY id").fetchall()
    assert [row[0] for row in rows] == ["claimed", "replied", "noted", "closed"]
    assert not any("Hello" in row[1] or "Hm" in row[1] for row in rows)


def test_the_stream_tells_of_new_raised_offered_and_lapsed(
    parts: Parts, connection: Connection, hire: Callable[..., Staff], waits: Callable[..., int]
) -> None:
    hire()
    waits("P2", who=77777)
    waits("P1", who=77777)
    tending.keep(parts)
    kinds = [row[0] for row in connection.execute("SELECT kind FROM desk_events ORDER BY xid, id").fetchall()]
    assert kinds[:2] == ["handoff", "raised"]
    assert "offer" in kinds


@pytest.mark.parametrize(
    ("level", "since", "due"),
    [
        ("P0", NOON, NOON + 5 * 60),
        ("P1", NOON, NOON + 30 * 60),
        ("P2", NOON, NOON + 4 * HOUR),
        # Friday 20 November 2026, 16:00: one hour is left, the others come on Monday.
        ("P2", NOON + 2 * 24 * HOUR + 4 * HOUR, None),
    ],
)
def test_ordinary_clocks_run_while_somebody_is_there(
    shipped_book: Book, level: str, since: float, due: float | None
) -> None:
    found = due_at(shipped_book.landlord, level, since)
    if due is None:
        assert found > since + 48 * HOUR
    else:
        assert found == due


def test_a_closed_teams_urgent_work_falls_to_its_plan(shipped_book: Book) -> None:
    plans = {"repairs": Plan(out_of_hours="on-call"), "rent": Plan()}
    night = NOON + 14 * HOUR
    assert falls_to(shipped_book.landlord, plans, "repairs", NOON) == "repairs"
    assert falls_to(shipped_book.landlord, plans, "repairs", night) == "on-call"
    assert falls_to(shipped_book.landlord, plans, "rent", night) == "rent"


def test_the_whole_way_of_a_conversation_with_a_person(
    parts: Parts,
    connection: Connection,
    sms: Remembering,
    say: Callable[..., object],
    hire: Callable[..., Staff],
    pool: ThreadPoolExecutor,
) -> None:
    def go_on() -> list[str]:
        before = len(sms.sent)
        converse.drain(parts, urgent_only=False)
        deliver.drain(parts, pool, urgent_only=False)
        return [text for _, text in sms.sent[before:]]

    one = hire()
    say("person")
    asked = go_on()
    assert asked, "the bot says that a person has been asked for"
    taken = desks.take_next(parts, one)
    assert isinstance(taken, Done)
    here = go_on()
    assert any("is here now" in text for text in here)
    say("my heating is off")
    assert go_on() == [], "while a person has the conversation the bot is silent"
    newest = thread.standing(connection, case(connection, taken.id).conversation_id).newest
    desks.reply(parts, one, taken.id, Reply("Hello, this is Ann. I can help.", "t1", newest))
    assert go_on() == ["Hello, this is Ann. I can help."]
    desks.close(parts, one, taken.id, Closing("answered"))
    go_on()
    say("how do i pay my rent")
    assert go_on(), "the bot is there again"
    lines = thread.lines(connection, [case(connection, taken.id).conversation_id], ["note"])
    assert [(line.kind, line.by) for line in lines if line.kind == "advisor"] == [("advisor", one.name)]
