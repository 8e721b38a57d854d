"""What the desk is built of: the parts, and what settings say of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.service.parts import Parts
from bot.service.sessions import Limits
from bot.service.stream import Stream
from bot.settings import LOOPBACK, Settings

if TYPE_CHECKING:
    from bot.service.issuer import Issuer

PATH = "/desk"


@dataclass(frozen=True)
class Desk:
    """The desk of one web process.

    base_url: where staff open it, without a path. limits: of sessions. proxies: how many of ours stand before the process.
    issuer: of single sign-on, if there is one. timezone: in which times are told. local_only: nobody
    but this machine may reach it. templates: approved ones of WhatsApp, by name.
    """

    parts: Parts
    base_url: str
    limits: Limits = Limits()
    proxies: int = 0
    issuer: "Issuer | None" = None
    timezone: str = "Europe/London"
    local_only: bool = False
    templates: tuple[str, ...] = ()

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
    )


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
