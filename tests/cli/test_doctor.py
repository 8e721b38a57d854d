"""`hearthline doctor`: what it finds at the providers, played by a table, and what it says to do."""

import io
import json
from collections.abc import Mapping

import pytest

from bot.commands import doctor
from bot.commands.doctor import Finding
from bot.settings import Settings

SID = "AC" + "0" * 32
BASE = "https://line.example.org"
ACCOUNT = f"https://api.twilio.com/2010-04-01/Accounts/{SID}"
NUMBERS = f"{ACCOUNT}/IncomingPhoneNumbers.json?PhoneNumber=%2B447700900000"
SERVICE = "https://messaging.twilio.com/v1/Services/MG" + "0" * 32
TELEGRAM = "https://api.telegram.org/bot123456:ABCdef/getWebhookInfo"

TWILIO_SET = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "t0ken", "TWILIO_SMS_FROM": "+447700900000"}
TELEGRAM_SET = {"TELEGRAM_BOT_TOKEN": "123456:ABCdef", "TELEGRAM_WEBHOOK_SECRET": "s3cret"}
WELL = {
    f"{BASE}/healthz": (200, {}),
    f"{ACCOUNT}.json": (200, {"status": "active"}),
    NUMBERS: (200, {"incoming_phone_numbers": [{"sms_url": f"{BASE}/webhooks/twilio/sms#rc=3"}]}),
    SERVICE: (200, {"inbound_request_url": f"{BASE}/webhooks/twilio/sms"}),
    TELEGRAM: (200, {"ok": True, "result": {"url": f"{BASE}/webhooks/telegram", "pending_update_count": 0}}),
}
ELSEWHERE = {"incoming_phone_numbers": [{"sms_url": "https://old.example"}]}
Answers = Mapping[str, tuple[int, object]]


def findings(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str], answers: Answers) -> list[Finding]:
    for name, value in {"PUBLIC_BASE_URL": BASE, **values}.items():
        monkeypatch.setenv(name, value)

    def get(url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if url.startswith(ACCOUNT):
            assert headers["Authorization"].startswith("Basic ")
        status, body = answers[url]
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()

    return list(doctor.channels(Settings(_env_file=None), get))


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(monkeypatch, {**TWILIO_SET, **TELEGRAM_SET}, WELL)
    assert [finding.verdict for finding in found] == ["ok", "ok", "ok", "off", "ok", "ok"]


def test_a_messaging_service_is_looked_at_instead_of_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**TWILIO_SET, "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32}
    answers = {url: answer for url, answer in WELL.items() if url != NUMBERS}
    assert Finding("ok", "sms webhook") in findings(monkeypatch, values, answers)


@pytest.mark.parametrize(
    ("values", "url", "answer", "what", "remedy"),
    [
        (TWILIO_SET, f"{BASE}/healthz", (0, b""), "PUBLIC_BASE_URL", "did not answer"),
        (TWILIO_SET, f"{BASE}/healthz", (502, b""), "PUBLIC_BASE_URL", "answered 502"),
        (TWILIO_SET, f"{ACCOUNT}.json", (401, b""), "Twilio", "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        (TWILIO_SET, f"{ACCOUNT}.json", (0, b""), "Twilio", "can this machine reach it?"),
        (TWILIO_SET, f"{ACCOUNT}.json", (200, {"status": "suspended"}), "Twilio", "suspended"),
        (TWILIO_SET, NUMBERS, (200, {"incoming_phone_numbers": []}), "sms", "no number TWILIO_SMS_FROM"),
        (
            TWILIO_SET,
            NUMBERS,
            (200, {"incoming_phone_numbers": [{"sms_url": "https://old.example"}]}),
            "sms",
            "set it to",
        ),
        (TWILIO_SET, NUMBERS, (200, b"not json"), "sms", "no number"),
        (TELEGRAM_SET, TELEGRAM, (401, b""), "telegram", "check TELEGRAM_BOT_TOKEN"),
        (TELEGRAM_SET, TELEGRAM, (200, {"result": {"url": ""}}), "telegram", "hearthline telegram set-webhook"),
    ],
)
def test_each_problem_is_named_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
    values: Mapping[str, str],
    url: str,
    answer: tuple[int, object],
    what: str,
    remedy: str,
) -> None:
    found = findings(monkeypatch, values, {**WELL, url: answer})
    (problem,) = [finding for finding in found if finding.verdict == "problem"]
    assert problem.what == what
    assert remedy in problem.remedy


def test_without_credentials_it_says_that_the_double_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = findings(monkeypatch, {}, {})
    assert found.verdict == "note"


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**TWILIO_SET, **TELEGRAM_SET}
    for status in (0, 200, 401, 500):
        found = str(findings(monkeypatch, values, {url: (status, b"{}") for url in WELL}))
        assert not any(secret in found for secret in ("t0ken", "ABCdef", "s3cret", "+447700900000"))


def test_servers_are_looked_at_for_real(monkeypatch: pytest.MonkeyPatch, database_url: str, redis_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    assert list(doctor.servers(Settings(_env_file=None))) == [Finding("ok", "PostgreSQL"), Finding("ok", "Redis")]


def test_a_database_without_its_tables_is_a_problem(monkeypatch: pytest.MonkeyPatch, empty_database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    tables, redis = doctor.servers(Settings(_env_file=None))
    assert "hearthline migrate" in tables.remedy
    assert "check REDIS_URL" in redis.remedy


def test_wrong_settings_are_told_and_the_exit_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    output = io.StringIO()
    assert doctor.examine(output) == 1
    assert output.getvalue().startswith("problem  settings: PORT must be")
