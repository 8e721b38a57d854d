"""What becomes of a send: every way in which Twilio, or the way to it, can answer."""

import json
from typing import Any

import pytest

from channels._http import Answer, MayHaveArrived, NeverLeft
from channels._twilio import TYPING_TIMEOUT, TwilioAccount
from channels._twilio_errors import CODES, outcome_of
from channels.errors import SEND_TIMEOUT, Outcome, Sent, Unavailable
from channels.messages import Part, SendContext
from channels.sms import Sms
from channels.whatsapp import WhatsApp
from tests.channels.twilio_world import (
    ACCOUNT,
    CONTEXT,
    CREATED,
    PAYLOADS,
    PROVIDERS,
    FakeTwilio,
    answer,
    created,
    part,
)

ANSWERS = json.loads((PAYLOADS / "twilio_answers.json").read_text())["rows"]
BROKEN: list[tuple[Exception, Sent]] = [
    (NeverLeft("connect"), Sent(Outcome.TEMPORARY, code="connect")),
    (MayHaveArrived("timeout"), Sent(Outcome.UNKNOWN, code="timeout")),
    (MayHaveArrived("connection"), Sent(Outcome.UNKNOWN, code="connection")),
]


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row["id"])
def test_every_answer_has_its_outcome(row: dict[str, Any]) -> None:
    fake = FakeTwilio(answer(row["status"], row["body"], **row.get("headers", {})))
    sent = Sms(ACCOUNT, fake).send(part(), CONTEXT)
    expected = row["sent"]
    assert sent == Sent(Outcome(expected["outcome"]), **{k: v for k, v in expected.items() if k != "outcome"})
    # One call of the provider, whatever it says: to try again is the outbox's decision.
    assert len(fake.calls) == 1


@pytest.mark.parametrize(("error", "sent"), BROKEN, ids=lambda value: str(value)[:20])
def test_a_broken_connection_says_whether_the_message_may_have_arrived(error: Exception, sent: Sent) -> None:
    assert Sms(ACCOUNT, FakeTwilio(error)).send(part(), CONTEXT) == sent


def test_bytes_that_are_no_text_are_unknown() -> None:
    sent = Sms(ACCOUNT, FakeTwilio(Answer(201, {}, b"\xff\xfe{\x00}\x00"))).send(part(), CONTEXT)
    assert sent == Sent(Outcome.UNKNOWN, code="answer")


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_listed_code_decides_over_an_unlisted_status(code: str) -> None:
    fake = FakeTwilio(answer(400, {"code": int(code), "message": "about +447700900123", "status": 400}))
    assert Sms(ACCOUNT, fake).send(part(), CONTEXT) == Sent(CODES[code], code=code)
    assert outcome_of(code) is CODES[code]


def test_an_unlisted_code_means_nothing() -> None:
    assert outcome_of("99999") is None
    assert outcome_of(None) is None


@pytest.mark.skipif(
    not (PROVIDERS / "twilio_error_codes.json").exists(), reason="the shared measuring data is not here"
)
def test_codes_are_twilios() -> None:
    known = json.loads((PROVIDERS / "twilio_error_codes.json").read_text())["codes"]
    newer = {"21635", "21659", "21660"}
    assert set(CODES) - set(known) <= newer


