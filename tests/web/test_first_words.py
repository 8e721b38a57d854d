"""Crisis words in the webhook's own answer while PostgreSQL is away, once, and what becomes of the message afterwards."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import redis
from fastapi.testclient import TestClient

from bot.service import converse, receive
from bot.service.parts import Parts
from bot.service.spool import Spooled, SpooledInbound, SpoolUnwritable
from bot.store.database import Connection
from bot.web.app import create_app
from channels.errors import Outcome, Sent
from channels.messages import Part, SendContext
from channels.telegram import Telegram, TelegramAccount
from tests.web.conftest import BOT, PUBLIC, SECRET, sign, telegram_message, twilio_form

SMS, WHATSAPP = "/webhooks/twilio/sms", "/webhooks/twilio/whatsapp"
PERSON = "whatsapp:+447700900123"


class Recorder(Telegram):
    """The real channel, whose calls are kept instead of made."""

    def __init__(self) -> None:
        super().__init__(TelegramAccount(BOT, SECRET))
        self.calls: list[str] = []
        self.outcome = Outcome.ACCEPTED

    def send(self, part: Part, context: SendContext) -> Sent:
        self.calls.append(part.text)
        return Sent(self.outcome)


@pytest.fixture
def telegram() -> Recorder:
    return Recorder()


@pytest.fixture
def away(without_database: Parts, telegram: Recorder) -> Parts:
    return replace(without_database, channels={**without_database.channels, "telegram": telegram})


@pytest.fixture
def line(away: Parts, redis_client: redis.Redis) -> Iterator[TestClient]:
    app = create_app(away, public_base_url=PUBLIC, redis_client=redis_client)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def post(line: TestClient, path: str = SMS, **form: str) -> list[str]:
    """What the answer to a message says by itself."""
    filled = twilio_form(**form)
    answer = line.post(path, content=urlencode(filled), headers=sign(path, filled))
    assert answer.status_code == 200
    return [message.text or "" for message in ET.fromstring(answer.text).iter("Message")]


def test_the_answer_carries_the_words_and_the_question_once(line: TestClient, away: Parts) -> None:
    said = post(line, Body="i feel dolorous")
    assert "Samaritans 116 123" in said[0]
    assert "Are you safe right now?" in said[1]
    assert "1 Yes" in said[1]
    assert post(line, Body="i feel dolorous") == [], "a repeat of the webhook"
    assert post(line, Body="so dolorous", MessageSid="SM" + "b" * 32) == [], "the same again within minutes"
    assert len(away.spool.files()) == 3


def test_ordinary_messages_get_no_words(line: TestClient) -> None:
    assert post(line, Body="how do I pay my rent?") == []
    assert post(line, Body="STOP dolorous", MessageSid="SM" + "c" * 32)


def test_whatsapp_too(line: TestClient) -> None:
    said = post(line, WHATSAPP, Body="dolorous", From=PERSON, To="whatsapp:+447700900901")
    assert "send an SMS with SHOUT" in said[0]


def test_telegram_by_a_call_of_its_own(line: TestClient, telegram: Recorder, away: Parts) -> None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    for _ in range(2):
        assert (
            line.post("/webhooks/telegram", json=telegram_message(text="dolorous"), headers=headers).status_code == 200
        )
    assert ["Samaritans" in telegram.calls[0], "Are you safe" in telegram.calls[1]] == [True, True]
    assert len(telegram.calls) == 2
    assert [entry.answered for entry in entries(away)] == [True, False]


def test_a_call_that_fails_is_not_taken_for_said(line: TestClient, telegram: Recorder, away: Parts) -> None:
    telegram.outcome = Outcome.TEMPORARY
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    line.post("/webhooks/telegram", json=telegram_message(text="dolorous"), headers=headers)
    assert [entry.answered for entry in entries(away)] == [False]


def entries(parts: Parts) -> list[SpooledInbound]:
    """What was spooled, oldest first."""
    found: list[SpooledInbound] = []
    parts.spool.replay(lambda spooled: found.append(spooled) if isinstance(spooled, SpooledInbound) else None)
    return found


def test_the_replay_says_nothing_twice_and_calls_a_person(
    line: TestClient, parts: Parts, connection: Connection
) -> None:
    assert post(line, Body="dolorous")
    assert receive.replay(parts) == 1
    converse.drain(parts, urgent_only=False)
    rows = connection.execute("SELECT state, purpose, text FROM outbox ORDER BY id").fetchall()
    assert {row[0] for row in rows if row[1] == "crisis" and "Samaritans 116 123" in row[2] and "SHOUT" in row[2]} == {
        "sent"
    }
    assert connection.execute("SELECT level, queue FROM handoffs").fetchall() == [("P1", "crisis")]


def test_neither_database_nor_disk_still_gives_the_words(
    line: TestClient, away: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk itself is the seam here: nothing short of a full one raises."""

    def full(spooled: Spooled, at: float) -> None:
        raise SpoolUnwritable("full")

    monkeypatch.setattr(away.spool, "put", full)
    assert post(line, Body="dolorous")
    form = twilio_form(Body="my tap leaks", MessageSid="SM" + "d" * 32)
    assert line.post(SMS, content=urlencode(form), headers=sign(SMS, form)).status_code == 503
