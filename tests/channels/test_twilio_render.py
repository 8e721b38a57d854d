"""What Twilio's channels make of what is to be said, within the provider's limits."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels._twilio import BODY_LIMIT
from channels.messages import Option, Outbound, Part
from channels.sms import Sms, decoded
from channels.text import segments, units
from channels.whatsapp import WhatsApp
from tests.channels.twilio_world import ACCOUNT, CONTEXT, PAYLOADS, FakeTwilio, expand

CHANNELS: dict[str, Sms | WhatsApp] = {"sms": Sms(ACCOUNT, FakeTwilio()), "whatsapp": WhatsApp(ACCOUNT, FakeTwilio())}
FILES = [json.loads((PAYLOADS / f"{name}_render.json").read_text()) for name in CHANNELS]
ROWS = [{**row, "said": {**file["outbound"], **row.get("outbound", {})}} for file in FILES for row in file["rows"]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['said']['channel']}: {row['id']}")
def test_renders(row: dict[str, Any]) -> None:
    outbound = msgspec.convert(expand(row["said"]), Outbound)
    parts = CHANNELS[outbound.channel].render(outbound)
    assert len(parts) == len(row["parts"])
    for part, expected in zip(parts, expand(row["parts"]), strict=True):
        assert {name: part.params.get(name) for name in expected["params"]} == expected["params"]
        shown = msgspec.to_builtins(part)
        assert all(shown.get(key, 0) == value for key, value in expected.items() if key != "params")
        assert (part.channel, part.account, part.address) == (outbound.channel, outbound.account, outbound.address)
        # The outbox keeps it as JSON; neither credentials nor the callback are in it.
        kept = msgspec.json.encode(part)
        assert msgspec.json.decode(kept, type=Part) == part
        assert ACCOUNT.auth_token.encode() not in kept
        assert b"StatusCallback" not in kept


OPTIONS = st.lists(st.builds(Option, id=st.text(min_size=1, max_size=8), label=st.text(max_size=20)), max_size=4)


@given(st.sampled_from(["sms", "whatsapp"]), st.text(max_size=4000), OPTIONS)
def test_every_part_can_be_sent(name: Any, text: str, options: list[Option]) -> None:
    channel = CHANNELS[name]
    parts = channel.render(Outbound(channel=name, account="+1", address="+2", text=text, options=tuple(options)))
    for part in parts:
        body = str(part.params["Body"])
        assert body.strip()
        assert units(body) <= BODY_LIMIT
        assert part.text == body
        assert part.segments == (segments(body).count if name == "sms" else 0)
        assert type(channel)(ACCOUNT, FakeTwilio()).send(part, CONTEXT).outcome == "accepted"
    said = "".join("".join(part.text for part in parts).split())
    assert all(character in said for character in text if character.isascii() and character.isalnum())


@given(st.text(max_size=200))
def test_nothing_with_a_space_is_taken_for_base64(text: str) -> None:
    assert decoded(f"{text} a") == f"{text} a"


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", min_size=40, max_size=200))
def test_random_letters_are_not_taken_for_base64(text: str) -> None:
    assert decoded(text) == text
