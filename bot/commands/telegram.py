"""`hearthline telegram`: what has to be told to Telegram once."""

from typing import TextIO

from bot.errors import HearthlineError, SettingsError
from bot.settings import Settings
from bot.wiring import telegram_account
from channels.telegram import Telegram, TelegramCallFailed

WEBHOOK_PATH = "/webhooks/telegram"


class NotRegistered(HearthlineError):
    """Telegram did not take the webhook."""


def register(settings: Settings, output: TextIO) -> None:
    """Register the webhook. Raises SettingsError or NotRegistered, with what to do."""
    account = telegram_account(settings)
    if account is None:
        raise SettingsError(["TELEGRAM_BOT_TOKEN and TELEGRAM_WEBHOOK_SECRET are missing: BotFather gives the token."])
    if account.mode == "polling":
        raise SettingsError(["TELEGRAM_MODE is polling: set it to webhook first."])
    url = f"{settings.base_url}{WEBHOOK_PATH}"
    try:
        Telegram(account).set_webhook(url)
    except TelegramCallFailed as error:
        raise NotRegistered(f"Telegram did not take the webhook ({error}): check token and PUBLIC_BASE_URL.") from error
    print(f"Telegram posts updates to {url}", file=output)
