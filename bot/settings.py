"""Every setting of Hearthline, from the environment or a `.env` file, and nothing else reads either.

The class is the documentation too: `as_table` writes docs/settings.md from it. A setting says what it `wants`, which is
the sentence somebody reads when it is wrong; no sentence ever quotes a value, since it may be a secret.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

Nation = Literal["england", "wales", "scotland", "northern-ireland"]
StaffRole = Literal["advisor", "editor", "supervisor", "safety-lead", "administrator"]
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _matching(pattern: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: Any) -> Any:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not compiled.fullmatch(plain):
            raise ValueError
        return value

    return AfterValidator(check)


def _base_url(value: str) -> str:
    """Accept https anywhere and http on this machine, without query or fragment; drop a last slash."""
    address = urlsplit(value)
    local = address.scheme == "http" and address.hostname in LOOPBACK
    if not address.hostname or address.query or address.fragment or not (local or address.scheme == "https"):
        raise ValueError
    return value.rstrip("/")


def _database_url(value: str) -> str:
    """Hosts still hand out `postgres://`, which libpq takes and SQLAlchemy does not."""
    scheme, mark, rest = value.partition("://")
    if scheme not in ("postgres", "postgresql") or not mark:
        raise ValueError
    return f"postgresql://{rest}"


def _timezone(value: str) -> str:
    from zoneinfo import available_timezones

    if value not in available_timezones():
        raise ValueError
    return value


def _whatsapp(value: str) -> str:
    return value if value.startswith("whatsapp:") else f"whatsapp:{value}"


WhatsappSender = Annotated[str, AfterValidator(_whatsapp), _matching(r"whatsapp:\+[1-9][0-9]{6,14}")]
BaseUrl = Annotated[str, AfterValidator(_base_url)]


def _setting(meaning: str, wants: str, example: str, default: Any = None, **more: Any) -> Any:
    return Field(default, description=meaning, examples=[example], json_schema_extra={"wants": wants}, **more)


class Settings(BaseSettings):
    """Immutable, complete and consistent once made. `load` makes it, and says what is wrong if it cannot."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", env_file_encoding="utf-8")

    database_url: Annotated[str, AfterValidator(_database_url)] | None = _setting(
        "PostgreSQL 16 or newer. Unset: `hearthline run` starts its own, with its data in VAR_DIR",
        "an address that begins with postgresql://",
        "postgresql://hearthline@db.example/hearthline",
        repr=False,
    )
    redis_url: Annotated[str, _matching(r"(rediss?|unix)://.+")] | None = _setting(
        "Redis 7 or Valkey. Unset: `hearthline run` starts its own",
        "an address that begins with redis://, rediss:// or unix://",
        "redis://cache.example:6379/0",
        repr=False,
    )
    port: int = _setting("Port of the web process", "a whole number from 1 to 65535", "8000", 8000, ge=1, le=65535)
    bind_host: Annotated[str, _matching(r"[0-9A-Za-z.:-]+")] = _setting(
        "Address the web process listens on. A host such as Heroku needs 0.0.0.0",
        "an IP address or host name",
        "0.0.0.0",
        "127.0.0.1",
    )
    public_base_url: BaseUrl | None = _setting(
        "Where the providers reach Hearthline. They sign it, so it must be exactly what they were told",
        "an https address without a query (http only on this machine)",
        "https://line.example.org",
    )
    twilio_account_sid: Annotated[str, _matching("AC[0-9a-fA-F]{32}")] | None = _setting(
        "Twilio account, for SMS and WhatsApp", "AC and 32 hexadecimal digits", "AC" + "0" * 32
    )
    twilio_auth_token: SecretStr | None = _setting(
        "Its auth token, which also signs Twilio's webhooks", "the account's auth token", "(secret)"
    )
    twilio_sms_from: Annotated[str, _matching(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 +&_-]{1,11}")] | None = (
        _setting(
            "SMS sender: a number, a short code or a name that cannot be answered",
            "a number such as +447700900000, a short code, or a name of at most 11 characters",
            "+447700900000",
        )
    )
    twilio_messaging_service_sid: Annotated[str, _matching("MG[0-9a-fA-F]{32}")] | None = _setting(
        "Messaging Service that chooses the SMS sender; goes before TWILIO_SMS_FROM",
        "MG and 32 hexadecimal digits",
        "MG" + "0" * 32,
    )
    twilio_whatsapp_from: (
        Annotated[str, AfterValidator(_whatsapp), _matching(r"whatsapp:\+[1-9][0-9]{6,14}")] | None
    ) = _setting("WhatsApp sender", "a number such as +447700900000", "whatsapp:+447700900000")
    twilio_content_sids: dict[str, Annotated[str, _matching("HX[0-9a-fA-F]{32}")]] = _setting(
        "Approved WhatsApp templates and menus, name to ContentSid, as JSON",
        'a JSON object such as {"reminder": "HX..."}, each value HX and 32 hexadecimal digits',
        '{"reminder": "HX' + "0" * 32 + '"}',
        {},
    )
    twilio_api_base_url: BaseUrl | None = _setting(
        "Takes the place of Twilio's addresses, for a local double",
        "an https address (http only on this machine)",
        "http://127.0.0.1:8001",
    )
    telegram_bot_token: Annotated[SecretStr, _matching("[0-9]+:[A-Za-z0-9_-]+")] | None = _setting(
        "Telegram bot, as BotFather gave it", "digits, a colon and letters", "(secret)"
    )
    telegram_webhook_secret: Annotated[SecretStr, _matching("[A-Za-z0-9_-]{1,256}")] | None = _setting(
        "What Telegram must send in its secret header", "1 to 256 letters, digits, _ or -", "(secret)"
    )
    telegram_api_base_url: BaseUrl | None = _setting(
        "Takes the place of Telegram's address, for a local double",
        "an https address (http only on this machine)",
        "http://127.0.0.1:8001",
    )
    telegram_mode: Literal["webhook", "polling"] = _setting(
        "How updates come: Telegram calls us, or the clock process asks", "webhook or polling", "polling", "webhook"
    )
    sms_per_second: int = _setting(
        "SMS sent a second at most. Twilio takes 10 from a UK number, 100 from a short code, and queues the rest",
        "a whole number from 1 to 10000",
        "100",
        10,
        ge=1,
        le=10_000,
    )
    whatsapp_per_second: int = _setting(
        "WhatsApp messages sent a second at most", "a whole number from 1 to 10000", "80", 80, ge=1, le=10_000
    )
    telegram_per_second: int = _setting(
        "Telegram messages sent a second at most. Telegram takes 30 from a bot",
        "a whole number from 1 to 10000",
        "30",
        30,
        ge=1,
        le=10_000,
    )
    var_dir: Path = _setting("What this machine keeps: embedded servers, lock, logs", "a directory", "var", Path("var"))
    media_dir: Path = _setting("Files that tenants send", "a directory", "/srv/media", Path("var/media"))
    spool_dir: Path = _setting(
        "Webhooks taken while PostgreSQL is away; must outlive a restart",
        "a directory",
        "/srv/spool",
        Path("var/spool"),
    )
    landlord_profile: Annotated[str, _matching("[a-z0-9-]+")] = _setting(
        "The landlord: a file of flows/landlords, without .yaml",
        "lower-case letters, digits and -",
        "wales-association",
        "england-council",
    )
    landlord_name: str | None = _setting("In place of the profile's name", "a name", "Harbour Homes")
    landlord_nation: Nation | None = _setting(
        "In place of the profile's nation; law and helplines follow it",
        "england, wales, scotland or northern-ireland",
        "wales",
    )
    timezone: Annotated[str, AfterValidator(_timezone)] | None = _setting(
        "In place of the profile's time zone, for opening hours", "an IANA time zone", "Europe/London"
    )
    environment: Literal["development", "production"] | None = _setting(
        "Production refuses to start unless two people have signed the safety files. Unset: production with an https"
        " PUBLIC_BASE_URL, development without",
        "development or production",
        "production",
    )
    log_format: Literal["console", "json"] = _setting("How log lines look", "console or json", "json", "console")
    metrics_token: Annotated[SecretStr, _matching(r"\S{16,}")] | None = _setting(
        "Bearer token for /metrics. Unset: only this machine may read it",
        "at least 16 characters without a space",
        "(secret)",
    )

    desk_base_url: BaseUrl | None = _setting(
        "Where staff open the desk, without a path. Unset: only this machine may",
        "an https address without a query (http only on this machine)",
        "https://desk.example.org",
    )
    session_idle_minutes: int = _setting(
        "Minutes without use after which staff have to sign in again",
        "a whole number from 1 to 1440",
        "60",
        60,
        ge=1,
        le=1440,
    )
    session_absolute_minutes: int = _setting(
        "Minutes after which staff have to sign in again in any case",
        "a whole number from 1 to 10080",
        "720",
        720,
        ge=1,
        le=10_080,
    )
    trusted_proxies: int = _setting(
        "Proxies of yours before the web process that add to X-Forwarded-For, where tries to sign in are counted by address",
        "a whole number from 0 to 9",
        "1",
        0,
        ge=0,
        le=9,
    )
    desk_abandoned_minutes: int = _setting(
        "Minutes without a sign of life after which what an advisor holds is queued again",
        "a whole number from 2 to 240",
        "15",
        15,
        ge=2,
        le=240,
    )
    translate_url: BaseUrl | None = _setting(
        "LibreTranslate, for staff to read tenants' messages by. Unset: no translation",
        "the service's https address (http only on this machine)",
        "https://translate.example.org",
    )
    translate_key: SecretStr | None = _setting("Its API key, where it asks for one", "the service's key", "(secret)")
    oidc_issuer: BaseUrl | None = _setting(
        "OpenID Connect issuer for single sign-on, beside local accounts",
        "the issuer's https address (http only on this machine)",
        "https://login.example.org",
    )
    oidc_client_id: str | None = _setting("What the issuer calls the desk", "the client's id", "hearthline-desk")
    oidc_client_secret: SecretStr | None = _setting("Its secret with the issuer", "the client's secret", "(secret)")
    oidc_roles_claim: Annotated[str, _matching(r"[A-Za-z0-9_.:/-]{1,100}")] = _setting(
        "The claim that lists somebody's groups or roles at the issuer", "the name of a claim", "groups", "roles"
    )
    oidc_role_map: dict[str, StaffRole] = _setting(
        "The desk's role for each value of that claim, as JSON",
        'a JSON object such as {"Housing advisors": "advisor"}, each value advisor, editor, supervisor, safety-lead or'
        " administrator",
        '{"Housing advisors": "advisor"}',
        {},
    )

    @property
    def in_production(self) -> bool:
        """Whether real tenants may be on the line: what the setting says, or else whether providers can reach it."""
        reached = self.public_base_url is not None and self.public_base_url.startswith("https:")
        return reached if self.environment is None else self.environment == "production"

    @property
    def base_url(self) -> str:
        """Where Hearthline is reached from outside, without a last slash."""
        return self.public_base_url or f"http://127.0.0.1:{self.port}"

    @property
    def desk_url(self) -> str:
        """Where staff open the desk, without a last slash or the path."""
        return self.desk_base_url or f"http://127.0.0.1:{self.port}"

    @property
    def limits_url(self) -> str:
        """The address of Redis as the `limits` library writes it: with its own name for a socket."""
        address = self.redis_url or "memory://"
        return f"redis+{address}" if address.startswith("unix:") else address

    @property
    def sms_on(self) -> bool:
        """SMS has credentials and a sender."""
        return bool(self.twilio_account_sid and (self.twilio_sms_from or self.twilio_messaging_service_sid))

    @property
    def whatsapp_on(self) -> bool:
        """WhatsApp has credentials and a sender."""
        return bool(self.twilio_account_sid and self.twilio_whatsapp_from)

    @property
    def telegram_on(self) -> bool:
        """Telegram has a bot."""
        return bool(self.telegram_bot_token)

    @property
    def channels_on(self) -> tuple[str, ...]:
        """Names of the channels that have credentials."""
        on = {"sms": self.sms_on, "whatsapp": self.whatsapp_on, "telegram": self.telegram_on}
        return tuple(name for name, is_on in on.items() if is_on)

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        sentences = [sentence for wrong, sentence in _contradictions(self) if wrong]
        if sentences:
            raise SettingsError(sentences)
        return self


