"""Which channels there are with which accounts."""

from dataclasses import replace
from typing import get_args

import pytest

from channels.messages import ChannelName
from channels.registry import CHANNELS, Accounts, open_channels
from channels.telegram import TelegramAccount
from tests.channels.twilio_world import ACCOUNT

BOT = TelegramAccount(token="110000001:TEST-token_of-nobody", webhook_secret="a-Secret_1")


def test_every_channel_that_messages_name_is_registered() -> None:
    assert set(CHANNELS) == set(get_args(ChannelName))


@pytest.mark.parametrize(
    ("accounts", "names"),
    [
        (Accounts(), []),
        (Accounts(ACCOUNT, BOT), ["sms", "whatsapp", "telegram"]),
        (Accounts(telegram=BOT), ["telegram"]),
        (Accounts(replace(ACCOUNT, whatsapp_from="")), ["sms"]),
        (Accounts(replace(ACCOUNT, sms_from="")), ["whatsapp"]),
        (Accounts(replace(ACCOUNT, sms_from="", whatsapp_from="", messaging_service_sid="MG1")), ["sms"]),
    ],
)
def test_a_channel_without_a_sender_is_off(accounts: Accounts, names: list[str]) -> None:
    channels = open_channels(accounts)
    assert list(channels) == names
    assert [channel.name for channel in channels.values()] == names
