"""The page of phones, as a browser with and without its script uses it."""

import html
import re
import threading
import time
from typing import Any

import pytest

from bot.double.identity import BOT_TOKEN
from bot.double.tenants import PEOPLE
from tests.double.conftest import BASIC, Client, Product, decoded, wait_until

NIA = PEOPLE[0]


def page(call: Client, query: str = "") -> str:
    answer = call.pool.request("GET", f"{call.url}/phone{query}")
    assert answer.status == 200
    return answer.data.decode()


def act(call: Client, **fields: Any) -> int:
    form: dict[str, Any] = {"tenant": "0", "channel": "sms", **fields}
    return call.pool.request(
        "POST", f"{call.url}/phone/act", fields=form, headers={"Accept": "application/json"}
    ).status


def test_shows_a_phone_for_each_channel_and_every_tenant(call: Client) -> None:
    text = page(call)
    for words in ("SMS", "WhatsApp", "Telegram", "+44 7700 900000", "+44 7700 900001", *(p.name for p in PEOPLE)):
        assert words in text


def test_needs_nothing_from_elsewhere_and_nothing_inline(call: Client) -> None:
    answer = call.pool.request("GET", f"{call.url}/phone")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = answer.data.decode()
    assert not re.search(r"<style|\sstyle=|<script>|\son\w+=", text)
    assets = re.findall(r'(?:src|href)="(/phone/static/[^"]+)"', text)
    assert len(assets) == 3
    assert [call.pool.request("GET", call.url + asset).status for asset in assets] == [200] * 3


def test_every_field_and_button_has_a_name(call: Client) -> None:
    text = page(call)
    for field in re.findall(r'<textarea id="([^"]+)"', text):
        assert f'for="{field}"' in text
    for button in re.findall(r"<button[^>]*>(.*?)</button>", text, re.DOTALL):
        assert re.sub(r"<[^>]+>", "", button).strip()
    assert len(re.findall(r'<input type="file"[^>]*aria-label=', text)) == 3


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "telegram"])
def test_says_something(call: Client, product: Product, channel: str) -> None:
    assert act(call, channel=channel, act="say", text="No heating") == 204
    assert product.hooks[0].path.startswith(f"/webhooks/{'telegram' if channel == 'telegram' else 'twilio'}")
    assert "No heating" in page(call)
    assert "delivered" in page(call)


def test_a_blank_message_is_not_sent(call: Client, product: Product) -> None:
    act(call, text="  ")
    assert product.hooks == []


def test_without_its_script_the_page_comes_back(call: Client) -> None:
    answer = call.pool.request(
        "POST", f"{call.url}/phone/act", fields={"tenant": "1", "channel": "whatsapp", "text": "hi"}, redirect=False
    )
    assert (answer.status, answer.headers["location"]) == (303, "/phone?tenant=1#whatsapp")


def test_what_a_tenant_writes_is_never_markup(call: Client) -> None:
    words = "<script>alert(1)</script><b>'\""
    act(call, text=words)
    text = page(call)
    assert "<script>alert" not in text
    assert str(words) in html.unescape(text)


def test_stop_start_and_segments(call: Client) -> None:
    act(call, quick="STOP")
    assert "keeps messages from this number away" in page(call)
    act(call, text="START")
    assert "keeps messages" not in page(call)
    act(call, text="x" * 161)
    assert "2 segments" in page(call)


def test_sends_a_file_and_shows_it(call: Client, product: Product) -> None:
    act(call, text="the wall", file=("wall.png", b"\x89PNG-and-so-on", "image/png"))
    form = product.hooks[0].form
    assert (form["NumMedia"], form["MediaContentType0"], form["Body"]) == ("1", "image/png", "the wall")
    (shown,) = re.findall(r'<img src="(/phone/files/[^"]+)"', page(call))
    answer = call.pool.request("GET", call.url + shown)
    assert (answer.data, answer.headers["x-content-type-options"]) == (b"\x89PNG-and-so-on", "nosniff")


def test_a_file_that_could_hold_a_script_is_a_download(call: Client) -> None:
    act(call, file=("x.html", b"<script>1</script>", "text/html"))
    (link,) = re.findall(r'<a href="(/phone/files/[^"]+)"', page(call))
    assert call.pool.request("GET", call.url + link).headers["content-disposition"] == "attachment"


@pytest.mark.parametrize(("deed", "field"), [("picture", "photo"), ("voice", "voice"), ("place", "location")])
def test_samples(call: Client, product: Product, deed: str, field: str) -> None:
    act(call, channel="telegram", act=deed)
    assert field in decoded(product.hooks[0])["message"]
    assert {"picture": "<img", "voice": "<audio", "place": "Location 51.4816"}[deed] in page(call)


