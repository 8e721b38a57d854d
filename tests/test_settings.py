"""Settings: what each accepts, the sentence for each that is wrong, and the table in the documents."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.settings import Settings, as_table, load

ROOT = Path(__file__).parent.parent
SID, TOKEN = "AC" + "0a" * 16, "5ecret" * 5
TWILIO = {
    "TWILIO_ACCOUNT_SID": SID,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_SMS_FROM": "+447700900000",
    "PUBLIC_BASE_URL": "https://line.example.org",
}
TELEGRAM = {
    "TELEGRAM_BOT_TOKEN": "123456:ABC-def_ghi",
    "TELEGRAM_WEBHOOK_SECRET": "s3cret",
    "PUBLIC_BASE_URL": "https://line.example.org",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings; the tests put theirs into it."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def read(environment: pytest.MonkeyPatch, values: dict[str, str]) -> Settings:
    for name, value in values.items():
        environment.setenv(name, value)
    return load(None)


def test_nothing_set_is_enough_to_begin(environment: pytest.MonkeyPatch) -> None:
    settings = read(environment, {})
    assert settings.channels_on == ()
    assert settings.bind_host == "127.0.0.1"
    assert settings.base_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("values", "on"),
    [
        (TWILIO, ("sms",)),
        ({**TWILIO, "TWILIO_SMS_FROM": "", "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32}, ("sms",)),
        ({**TWILIO, "TWILIO_SMS_FROM": "", "TWILIO_WHATSAPP_FROM": "+447700900001"}, ("whatsapp",)),
        ({**TWILIO, "TWILIO_WHATSAPP_FROM": "whatsapp:+447700900001"}, ("sms", "whatsapp")),
        (TELEGRAM, ("telegram",)),
        ({**TWILIO, **TELEGRAM}, ("sms", "telegram")),
    ],
)
def test_a_channel_is_on_when_it_has_credentials_and_a_sender(
    environment: pytest.MonkeyPatch, values: dict[str, str], on: tuple[str, ...]
) -> None:
    assert read(environment, values).channels_on == on


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ({"DATABASE_URL": "postgres://u:p@h/db"}, "database_url", "postgresql://u:p@h/db"),
        ({"PUBLIC_BASE_URL": "https://line.example.org/"}, "public_base_url", "https://line.example.org"),
        ({"PUBLIC_BASE_URL": "http://localhost:9000"}, "public_base_url", "http://localhost:9000"),
        ({"PUBLIC_BASE_URL": "http://[::1]:9000"}, "public_base_url", "http://[::1]:9000"),
        ({"LANDLORD_NATION": "northern-ireland"}, "landlord_nation", "northern-ireland"),
        ({"REDIS_URL": "unix:///run/valkey.sock"}, "limits_url", "redis+unix:///run/valkey.sock"),
        ({"REDIS_URL": "rediss://cache:6379"}, "limits_url", "rediss://cache:6379"),
        ({"TWILIO_CONTENT_SIDS": '{"menu": "HX' + "0" * 32 + '"}'}, "twilio_content_sids", {"menu": "HX" + "0" * 32}),
        ({"PORT": ""}, "port", 8000),
    ],
)
def test_values_are_read(environment: pytest.MonkeyPatch, values: dict[str, str], name: str, expected: object) -> None:
    assert getattr(read(environment, values), name) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://h/db"),
        ("DATABASE_URL", "postgresql:/h"),
        ("REDIS_URL", "http://h"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "eighty"),
        ("BIND_HOST", "my host"),
        ("PUBLIC_BASE_URL", "http://line.example.org"),
        ("PUBLIC_BASE_URL", "https://line.example.org/?a=b"),
        ("PUBLIC_BASE_URL", "line.example.org"),
        ("TWILIO_ACCOUNT_SID", "AC123"),
        ("TWILIO_SMS_FROM", "call us on +44!"),
        ("TWILIO_MESSAGING_SERVICE_SID", SID),
        ("TWILIO_WHATSAPP_FROM", "07700900000"),
        ("TWILIO_CONTENT_SIDS", "{not json"),
        ("TWILIO_CONTENT_SIDS", '{"menu": "MG1"}'),
        ("TWILIO_API_BASE_URL", "http://somewhere.example"),
        ("TELEGRAM_BOT_TOKEN", "not-a-token"),
        ("TELEGRAM_WEBHOOK_SECRET", "with space"),
        ("TELEGRAM_MODE", "pigeon"),
        ("LANDLORD_PROFILE", "../../etc/passwd"),
        ("LANDLORD_NATION", "france"),
        ("TIMEZONE", "Mars/Olympus"),
        ("LOG_FORMAT", "xml"),
        ("METRICS_TOKEN", "short"),
        ("DESK_BASE_URL", "http://desk.example.org"),
        ("SESSION_IDLE_MINUTES", "-7"),
        ("SESSION_ABSOLUTE_MINUTES", "a day"),
        ("TRUSTED_PROXIES", "-1"),
        ("OIDC_ISSUER", "login.example.org"),
        ("OIDC_ROLES_CLAIM", "two words"),
        ("OIDC_ROLE_MAP", '{"Leads": "king"}'),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it_and_does_not_quote_it(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        read(environment, {name: value})
    (sentence,) = raised.value.sentences
    assert sentence.startswith(f"{name} must be ")
    assert sentence.endswith(".")
    assert value not in sentence


@pytest.mark.parametrize(
    ("values", "without", "names"),
    [
        (TWILIO, "TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN"),
        (TWILIO, "TWILIO_ACCOUNT_SID", "TWILIO_ACCOUNT_SID"),
        (TWILIO, "TWILIO_SMS_FROM", "TWILIO_SMS_FROM"),
        (TWILIO, "PUBLIC_BASE_URL", "PUBLIC_BASE_URL"),
        (TELEGRAM, "TELEGRAM_WEBHOOK_SECRET", "TELEGRAM_WEBHOOK_SECRET"),
        (TELEGRAM, "TELEGRAM_BOT_TOKEN", "TELEGRAM_BOT_TOKEN"),
        (TELEGRAM, "PUBLIC_BASE_URL", "PUBLIC_BASE_URL"),
    ],
)
def test_half_a_channel_is_refused(
    environment: pytest.MonkeyPatch, values: dict[str, str], without: str, names: str
) -> None:
    with pytest.raises(SettingsError, match=f"{names}.*missing|Twilio has no sender.*{names}") as raised:
        read(environment, {name: value for name, value in values.items() if name != without})
    assert not any(secret in str(raised.value) for secret in (SID, TOKEN, *TELEGRAM.values()))


OIDC = {
    "OIDC_ISSUER": "https://login.example.org",
    "OIDC_CLIENT_ID": "hearthline-desk",
    "OIDC_CLIENT_SECRET": "5ecret" * 5,
    "OIDC_ROLE_MAP": '{"Leads": "supervisor"}',
}


@pytest.mark.parametrize("without", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ROLE_MAP"])
def test_half_an_issuer_is_refused(environment: pytest.MonkeyPatch, without: str) -> None:
    with pytest.raises(SettingsError, match=f"{without} is missing"):
        read(environment, {name: value for name, value in OIDC.items() if name != without})


def test_the_desk_has_an_address_without_a_path(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="DESK_BASE_URL must have no path"):
        read(environment, {"DESK_BASE_URL": "https://line.example.org/desk"})


def test_the_desk_is_for_this_machine_until_it_is_said_otherwise(environment: pytest.MonkeyPatch) -> None:
    assert read(environment, {"PUBLIC_BASE_URL": "https://line.example.org"}).desk_url == "http://127.0.0.1:8000"


def test_a_local_double_needs_no_public_address(environment: pytest.MonkeyPatch) -> None:
    local = {"TWILIO_API_BASE_URL": "http://127.0.0.1:8001", "PUBLIC_BASE_URL": ""}
    assert read(environment, {**TWILIO, **local}).sms_on


def test_polling_needs_no_public_address(environment: pytest.MonkeyPatch) -> None:
    assert read(environment, {**TELEGRAM, "TELEGRAM_MODE": "polling", "PUBLIC_BASE_URL": ""}).telegram_on


def test_every_fault_is_told_at_once(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as raised:
        read(environment, {"PORT": "x", "TIMEZONE": "x", "LOG_FORMAT": "x"})
    assert [sentence.split()[0] for sentence in raised.value.sentences] == ["PORT", "TIMEZONE", "LOG_FORMAT"]


def test_the_environment_goes_before_the_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8123\nLOG_FORMAT=json\n")
    environment.setenv("PORT", "8456")
    settings = load(tmp_path / ".env")
    assert (settings.port, settings.log_format) == (8456, "json")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_text_is_a_value_or_a_sentence(value: str) -> None:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("PUBLIC_BASE_URL", "DATABASE_URL", "TWILIO_CONTENT_SIDS"):
            environment.setenv(name, value)
            with suppress(SettingsError):
                load(None)
            environment.delenv(name)


def test_secrets_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    database = {"DATABASE_URL": "postgresql://u:pa55@h/db", "METRICS_TOKEN": "m" * 20}
    shown = repr(read(environment, {**TWILIO, **TELEGRAM, **database}))
    assert not any(secret in shown for secret in (TOKEN, "ABC-def_ghi", "s3cret", "pa55", "m" * 20))


def test_settings_do_not_change(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(environment, {}).port = 1  # type: ignore[misc]  # that it cannot be set is what is tested


def test_the_document_is_the_class() -> None:
    written = (ROOT / "docs" / "settings.md").read_text()
    assert as_table() in written, "write it anew: hearthline settings"


def test_the_example_file_names_every_setting() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [line.removeprefix("#").strip().partition("=")[0] for line in lines if "=" in line]
    assert named == [name.upper() for name in Settings.model_fields]
