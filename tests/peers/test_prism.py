"""Every shape of send against Prism, which refuses what Twilio's OpenAPI description does not allow.

Pictures are left out: Prism 5.14 takes no list in a form, however it is written.
"""

from dataclasses import replace

import msgspec
import pytest

from channels._twilio import TwilioAccount
from channels.errors import Outcome
from channels.messages import Channel, Option, Outbound, Part, SendContext
from channels.sms import Sms
from channels.whatsapp import WhatsApp

CONTENT = {"booked": "HX" + "1" * 32, "menu": "HX" + "2" * 32}
CONTEXT = SendContext(message_id="01JD0", now=0.0, window_closes_at=1.0)
OPTIONS = (Option("a", "A leak"), Option("b", "Damp"))
SMS = Outbound(channel="sms", account="+447700900001", address="+447700900123", text="Which? 🚿", options=OPTIONS)
WHATSAPP = Outbound(
    channel="whatsapp", account="whatsapp:+447700900002", address="whatsapp:+447700900123", text="Hello"
)
change = msgspec.structs.replace

SHAPES = {
    "sms": SMS,
    "sms by a service": change(SMS, account="MG" + "1" * 32),
    "whatsapp": WHATSAPP,
    "whatsapp to a sender without a number": change(WHATSAPP, address="whatsapp:US.1234567890"),
    "whatsapp template": change(WHATSAPP, template="booked", variables={"1": "Monday"}),
    "whatsapp menu": change(WHATSAPP, menu="menu", options=OPTIONS),
}


def channel_of(outbound: Outbound, account: TwilioAccount) -> Channel:
    made = replace(account, content=CONTENT)
    return Sms(made) if outbound.channel == "sms" else WhatsApp(made)


@pytest.mark.parametrize("outbound", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_is_allowed(outbound: Outbound, described: TwilioAccount) -> None:
    channel = channel_of(outbound, described)
    (part,) = channel.render(outbound)
    assert channel.send(part, CONTEXT).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "params",
    [
        {"To": "+447700900123", "MessagingServiceSid": "MG1", "Body": "x"},
        {"To": "whatsapp:+447700900123", "From": "whatsapp:+447700900002", "ContentSid": "booked"},
    ],
    ids=["a service that is none", "content that is none"],
)
def test_prism_does_refuse(params: dict[str, object], described: TwilioAccount) -> None:
    part = Part(channel="sms", account="+447700900001", address="+447700900123", params=params)
    assert Sms(described).send(part, CONTEXT).outcome is Outcome.REJECTED


def test_a_callback_must_be_an_address(described: TwilioAccount) -> None:
    (part,) = Sms(described).render(SMS)
    assert Sms(replace(described, public_base_url="not an address")).send(part, CONTEXT).outcome is Outcome.REJECTED
