"""What one tenant's messages may not do to everybody else's answers."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.service import converse
from bot.service.parts import Parts
from bot.store import conversations, outbox
from bot.store.database import Connection
from channels.messages import Inbound, Outbound, Part
from tests.service.fakes import TENANT, Remembering

Say = Callable[..., Inbound]
OTHER = "+447700900002"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Logs are kept and not drawn: structlog's own default draws every local of a failure, which takes seconds."""
    with capture_logs():
        yield


def flood(connection: Connection, most: int) -> None:
    connection.execute(
        """
        INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, text, payload, received_at)
        SELECT conversation_id, channel, account, 'flood' || n, kind, text, payload, received_at
        FROM inbox, generate_series(1, %s) AS n WHERE inbox.id = (SELECT min(id) FROM inbox)
        """,
        (most,),
    )


def answered(connection: Connection, address: str) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM outbox o JOIN conversations c ON c.id = o.conversation_id WHERE c.address = %s",
        (address,),
    ).fetchone()
    return row is not None and row[0] > 0


def test_a_tenant_who_sends_ten_thousand_messages_holds_nobody_up(
    parts: Parts, say: Say, connection: Connection
) -> None:
    say("hello")
    flood(connection, 10_000)
    say("menu", address=OTHER)
    converse.converse(parts)
    assert answered(connection, OTHER)


def test_whoever_has_waited_longest_is_taken_first(parts: Parts, say: Say, connection: Connection) -> None:
    for number in range(40):
        say("menu", address=f"+4477009010{number:02d}")
    connection.execute("ANALYZE")
    with parts.database.transaction() as locking:
        locked = conversations.lock_due(locking, urgent_only=False, most=5)
    assert [found.address for found in locked] == [f"+4477009010{number:02d}" for number in range(5)]


def test_the_urgent_are_taken_before_those_who_have_waited_longer(
    parts: Parts, say: Say, connection: Connection
) -> None:
    for number in range(10):
        say("menu", address=f"+4477009010{number:02d}")
    say("dolorous", address=OTHER)
    with parts.database.transaction() as locking:
        locked = conversations.lock_due(locking, urgent_only=False, most=1)
    assert [found.address for found in locked] == [OTHER]


@pytest.mark.parametrize("damage", ["payload", "signal", "render", "screen", "refused", "book"])
def test_what_cannot_be_handled_costs_nobody_else_an_answer_and_goes_to_a_person(
    parts: Parts, sms: Remembering, say: Say, connection: Connection, damage: str
) -> None:
    class Failing(Remembering):
        def render(self, outbound: Outbound) -> tuple[Part, ...]:
            if outbound.address == TENANT and damage == "render" and "pay" in outbound.text.lower():
                raise RuntimeError("a defect")
            rendered = super().render(outbound)
            if outbound.address == TENANT and damage == "refused":
                return tuple(Part(channel="sms", account="", address="", params={}, text="a\x00b") for _ in rendered)
            return rendered

    def screen(messages: object) -> object:
        if damage == "screen" and len(messages) > 1:  # type: ignore[arg-type]  # a list of texts
            raise RecursionError
        return parts.screen(messages)  # type: ignore[arg-type]  # as above

    say("hello")
    converse.drain(parts, urgent_only=False)
    connection.execute("DELETE FROM handoffs")
    say("how do I pay my rent?")
    if damage == "payload":
        connection.execute('UPDATE inbox SET payload = \'{"channel": "pigeon"}\' WHERE processed_at IS NULL')
    if damage == "signal":
        connection.execute('UPDATE inbox SET signal = \'{"level": "P9"}\' WHERE processed_at IS NULL')
    if damage == "book":
        connection.execute("INSERT INTO revisions VALUES ('of next year', '{}', now())")
        (state,) = connection.execute("SELECT state FROM conversations").fetchone() or ({},)
        frame = {"flow": "x", "revision": "of next year", "state": "y"}
        changed = {**state, "revision": "of next year", "stack": state.get("stack") or [frame]}
        connection.execute("UPDATE conversations SET state = %s", (json.dumps(changed),))
    say("menu", address=OTHER)
    failing = replace(parts, channels={"sms": Failing()}, screen=screen)  # type: ignore[arg-type]  # as above
    converse.drain(failing, urgent_only=False)
    assert answered(connection, OTHER)
    assert connection.execute("SELECT count(*) FROM inbox WHERE processed_at IS NULL").fetchone() == (0,)
    if damage != "book":
        assert connection.execute("SELECT count(*) FROM handoffs WHERE reason = 'engine failed'").fetchone() == (1,)


def test_a_crisis_that_the_engine_fails_on_reaches_a_person_at_its_own_level(
    parts: Parts, say: Say, connection: Connection
) -> None:
    say("dolorous")
    connection.execute('UPDATE inbox SET payload = \'{"channel": "pigeon"}\'')
    converse.drain(parts, urgent_only=True)
    assert connection.execute("SELECT level FROM handoffs").fetchall() == [("P1",)]
    assert connection.execute("SELECT bool_and(urgent) FROM outbox").fetchone() == (True,)


def test_a_burst_is_claimed_quickly_with_statistics_from_before_it(parts: Parts, connection: Connection) -> None:
    """NOT EXISTS (an earlier row) became a join of every waiting row with every other: 3 s for these."""
    connection.execute(
        "INSERT INTO conversations (channel, account, address) SELECT 'sms', 'a', 't' || n FROM generate_series(1, 3000) n"
    )
    rows = (
        "INSERT INTO outbox (conversation_id, position, sender, purpose, text, part, created_at, due_at, state)"
        " SELECT id, n, 'sms', 'reply', 'x', '{}', to_timestamp(0), to_timestamp(0), %s"
        " FROM conversations, generate_series(1, %s) n"
    )
    connection.execute(rows, ("sent", 10))
    connection.execute("VACUUM ANALYZE outbox")
    connection.execute(rows, ("queued", 1))
    connection.execute("SET statement_timeout = 400")
    claimed = outbox.claim(connection, {"sms": 32}, now=parts.clock(), lease=12, urgent_only=False)
    assert len(claimed) == 32
