"""The Twilio adapters against emulate, which keeps messages, signs webhooks and calls back."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from channels._twilio import TwilioAccount
from channels.errors import Forged, Outcome
from channels.messages import Channel, ChannelName, Inbound, Outbound, Part, Receipt, SendContext, WebhookRequest
from channels.sms import Sms
from channels.whatsapp import WhatsApp
from tests.peers.world import SERVICED, SMS, WHATSAPP, Receiver, ask

TENANTS: dict[ChannelName, str] = {"sms": "+447700900123", "whatsapp": "whatsapp:+447700900123"}
SENDERS: dict[ChannelName, str] = {"sms": SMS, "whatsapp": WHATSAPP}
WORDS = ["No heating", "dŵr – £5 & 100%", "🚿👨‍👩‍👧‍👦", " two\nlines ", "a+b=c;d", "\u202eabc\u202c", ""]


def channel_of(name: ChannelName, account: TwilioAccount) -> Sms | WhatsApp:
    return Sms(account) if name == "sms" else WhatsApp(account)


def said(name: ChannelName, text: str) -> Part:
    params = {"To": TENANTS[name], "From": SENDERS[name], "Body": text}
    return Part(channel=name, account=SENDERS[name], address=TENANTS[name], params=params, text=text)


def context(message_id: str) -> SendContext:
    return SendContext(message_id=message_id, now=0.0, window_closes_at=1.0)


def read(channel: Channel, request: WebhookRequest) -> Inbound | Receipt:
    channel.verify(request)
    (found,) = channel.parse(request)
    return found


def about(message_id: str) -> str:
    return f"/webhooks/twilio/status/{message_id}"


@pytest.mark.parametrize("name", ["sms", "whatsapp"])
def test_what_is_sent_is_there_and_its_delivery_is_followed(
    name: ChannelName, emulated: TwilioAccount, receiver: Receiver
) -> None:
    channel, message_id = channel_of(name, emulated), f"follow-{name}"
    sent = channel.send(said(name, "Your repair is booked: £0, 9–12 🚿"), context(message_id))
    assert sent.outcome is Outcome.ACCEPTED
    page = ask(emulated, "GET", f"/2010-04-01/Accounts/{emulated.account_sid}/Messages/{sent.provider_id}.json")
    assert (page["to"], page["from"], page["body"]) == (
        TENANTS[name],
        SENDERS[name],
        "Your repair is booked: £0, 9–12 🚿",
    )
    for status in ("sent", "delivered", "undelivered", "failed", "read", "canceled"):
        form = urlencode({"MessageSid": sent.provider_id, "Status": status})
        ask(emulated, "POST", "/_twilio/simulate/message-status", form)
    statuses = []
    for _ in range(7):
        receipt = read(channel, receiver.next(lambda request: request.url.endswith(about(message_id))))
        assert isinstance(receipt, Receipt)
        assert receipt.provider_id == sent.provider_id
        statuses.append(receipt.status)
    assert statuses == ["queued", "sent", "delivered", "undelivered", "failed", "read", "failed"]


@pytest.mark.parametrize("name", ["sms", "whatsapp"])
@pytest.mark.parametrize("words", WORDS)
def test_what_a_tenant_writes_arrives_as_it_was(
    name: ChannelName, words: str, emulated: TwilioAccount, receiver: Receiver
) -> None:
    form = urlencode({"To": SENDERS[name], "From": TENANTS[name], "Body": words})
    ask(emulated, "POST", "/_twilio/simulate/inbound-message", form)
    request = receiver.next(lambda request: request.url.endswith(f"/webhooks/twilio/{name}"))
    channel = channel_of(name, emulated)
    inbound = read(channel, request)
    assert isinstance(inbound, Inbound)
    assert (inbound.channel, inbound.account, inbound.address) == (name, SENDERS[name], TENANTS[name])
    assert inbound.text == words
    with pytest.raises(Forged):
        channel.verify(msgspec.structs.replace(request, body=request.body + b"&More=1"))
    with pytest.raises(Forged):
        channel_of(name, replace(emulated, auth_token="another")).verify(request)


def test_a_messaging_service_keeps_the_number_that_was_written_to(emulated: TwilioAccount, receiver: Receiver) -> None:
    channel = Sms(emulated)
    form = urlencode({"To": SERVICED, "From": TENANTS["sms"], "Body": "hello"})
    ask(emulated, "POST", "/_twilio/simulate/inbound-message", form)
    inbound = read(channel, receiver.next(lambda request: b"MessagingServiceSid=MG" in request.body))
    assert isinstance(inbound, Inbound)
    assert inbound.account == SERVICED
    for account in (inbound.account, emulated.messaging_service_sid):
        (part,) = channel.render(Outbound(channel="sms", account=account, address=inbound.address, text="Hello"))
        sent = channel.send(part, context("service"))
        page = ask(emulated, "GET", f"/2010-04-01/Accounts/{emulated.account_sid}/Messages/{sent.provider_id}.json")
        assert page["from"] == SERVICED


def test_an_unknown_send_can_be_looked_up(emulated: TwilioAccount) -> None:
    channel = Sms(emulated)
    part = said("sms", "only once")
    assert channel.find_sent(part, 0.0) is None
    sent = channel.send(part, context("lookup"))
    assert channel.find_sent(part, 0.0) == sent.provider_id
    assert channel.find_sent(part, 0.0, known=[sent.provider_id or ""]) is None
    assert channel.find_sent(part, 4e9) is None


@pytest.mark.parametrize(
    ("changes", "outcome", "code"),
    [
        ({"auth_token": "wrong"}, Outcome.MISCONFIGURED, "20003"),
        ({"account_sid": "AC" + "1" * 32}, Outcome.MISCONFIGURED, "20003"),
        ({"api_base_url": "http://127.0.0.1:1"}, Outcome.TEMPORARY, "connect"),
    ],
)
def test_a_wrong_setting_is_told_apart(
    changes: dict[str, Any], outcome: Outcome, code: str, emulated: TwilioAccount
) -> None:
    sent = Sms(replace(emulated, **changes)).send(said("sms", "Hello"), context("wrong"))
    assert (sent.outcome, sent.code) == (outcome, code)


def test_a_sender_of_somebody_else_is_misconfigured(emulated: TwilioAccount) -> None:
    (part,) = Sms(emulated).render(Outbound(channel="sms", account="+447700900999", address="+447700900123", text="Hi"))
    assert Sms(emulated).send(part, context("stranger")).code == "21606"


def test_many_at_once_are_each_sent_once_and_each_called_back(emulated: TwilioAccount, receiver: Receiver) -> None:
    channel, many = Sms(emulated), 200
    with ThreadPoolExecutor(16) as threads:
        sends = list(threads.map(lambda n: channel.send(said("sms", f"Number {n}"), context(f"many-{n}")), range(many)))
    assert {sent.outcome for sent in sends} == {Outcome.ACCEPTED}
    called = Counter[str]()
    for _ in range(many):
        receipt = read(channel, receiver.next(lambda request: about("many-") in request.url))
        assert isinstance(receipt, Receipt)
        called[receipt.provider_id] += 1
    assert called == Counter(sent.provider_id for sent in sends)