def test_taps_a_button_until_it_is_answered(call: Client, product: Product) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Pay rent", "callback_data": "rent"}]]}
    call.telegram("sendMessage", chat_id=NIA.telegram, text="Which?", reply_markup=keyboard)
    (message,) = re.findall(r'name="message" value="([^"]+)"', page(call))
    assert act(call, channel="telegram", act="tap", message=message, choice="rent") == 204
    query = decoded(product.hooks[0])["callback_query"]
    assert query["data"] == "rent"
    assert "waits for an answer" in page(call)
    call.telegram("answerCallbackQuery", callback_query_id=query["id"])
    assert "waits for an answer" not in page(call)
    assert act(call, channel="telegram", act="tap", message=message, choice="none") == 409


def test_corrects_a_message(call: Client, product: Product) -> None:
    act(call, channel="telegram", text="No heting")
    (link,) = re.findall(r'href="(/phone\?tenant=0&amp;edit=[^"#]+)', page(call))
    editing = page(call, html.unescape(link).removeprefix("/phone"))
    assert "Correcting a message" in editing
    (message,) = re.findall(r'name="message" value="([^"]+)"', editing)
    act(call, channel="telegram", act="edit", message=message, text="No heating")
    assert decoded(product.hooks[1])["edited_message"]["text"] == "No heating"
    assert "edited" in page(call)
    assert "Correcting" not in page(call, f"?tenant=1&edit={message}")


def test_blocks_the_bot(call: Client, product: Product) -> None:
    act(call, channel="telegram", act="block")
    assert decoded(product.hooks[0])["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert "You have blocked this bot" in page(call)


def test_whatsapp_is_read_only_when_somebody_looks(call: Client, product: Product) -> None:
    to, callback = NIA.address("whatsapp"), f"{product.url}/s"
    call.sms(To=to, From="whatsapp:+447700900001", StatusCallback=callback)
    product.wait_for(2)
    call("GET", "/phone/threads?tenant=0")
    call("GET", "/phone/threads?tenant=1&looking=true")
    assert call.journal()[0]["status"] == "delivered"
    call("GET", "/phone/threads?tenant=0&looking=true")
    assert product.wait_for(3)[2].form["MessageStatus"] == "read"


def test_waits_for_a_change(call: Client) -> None:
    seen = call("GET", "/phone/threads")["version"]
    began = time.monotonic()
    later = threading.Timer(0.2, call.sms, kwargs={"To": NIA.number, "Body": "Just now"})
    later.start()
    found = call("GET", f"/phone/threads?seen={seen}")
    later.join()
    assert time.monotonic() - began >= 0.15
    assert found["version"] != seen
    assert "Just now" in found["threads"]["sms"]


def test_typing_shows_and_fades(call: Client) -> None:
    call.telegram("sendChatAction", chat_id=NIA.telegram, action="typing")
    assert "is typing" in page(call)
    call.telegram("sendMessage", chat_id=NIA.telegram, text="Hello")
    assert "is typing" not in page(call)


def test_whatsapp_typing_needs_the_message_it_answers(call: Client) -> None:
    message = call.inbound("whatsapp", NIA.address("whatsapp"), text="hi")["id"]
    url = f"{call.url}/messaging/v2/Indicators/Typing.json"
    bad = {"channel": "whatsapp", "messageId": "SM" + "0" * 32}
    assert call.pool.request("POST", url, fields=bad, headers=BASIC, encode_multipart=False).status == 404
    good = {"channel": "whatsapp", "messageId": message}
    assert call.pool.request("POST", url, fields=good, headers=BASIC, encode_multipart=False).status == 200
    assert "is typing" in page(call)


def test_commands_are_offered_in_the_tenant_s_language(call: Client) -> None:
    commands = [{"command": "menu", "description": "Dangos y ddewislen"}]
    call.telegram("setMyCommands", commands=commands, language_code="cy")
    assert "/menu" in page(call)
    assert "/menu" not in page(call, "?tenant=1")


@pytest.mark.parametrize("query", ["?tenant=99", "?tenant=-1", "?tenant=x"])
def test_no_such_tenant(call: Client, query: str) -> None:
    assert call.pool.request("GET", f"{call.url}/phone{query}").status == 422


def test_a_product_that_is_down_shows_as_failed(call: Client, product: Product) -> None:
    product.status = 503
    act(call, text="hi")
    wait_until(lambda: "failed" in page(call))


def test_no_credential_is_on_the_page(call: Client) -> None:
    act(call, text="hi")
    assert BOT_TOKEN not in page(call)
