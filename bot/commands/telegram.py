"""`hearthline telegram`: what has to be told to Telegram once, and again when its wording changes."""

from typing import TextIO

from bot.errors import HearthlineError, SettingsError
from bot.settings import Settings
from bot.wiring import book, telegram_account
from channels.telegram import Telegram, TelegramCallFailed

WEBHOOK_PATH = "/webhooks/telegram"
COMMANDS = ("menu", "person", "language", "stop")
"""Words that always work, as commands; each is described by the Book's text `command_...`."""


class NotRegistered(HearthlineError):
    """Telegram did not take the webhook."""


def register(settings: Settings, output: TextIO) -> None:
    """Register the webhook and the commands. Raises SettingsError or NotRegistered, with what to do."""
    telegram = _telegram(settings)
    if telegram.account.mode == "polling":
        raise SettingsError(["TELEGRAM_MODE is polling: set it to webhook first."])
    url = f"{settings.base_url}{WEBHOOK_PATH}"
    try:
        telegram.set_webhook(url)
    except TelegramCallFailed as error:
        raise NotRegistered(f"Telegram did not take the webhook ({error}): check token and PUBLIC_BASE_URL.") from error
    print(f"Telegram posts updates to {url}", file=output)
    register_commands(settings, output)


def register_commands(settings: Settings, output: TextIO) -> None:
    """Register the bot's commands in each language of the landlord. Raises SettingsError or NotRegistered."""
    shipped = book(settings)
    said = {
        language: [(name, shipped.text(f"command_{name}", language, "telegram")) for name in COMMANDS]
        for language in shipped.landlord.languages
    }
    try:
        # Telegram shows the list under "" to people of every language that has none of its own.
        _telegram(settings).set_commands({"": said[shipped.landlord.languages[0]], **said})
    except TelegramCallFailed as error:
        raise NotRegistered(f"Telegram did not take the commands ({error}): check the token.") from error
    print(f"Telegram shows the commands in {', '.join(said)}", file=output)


def _telegram(settings: Settings) -> Telegram:
    account = telegram_account(settings)
    if account is None:
        raise SettingsError(["TELEGRAM_BOT_TOKEN and TELEGRAM_WEBHOOK_SECRET are missing: BotFather gives the token."])
    return Telegram(account)