@pytest.mark.parametrize("channel", [Sms, WhatsApp])
def test_the_call_is_what_twilio_documents(channel: type[Sms] | type[WhatsApp]) -> None:
    fake = FakeTwilio()
    sent = channel(ACCOUNT, fake).send(part(), CONTEXT)
    assert sent == Sent(Outcome.ACCEPTED, provider_id=CREATED["sid"])
    (call,) = fake.calls
    assert call["method"] == "POST"
    assert call["url"] == f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT.account_sid}/Messages.json"
    assert call["form"] == {
        "To": "+447700900123",
        "From": "+447700900001",
        "Body": "Hello",
        "StatusCallback": "https://line.example/webhooks/twilio/status/01JD0",
    }
    assert call["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert call["headers"]["Authorization"].startswith("Basic ")


def test_a_message_id_cannot_leave_its_place_in_the_callback() -> None:
    assert ACCOUNT.status_callback("../x?y#z") == "https://line.example/webhooks/twilio/status/..%2Fx%3Fy%23z"


def test_another_base_serves_all_of_twilios_hosts() -> None:
    account = TwilioAccount("AC1", "t", "https://line.example", api_base_url="http://127.0.0.1:4011/")
    fake = FakeTwilio(created(), created())
    asked = Part(channel="whatsapp", account="", address="", params={"To": "whatsapp:+1", "Body": "x", "typing": "SM1"})
    WhatsApp(account, fake).send(asked, CONTEXT)
    assert [call["url"] for call in fake.calls] == [
        "http://127.0.0.1:4011/messaging/v2/Indicators/Typing.json",
        "http://127.0.0.1:4011/2010-04-01/Accounts/AC1/Messages.json",
    ]


TYPED = Part(
    channel="whatsapp",
    account=ACCOUNT.whatsapp_from,
    address="whatsapp:+447700900123",
    params={"To": "whatsapp:+447700900123", "From": ACCOUNT.whatsapp_from, "Body": "Hello", "typing": "SM00b01"},
    text="Hello",
)


@pytest.mark.parametrize(
    "typing",
    [
        answer(200, {"success": True}),
        answer(200, ""),
        answer(404, {"code": 20404}),
        answer(500, "oops"),
        answer(200, "[1]"),
        NeverLeft("connect"),
        MayHaveArrived("timeout"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_typing_is_shown_first_and_its_failure_changes_nothing(typing: Answer | Exception) -> None:
    fake = FakeTwilio(typing, created())
    assert WhatsApp(ACCOUNT, fake).send(TYPED, CONTEXT) == Sent(Outcome.ACCEPTED, provider_id=CREATED["sid"])
    first, second = fake.calls
    assert first["url"] == "https://messaging.twilio.com/v2/Indicators/Typing.json"
    assert first["form"] == {"channel": "whatsapp", "messageId": "SM00b01"}
    assert "typing" not in second["form"]
    assert first["seconds"] == TYPING_TIMEOUT
    assert first["seconds"] + second["seconds"] <= SEND_TIMEOUT


@pytest.mark.parametrize("closes", [None, 999.9, 1000.0])
def test_outside_the_window_nothing_is_called(closes: float | None) -> None:
    fake = FakeTwilio()
    context = SendContext(message_id="1", now=1000.0, window_closes_at=closes)
    assert WhatsApp(ACCOUNT, fake).send(TYPED, context) == Sent(Outcome.OUTSIDE_WINDOW)
    assert fake.calls == []


def test_a_template_goes_outside_the_window() -> None:
    fake = FakeTwilio()
    params = {"To": "whatsapp:+1", "From": "whatsapp:+2", "ContentSid": "HX1", "template": "repair-booked"}
    approved = Part(channel="whatsapp", account="whatsapp:+2", address="whatsapp:+1", params=params)
    sent = WhatsApp(ACCOUNT, fake).send(approved, SendContext(message_id="1", now=1000.0))
    assert sent.outcome is Outcome.ACCEPTED
    assert set(fake.calls[0]["form"]) == {"To", "From", "ContentSid", "StatusCallback"}


def test_sms_knows_no_window() -> None:
    assert Sms(ACCOUNT, FakeTwilio()).send(part(), SendContext(message_id="1", now=1000.0)).provider_id


SINCE = 1795338000.0
"""The second in which `twilio_created.json` was made."""


def listed(*changes: dict[str, object]) -> Answer:
    page = {"messages": [{**CREATED, **one} for one in changes], "next_page_uri": None, "page": 0, "page_size": 50}
    return answer(200, page)


@pytest.mark.parametrize(
    ("changes", "since", "known", "found"),
    [
        ([{}], SINCE, (), CREATED["sid"]),
        ([{}], SINCE + 0.9, (), CREATED["sid"]),
        ([{}], SINCE + 1, (), None),
        ([{"body": "Hello  there"}], SINCE, (), None),
        ([{"body": "Hello\n"}], SINCE, (), CREATED["sid"]),
        ([{"body": None}], SINCE, (), None),
        ([{"direction": "inbound"}], SINCE, (), None),
        ([{"status": "failed"}], SINCE, (), CREATED["sid"]),
        ([], SINCE, (), None),
        ([{"sid": "SMnewer"}, {"sid": "SMolder"}], SINCE, (), "SMolder"),
        ([{"sid": "SMnewer"}, {"sid": "SMolder"}], SINCE, ("SMolder",), "SMnewer"),
    ],
)
def test_finds_what_was_sent_after_all(
    changes: list[dict[str, object]], since: float, known: tuple[str, ...], found: str | None
) -> None:
    fake = FakeTwilio(listed(*changes))
    assert Sms(ACCOUNT, fake).find_sent(part(), since, known) == found
    (call,) = fake.calls
    assert call["method"] == "GET"
    assert call["url"].endswith("Messages.json?To=%2B447700900123&From=%2B447700900001&PageSize=50")


@pytest.mark.parametrize(
    "trouble",
    [
        NeverLeft("connect"),
        MayHaveArrived("timeout"),
        answer(500, ""),
        answer(200, "<html>"),
        answer(200, {"a": 1, "b": 2}),
        answer(200, {"messages": 7}),
        answer(200, {"messages": ["text"]}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_says_when_it_cannot_tell(trouble: Answer | Exception) -> None:
    with pytest.raises(Unavailable):
        Sms(ACCOUNT, FakeTwilio(trouble)).find_sent(part(), SINCE)
