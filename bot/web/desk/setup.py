"""What the desk is built of: the parts, and what settings say of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.service.attachments import Attachments, key_of
from bot.service.parts import Parts
from bot.service.sessions import Limits
from bot.service.stream import Stream
from bot.service.translate import LibreTranslate, Translator
from bot.settings import LOOPBACK, Settings

if TYPE_CHECKING:
    from bot.service.issuer import Issuer

PATH = "/desk"


@dataclass(frozen=True)
class Desk:
    """The desk of one web process.

    base_url: where staff open it, without a path. limits: of sessions. proxies: how many of ours stand before the process.
    issuer: of single sign-on, if there is one. timezone: in which times are told. local_only: nobody
    but this machine may reach it. templates: approved ones of WhatsApp, by name. attachments: files that staff send, None
    where providers could not fetch them. translator: makes English of tenants' messages, None if there is none.
    """

    parts: Parts
    base_url: str
    limits: Limits = Limits()
    proxies: int = 0
    issuer: "Issuer | None" = None
    timezone: str = "Europe/London"
    local_only: bool = False
    templates: tuple[str, ...] = ()
    attachments: Attachments | None = None
    translator: Translator | None = None

    @property
    def secure(self) -> bool:
        """Whether it is reached by https."""
        return self.base_url.startswith("https:")

    @cached_property
    def stream(self) -> Stream:
        """What this process's open pages are told; begun when the process serves."""
        return Stream(self.parts)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The hosts, with ports, that requests may name. On this machine it has several names."""
        address = urlsplit(self.base_url)
        if address.hostname not in LOOPBACK:
            return frozenset({address.netloc.lower()})
        port = f":{address.port}" if address.port else ""
        return frozenset(f"{host}{port}" for host in ("localhost", "127.0.0.1", "[::1]"))

    def origin(self, host: str) -> str:
        """The origin of a page at one of `hosts`."""
        return f"{'https' if self.secure else 'http'}://{host}"

    def link(self, path: str) -> str:
        """A whole address. path: begins with a slash, below the desk."""
        return f"{self.base_url}{PATH}{path}"


def desk_of(settings: Settings, parts: Parts) -> Desk:
    """Make the desk that the settings describe."""
    return Desk(
        parts,
        settings.desk_url,
        Limits(settings.session_idle_minutes * 60.0, settings.session_absolute_minutes * 60.0),
        settings.trusted_proxies,
        _issuer(settings),
        settings.timezone or "Europe/London",
        local_only=settings.desk_base_url is None,
        templates=tuple(sorted({name.partition(".")[0] for name in settings.twilio_content_sids})),
        attachments=_attachments(settings, parts),
        translator=_translator(settings),
    )


def _translator(settings: Settings) -> Translator | None:
    if not settings.translate_url:
        return None
    return LibreTranslate(
        settings.translate_url, settings.translate_key.get_secret_value() if settings.translate_key else ""
    )


def _attachments(settings: Settings, parts: Parts) -> Attachments | None:
    doubled = settings.twilio_api_base_url or settings.telegram_api_base_url
    if not settings.public_base_url and not doubled:
        return None
    secrets = (settings.twilio_auth_token, settings.telegram_bot_token, settings.telegram_webhook_secret)
    key = key_of(secret.get_secret_value() if secret else "" for secret in secrets)
    return Attachments(parts.media_dir / "out", key, settings.base_url)


def _issuer(settings: Settings) -> "Issuer | None":
    if not settings.oidc_issuer or not settings.oidc_client_id or settings.oidc_client_secret is None:
        return None
    # Single sign-on brings libraries that take a third of a second to load.
    from bot.service.issuer import Issuer, IssuerConfig

    return Issuer(
        IssuerConfig(
            settings.oidc_issuer,
            settings.oidc_client_id,
            settings.oidc_client_secret.get_secret_value(),
            settings.oidc_roles_claim,
            settings.oidc_role_map,
        )
    )
