"""What the providers, and others who pretend to be them, may post."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
import redis
from fastapi.testclient import TestClient
from httpx2 import Response

from bot.queues import QueueName
from bot.service.parts import Parts
from bot.service.spool import Spool
from bot.store.database import Connection
from bot.web.app import create_app
from bot.web.webhooks import BODY_LIMIT
from tests.web.conftest import PUBLIC, TOKEN, sign, telegram_message, twilio_form

Post = Callable[..., Response]
SMS = "/webhooks/twilio/sms"
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


def kept(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM inbox ORDER BY id").fetchall()]


def test_a_signed_message_is_stored_rung_for_and_answered_with_nothing(
    post_sms: Post, connection: Connection, parts: Parts, rung: list[QueueName]
) -> None:
    answer = post_sms(twilio_form())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    assert answer.text.endswith("<Response/>")
    assert kept(connection) == ["how do I pay my rent?"]
    parts.bell.close()
    assert rung == ["talk"]


def test_distress_rings_the_urgent_queue(post_sms: Post, parts: Parts, rung: list[QueueName]) -> None:
    post_sms(twilio_form(Body="dolorous"))
    parts.bell.close()
    assert rung == ["urgent"]


@pytest.mark.parametrize("path", [SMS, "/webhooks/twilio/whatsapp", "/webhooks/twilio/status/1"])
@pytest.mark.parametrize("signature", [None, "", "forged", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="])
def test_unsigned_and_forged_requests_are_refused_and_kept_nowhere(
    client: TestClient, connection: Connection, path: str, signature: str | None, tmp_path: Path
) -> None:
    headers = FORM_TYPE if signature is None else {**FORM_TYPE, "X-Twilio-Signature": signature}
    assert client.post(path, content=urlencode(twilio_form()), headers=headers).status_code == 403
    assert kept(connection) == []
    assert not list(tmp_path.rglob("*.json"))


def test_a_signature_for_another_address_is_forged(client: TestClient) -> None:
    form = twilio_form()
    headers = sign("/webhooks/twilio/whatsapp", form)
    assert client.post(SMS, content=urlencode(form), headers=headers).status_code == 403


def test_a_proxy_in_front_breaks_no_signature(post_sms: Post) -> None:
    proxy = {"Host": "10.0.0.7:8000", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "elsewhere.example"}
    assert post_sms(twilio_form(), headers=proxy).status_code == 200


def test_telegrams_secret_is_asked_for(post_telegram: Post, connection: Connection) -> None:
    assert post_telegram(telegram_message(), secret="another").status_code == 403
    assert post_telegram(telegram_message(), secret="").status_code == 403
    assert kept(connection) == []
    assert post_telegram(telegram_message()).status_code == 200
    assert kept(connection) == ["hello"]


def test_every_tapped_button_stops_spinning_repeats_included(post_telegram: Post, connection: Connection) -> None:
    person = {"id": 77, "is_bot": False, "first_name": "Sam"}
    message = {"message_id": 5, "date": 1, "chat": {"id": 77, "type": "private"}, "text": "menu"}
    update = {
        "update_id": 9,
        "callback_query": {"id": "cb9", "from": person, "chat_instance": "x", "data": "stale", "message": message},
    }
    for _ in range(2):
        answer = post_telegram(update)
        assert answer.json() == {"method": "answerCallbackQuery", "callback_query_id": "cb9"}
    assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (1,)


def test_a_repeated_id_with_another_text_changes_nothing(post_sms: Post, connection: Connection) -> None:
    assert post_sms(twilio_form(Body="first")).status_code == 200
    assert post_sms(twilio_form(Body="second")).status_code == 200
    assert kept(connection) == ["first"]


EMOJI = "\U0001f3e0" * 10_000

ODD_BODIES = [
    ("NUL bytes", "he\x00llo", "hello"),
    (
        "bidirectional marks",
        "\u202eabc\u202c \u2067\u0645\u0631\u062d\u0628\u0627\u2069",
        "\u202eabc\u202c \u2067\u0645\u0631\u062d\u0628\u0627\u2069",
    ),
    ("ten thousand emoji", EMOJI[:1600], EMOJI[:1600]),
    ("empty", "", ""),
    ("only spaces", "   ", "   "),
]


@pytest.mark.parametrize(("body", "stored"), [row[1:] for row in ODD_BODIES], ids=[row[0] for row in ODD_BODIES])
def test_odd_texts_are_kept_and_harm_nothing(post_sms: Post, connection: Connection, body: str, stored: str) -> None:
    assert post_sms(twilio_form(Body=body)).status_code == 200
    assert kept(connection) == [stored]


RAW_FORMS = [
    ("invalid UTF-8", "Body=%FF%FE+help"),
    ("a lone surrogate", "Body=%ED%A0%BD+help"),
]


@pytest.mark.parametrize("raw", [row[1] for row in RAW_FORMS], ids=[row[0] for row in RAW_FORMS])
def test_a_valid_message_in_broken_bytes_is_not_lost(client: TestClient, connection: Connection, raw: str) -> None:
    rest = twilio_form()
    del rest["Body"]
    body = f"{urlencode(rest)}&{raw}"
    # Twilio signs the bytes it sends, whatever they mean.
    fields = sorted(parse_qsl(body, keep_blank_values=True, errors="surrogateescape"))
    signed = (f"{PUBLIC}{SMS}" + "".join(name + value for name, value in fields)).encode("utf-8", "surrogateescape")
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed, "sha1")).decode()
    headers = {**FORM_TYPE, "X-Twilio-Signature": signature}
    answer = client.post(SMS, content=body, headers=headers)
    assert answer.status_code == 200
    assert "help" in kept(connection)[0]


def test_ten_thousand_emoji_over_telegram(post_telegram: Post, connection: Connection) -> None:
    assert post_telegram(telegram_message(text=EMOJI)).status_code in (200, 413)
    assert post_telegram(telegram_message(2, text=EMOJI[:4096])).status_code == 200
    assert kept(connection)[-1] == EMOJI[:4096]


def test_lone_surrogates_over_telegram(post_telegram: Post, connection: Connection) -> None:
    raw = json.dumps(telegram_message(3, text="TEXT")).encode().replace(b"TEXT", b"a\\ud83d help")
    assert post_telegram(raw).status_code == 200
    assert "help" in kept(connection)[0]


REFUSED_FORMS: list[tuple[str, Mapping[str, str]]] = [
    ("another account's SID", {"AccountSid": "AC" + "9" * 32}),
    ("no sender", {"From": ""}),
    ("no id", {"MessageSid": ""}),
]
MALFORMED_FORMS = ["Body=100%+help", "&&&", "=", "a=b&" * 3000]


@pytest.mark.parametrize("change", [row[1] for row in REFUSED_FORMS], ids=[row[0] for row in REFUSED_FORMS])
def test_forms_that_cannot_be_ours_are_refused_in_words(
    post_sms: Post, connection: Connection, change: Mapping[str, str]
) -> None:
    answer = post_sms(twilio_form(**change))
    assert answer.status_code in (400, 403)
    assert kept(connection) == []


@pytest.mark.parametrize("body", MALFORMED_FORMS, ids=["percent", "ampersands", "no name", "too many fields"])
def test_a_malformed_form_is_no_server_error(client: TestClient, connection: Connection, body: str) -> None:
    headers = sign(SMS, dict(parse_qsl(body, keep_blank_values=True)))
    assert client.post(SMS, content=body, headers=headers).status_code in (400, 403)
    assert kept(connection) == []


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_a_wrong_content_type_is_no_server_error(client: TestClient, connection: Connection, content_type: str) -> None:
    form = twilio_form()
    headers = {**sign(SMS, form), "Content-Type": content_type}
    assert client.post(SMS, content=urlencode(form), headers=headers).status_code in (400, 403)
    assert kept(connection) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'{"update_id": "x"}',
        b'{"update_id": 1, "message": {}}',
        b"\xff\xfe",
        b"[" * 60_000,
    ],
)
def test_malformed_json_is_no_server_error(post_telegram: Post, connection: Connection, body: bytes) -> None:
    assert post_telegram(body).status_code == 400
    assert kept(connection) == []


def test_an_unknown_kind_of_update_is_accepted_and_passed_over(post_telegram: Post, connection: Connection) -> None:
    assert post_telegram({"update_id": 5, "a_kind_of_next_year": {"id": 1}}).status_code == 200
    assert kept(connection) == []


def test_too_much_is_refused_without_being_read(post_sms: Post, post_telegram: Post, connection: Connection) -> None:
    assert post_sms(twilio_form(Body="x" * (BODY_LIMIT + 1))).status_code == 413
    assert post_telegram(b" " * (BODY_LIMIT + 1)).status_code == 413
    assert kept(connection) == []


@pytest.mark.parametrize("message_id", ["0", "99999999999999999999999", "0" * 5000, "abc", "-1", "1e3", "%00", "٣"])
def test_reports_on_unknown_messages_are_harmless(client: TestClient, message_id: str) -> None:
    path = f"/webhooks/twilio/status/{message_id}"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "AccountSid": twilio_form()["AccountSid"]}
    answer = client.post(path, content=urlencode(form), headers=sign(path, form))
    assert answer.status_code in (204, 404, 403)


def test_a_channel_without_credentials_is_off(parts: Parts, redis_client: redis.Redis) -> None:
    app = create_app(replace(parts, channels={}), public_base_url=PUBLIC, redis_client=redis_client)
    with TestClient(app) as client:
        for path in (SMS, "/webhooks/twilio/whatsapp", "/webhooks/telegram", "/webhooks/twilio/status/1"):
            assert client.post(path, content="a=b").status_code == 404


def test_without_postgresql_the_disk_keeps_the_message(without_database: Parts, redis_client: redis.Redis) -> None:
    app = create_app(without_database, public_base_url=PUBLIC, redis_client=redis_client)
    form = twilio_form()
    with TestClient(app) as client:
        assert client.post(SMS, content=urlencode(form), headers=sign(SMS, form)).status_code == 200
        ready = client.get("/readyz")
    assert len(without_database.spool.files()) == 1
    assert ready.status_code == 503
    assert "PostgreSQL does not answer" in ready.json()["missing"]


def test_without_postgresql_and_disk_the_provider_is_told_to_come_again(
    without_database: Parts, redis_client: redis.Redis, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    parts = replace(without_database, spool=Spool(blocked / "spool"))
    app = create_app(parts, public_base_url=PUBLIC, redis_client=redis_client)
    form = twilio_form()
    with TestClient(app) as client:
        answer = client.post(SMS, content=urlencode(form), headers=sign(SMS, form))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    *workers, clock = answer.json()["missing"]
    assert workers == [f"no worker answers the queue {queue}" for queue in ("urgent", "talk", "send", "media")]
    assert clock.startswith("no clock runs")


def test_metrics_are_for_this_machine_or_a_bearer_of_the_token(
    parts: Parts, client: TestClient, redis_client: redis.Redis, post_sms: Post
) -> None:
    post_sms(twilio_form())
    local = client.get("/metrics")
    assert local.status_code == 200
    assert "hearthline_unanswered 1.0" in local.text
    assert "+4477" not in local.text
    assert TOKEN not in local.text
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403
    app = create_app(parts, public_base_url=PUBLIC, redis_client=redis_client, metrics_token="a-token-of-sixteen")
    with TestClient(app, client=("127.0.0.1", 1)) as tokened:
        assert tokened.get("/metrics").status_code == 403
        assert tokened.get("/metrics", headers={"Authorization": "Bearer wrong-token-here"}).status_code == 403
        assert tokened.get("/metrics", headers={"Authorization": "Bearer a-token-of-sixteen"}).status_code == 200


def test_no_page_tells_of_the_machinery(client: TestClient) -> None:
    for path in ("/docs", "/openapi.json", "/redoc", "/", "/webhooks", f"/{quote_plus('../etc/passwd')}"):
        assert client.get(path).status_code == 404
