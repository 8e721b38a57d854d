"""Who the double pretends to be: credentials that are obviously no real ones, and numbers that nobody owns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.errors import HearthlineError

ACCOUNT_SID: Final = "AC" + "0" * 32
AUTH_TOKEN: Final = "d0" * 16
MESSAGING_SERVICE_SID: Final = "MG" + "0" * 32
# Ofcom keeps 07700 900000 to 900999 for drama: they reach nobody (Telephone numbers for use in TV and radio drama).
SMS_FROM: Final = "+447700900000"
WHATSAPP_FROM: Final = "whatsapp:+447700900001"
BOT_ID: Final = 110000000
BOT_TOKEN: Final = f"{BOT_ID}:double-of-telegram-and-no-real-token"
BOT_USERNAME: Final = "HearthDoubleBot"
WEBHOOK_SECRET: Final = "double-of-telegram"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_OWN: Final = {
    "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
    "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
}


class RealCredentials(HearthlineError):
    """The double was asked to run beside real credentials."""


class NotLoopback(HearthlineError):
    """The double was pointed at, or asked to listen on, something beyond this machine."""


@dataclass(frozen=True)
class DoubleConfig:
    """How to run the double. Raises `NotLoopback` if the product is not on this machine.

    public_base_url: where the product listens; the double posts the tenants' messages there.
    port: of 127.0.0.1; 0 takes any free one. kept: how many messages are remembered.
    """

    public_base_url: str
    port: int = 8010
    kept: int = 20_000

    def __post_init__(self) -> None:
        if not re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)", self.public_base_url):
            raise NotLoopback("PUBLIC_BASE_URL must be on this machine (http://127.0.0.1:PORT) for the double to run.")


def credentials(port: int) -> dict[str, str]:
    """Environment variables that make the product talk to the double on `port` of 127.0.0.1."""
    base = f"http://127.0.0.1:{port}"
    return {
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_SMS_FROM": SMS_FROM,
        "TWILIO_WHATSAPP_FROM": WHATSAPP_FROM,
        "TWILIO_API_BASE_URL": base,
        "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
        "TELEGRAM_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "TELEGRAM_API_BASE_URL": base,
    }


def refuse_real_credentials(environment: Mapping[str, str]) -> None:
    """Raise `RealCredentials` if `environment` holds a provider's credential that is not the double's own."""
    real = sorted(name for name, own in _OWN.items() if environment.get(name, own) not in ("", own))
    if real:
        raise RealCredentials(f"The double does not run beside real credentials. Unset {', '.join(real)}.")
