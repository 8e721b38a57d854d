"""Every channel by its name. Adding one is a module with the four functions of `Channel`, and its line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from channels._twilio import TwilioAccount
from channels.messages import Channel, ChannelName
from channels.sms import Sms
from channels.telegram import Telegram, TelegramAccount
from channels.whatsapp import WhatsApp


@dataclass(frozen=True)
class Accounts:
    """What the landlord has with each provider; None where it has nothing, and the channel is off."""

    twilio: TwilioAccount | None = None
    telegram: TelegramAccount | None = None


def _sms(accounts: Accounts) -> Channel | None:
    twilio = accounts.twilio
    return Sms(twilio) if twilio and (twilio.sms_from or twilio.messaging_service_sid) else None


def _whatsapp(accounts: Accounts) -> Channel | None:
    return WhatsApp(accounts.twilio) if accounts.twilio and accounts.twilio.whatsapp_from else None


def _telegram(accounts: Accounts) -> Channel | None:
    return Telegram(accounts.telegram) if accounts.telegram else None


CHANNELS: Mapping[ChannelName, Callable[[Accounts], Channel | None]] = {
    "sms": _sms,
    "whatsapp": _whatsapp,
    "telegram": _telegram,
}


def open_channels(accounts: Accounts) -> dict[ChannelName, Channel]:
    """Make every channel that has an account. Call once in each process, before it forks."""
    made = {name: make(accounts) for name, make in CHANNELS.items()}
    return {name: channel for name, channel in made.items() if channel is not None}
