"""Every recorded webhook of Twilio's channels: what it is read as, or why it is refused."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from channels.errors import ChannelError, Forged, Malformed
from channels.messages import Channel, Inbound, Receipt
from channels.sms import Sms
from channels.whatsapp import WhatsApp
from tests.channels.twilio_world import ACCOUNT, PAYLOADS, FakeTwilio, rows, webhook

MAKERS: dict[str, Callable[[], Channel]] = {
    "sms": lambda: Sms(ACCOUNT, FakeTwilio()),
    "whatsapp": lambda: WhatsApp(ACCOUNT, FakeTwilio()),
}
FILES = sorted(path.name for kind in ("webhooks", "status") for path in PAYLOADS.glob(f"*_{kind}.json"))
ROWS = [row for name in FILES for row in rows(name)]
CHANNELS = {name: make() for name, make in MAKERS.items()}


def read(row: dict[str, Any]) -> tuple[Inbound | Receipt, ...]:
    channel, request = CHANNELS[row["channel"]], webhook(row)
    channel.verify(request)
    return channel.parse(request)


def expected(row: dict[str, Any]) -> tuple[Inbound | Receipt, ...]:
    wanted = row["expect"]
    if "inbound" in wanted:
        return (msgspec.convert(wanted["inbound"], Inbound),)
    return (msgspec.convert(wanted["receipt"], Receipt),) if "receipt" in wanted else ()


@pytest.mark.parametrize("row", [row for row in ROWS if "error" not in row["expect"]], ids=lambda row: row["id"])
def test_is_read(row: dict[str, Any]) -> None:
    found = read(row)
    assert found == expected(row)
    # The inbox keeps it as JSON.
    assert tuple(msgspec.json.decode(msgspec.json.encode(one), type=type(one)) for one in found) == found


@pytest.mark.parametrize("row", [row for row in ROWS if "error" in row["expect"]], ids=lambda row: row["id"])
def test_is_refused(row: dict[str, Any]) -> None:
    kinds: dict[str, type[ChannelError]] = {"Forged": Forged, "Malformed": Malformed}
    with pytest.raises(kinds[row["expect"]["error"]], match=row["expect"]["says"]) as caught:
        read(row)
    values = {**row["fields"], **row.get("form", {})}.values()
    assert not [value for value in values if value and len(value) > 3 and value in str(caught.value)]


def test_every_file_has_its_forgeries() -> None:
    for name in FILES:
        tried = {row.get("signature") for row in rows(name) if row["expect"].get("error") == "Forged"}
        assert {"bad", "missing"} <= tried, name


def test_a_private_value_never_shows_in_the_account() -> None:
    assert ACCOUNT.auth_token not in repr(ACCOUNT)
    assert ACCOUNT.shared_key not in repr(ACCOUNT)