def _contradictions(s: Settings) -> list[tuple[bool, str]]:
    """List what must not be, and the sentence that says so."""
    sid, token = bool(s.twilio_account_sid), bool(s.twilio_auth_token)
    sender = bool(s.twilio_sms_from or s.twilio_messaging_service_sid or s.twilio_whatsapp_from)
    calls_us = (sid and not _local(s.twilio_api_base_url)) or (
        s.telegram_on and s.telegram_mode == "webhook" and not _local(s.telegram_api_base_url)
    )
    return [
        (sid and not token, "TWILIO_AUTH_TOKEN is missing, and TWILIO_ACCOUNT_SID is of no use without it."),
        (token and not sid, "TWILIO_ACCOUNT_SID is missing, and TWILIO_AUTH_TOKEN is of no use without it."),
        (sender and not sid, "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are missing: a Twilio sender is set."),
        (
            sid and not sender,
            "Twilio has no sender: set TWILIO_SMS_FROM, TWILIO_MESSAGING_SERVICE_SID or TWILIO_WHATSAPP_FROM.",
        ),
        (
            s.telegram_on and not s.telegram_webhook_secret,
            "TELEGRAM_WEBHOOK_SECRET is missing: without it anybody could write to the bot's webhook.",
        ),
        (
            bool(s.telegram_webhook_secret) and not s.telegram_on,
            "TELEGRAM_BOT_TOKEN is missing: only its secret is set.",
        ),
        (
            calls_us and not s.public_base_url,
            "PUBLIC_BASE_URL is missing: the providers must be told an https address to call.",
        ),
        (
            bool(s.oidc_issuer) and not s.oidc_client_id,
            "OIDC_CLIENT_ID is missing, and OIDC_ISSUER is of no use without it.",
        ),
        (
            bool(s.oidc_issuer) and s.oidc_client_secret is None,
            "OIDC_CLIENT_SECRET is missing, and OIDC_ISSUER is of no use without it.",
        ),
        (
            bool(s.oidc_issuer) and not s.oidc_role_map,
            "OIDC_ROLE_MAP is missing: without it single sign-on would let nobody in.",
        ),
        (
            s.translate_key is not None and not s.translate_url,
            "TRANSLATE_URL is missing: only its key is set.",
        ),
        (
            s.desk_base_url is not None and bool(urlsplit(s.desk_base_url).path),
            "DESK_BASE_URL must have no path: the desk is at /desk.",
        ),
    ]


def _local(url: str | None) -> bool:
    return url is not None and urlsplit(url).hostname in LOOPBACK


def load(env_file: Path | None = Path(".env")) -> Settings:
    """Read the environment and, under it, the file if there is one. Raises SettingsError, a sentence for each fault."""
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        wrong = {str(fault["loc"][0]): None for fault in error.errors(include_input=False, include_context=False)}
    except (SettingsError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        wrong = dict.fromkeys(name for name in Settings.model_fields if f'"{name}"' in str(error))
    raise SettingsError([f"{name.upper()} must be {wants(name)}." for name in wrong])


def wants(name: str) -> str:
    """Say what the value of a setting must be. `name` is the field's, in lower case."""
    extra = Settings.model_fields[name].json_schema_extra
    return str(extra["wants"]) if isinstance(extra, dict) else "different"


def as_table() -> str:
    """Write all settings as a Markdown table."""
    rows = ["| Setting | Meaning | Default | Example |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, {}) else f"`{field.default}`"
        example = (field.examples or [""])[0]
        shown = example if example.startswith("(") else f"`{example}`"
        rows.append(f"| `{name.upper()}` | {field.description} | {default} | {shown} |")
    return "\n".join(rows) + "\n"
