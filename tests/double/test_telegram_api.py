"""The double of Telegram, against Telegram's description and the product's own adapter."""

import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from bot.double.identity import BOT_ID, BOT_TOKEN, WEBHOOK_SECRET
from bot.double.telegram_checks import METHODS
from channels.errors import Outcome
from channels.messages import Inbound, Option, Outbound, SendContext, WebhookRequest
from channels.telegram import Telegram, TelegramAccount, TelegramCallFailed
from tests.double.conftest import Client, Hook, Product, decoded, wait_until

PROVIDERS = Path(__file__).parents[3] / "shared" / "data" / "providers"
CHAT = 700900101
CONTEXT = SendContext(message_id="m", now=0.0)


def adapter(call: Client) -> Telegram:
    return Telegram(TelegramAccount(BOT_TOKEN, WEBHOOK_SECRET, call.url))


def read(line: Telegram, hook: Hook) -> Inbound:
    request = WebhookRequest(url="", headers=hook.headers, body=hook.body)
    line.verify(request)
    (inbound,) = line.parse(request)
    assert isinstance(inbound, Inbound)
    return inbound


def said(text: str = "Hello", **more: Any) -> Outbound:
    return Outbound(channel="telegram", account=str(BOT_ID), address=str(CHAT), text=text, **more)


REFUSALS: list[tuple[str, dict[str, Any], int]] = [
    ("sendMessage", {"chat_id": CHAT}, 400),
    ("sendMessage", {"chat_id": CHAT, "text": "  "}, 400),
    ("sendMessage", {"chat_id": CHAT, "text": "x" * 4097}, 400),
    ("sendMessage", {"chat_id": "@nobody", "text": "x"}, 400),
    ("sendMessage", {"chat_id": CHAT, "text": "x", "surprise": 1}, 400),
    ("sendMessage", {"chat_id": CHAT, "text": "x", "reply_markup": "{"}, 400),
    ("sendPhoto", {"chat_id": CHAT, "photo": "https://x", "caption": "x" * 1025}, 400),
    ("answerCallbackQuery", {"callback_query_id": "1"}, 400),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, 400),
    ("sendChatAction", {"chat_id": CHAT, "action": "sleeping"}, 400),
    ("getFile", {"file_id": "none"}, 400),
    ("setWebhook", {"url": "https://example.org"}, 400),
    ("setWebhook", {"url": "http://127.0.0.1", "secret_token": "é"}, 400),
    ("setWebhook", {"url": "http://127.0.0.1", "max_connections": 101}, 400),
    ("setMyCommands", {"commands": [{"command": "Menu", "description": "x"}]}, 400),
    ("setMyCommands", {"commands": [{"command": "menu", "description": ""}]}, 400),
    ("setMyCommands", {"commands": [{"command": "menu", "description": "x"}] * 101}, 400),
    ("getUpdates", {}, 409),
    ("getUpdates", {"limit": 0}, 400),
    ("sendNothing", {}, 404),
]


@pytest.mark.parametrize(("method", "params", "status"), REFUSALS, ids=lambda value: str(value)[:50])
def test_refuses_as_telegram_does(call: Client, method: str, params: dict[str, Any], status: int) -> None:
    answer = call.telegram(method, **params)
    assert (answer.status, answer.json()["ok"], answer.json()["error_code"]) == (status, False, status)


@pytest.mark.parametrize("data", ["", "x" * 65])
def test_refuses_a_button(call: Client, data: str) -> None:
    keyboard = {"inline_keyboard": [[{"text": "One", "callback_data": data}]]}
    assert call.telegram("sendMessage", chat_id=CHAT, text="x", reply_markup=keyboard).status == 400


def test_wants_the_token(call: Client) -> None:
    assert call.pool.request("POST", f"{call.url}/bot1:wrong/getMe").status == 401


def test_takes_a_form_and_a_query_too(call: Client) -> None:
    url = f"{call.url}/bot{BOT_TOKEN}/SENDMESSAGE"
    for multipart in (True, False):
        fields = {"chat_id": str(CHAT), "text": "Hello"}
        assert call.pool.request("POST", url, fields=fields, encode_multipart=multipart).status == 200
    assert call.pool.request("GET", url, fields=fields).status == 200
    assert len(call.journal()) == 3


def test_a_conversation_with_buttons(call: Client, product: Product) -> None:
    line = adapter(call)
    (part,) = line.render(said("Which?", options=(Option("rent", "Pay rent"),)))
    sent = line.send(part, CONTEXT)
    assert (sent.outcome, sent.provider_id) == (Outcome.ACCEPTED, call.journal()[0]["id"])
    call.inbound("telegram", str(CHAT), tap=[sent.provider_id, "rent"])
    inbound = read(line, product.hooks[0])
    assert (inbound.kind, inbound.choice, inbound.text) == ("button", "rent", "Pay rent")
    assert inbound.callback_id
    line.answer_callback(inbound.callback_id)
    assert call.telegram("answerCallbackQuery", callback_query_id=inbound.callback_id).status == 400


def test_a_call_in_the_webhook_s_own_answer(call: Client, product: Product) -> None:
    product.body = json.dumps({"method": "sendMessage", "chat_id": CHAT, "text": "You matter"}).encode()
    call.inbound("telegram", str(CHAT), text="help me")
    assert [entry["text"] for entry in call.journal()] == ["help me", "You matter"]


def test_updates_are_read_by_the_adapter(call: Client, product: Product) -> None:
    line = adapter(call)
    original = call.inbound("telegram", str(CHAT), text="No heatin")
    call.inbound("telegram", str(CHAT), edits=original["id"], text="No heating")
    call.inbound("telegram", str(CHAT), samples=["picture"], text="the wall")
    call.inbound("telegram", str(CHAT), samples=["voice"])
    call.inbound("telegram", str(CHAT), place=[51.48, -3.18])
    call.inbound("telegram", str(CHAT), text="/start leaflet")
    call.inbound("telegram", str(CHAT), blocked=True)
    call.inbound("telegram", str(CHAT), blocked=False)
    found = [read(line, hook) for hook in product.hooks]
    kinds = ["message", "edit", "message", "message", "message", "message", "blocked", "unblocked"]
    assert [inbound.kind for inbound in found] == kinds
    assert found[0].provider_id == found[1].edits == original["id"]
    assert [inbound.media[0].kind for inbound in found[2:4]] == ["picture", "voice"]
    assert (found[2].language_hint, found[2].profile_name) == ("cy", "Nia")
    assert found[5].source == "leaflet"
    assert len({inbound.sequence for inbound in found}) == len(found)


def test_a_group(call: Client, product: Product) -> None:
    call.inbound("telegram", "-100200300", text="hello all")
    assert read(adapter(call), product.hooks[0]).kind == "group"
    assert call.telegram("sendMessage", chat_id=-100200300, text="Please write to me alone").status == 200


def test_hands_files_over(call: Client, product: Product) -> None:
    line = adapter(call)
    call.inbound("telegram", str(CHAT), samples=["voice"])
    url = line.file_url(read(line, product.hooks[0]).media[0].ref)
    assert call.pool.request("GET", url).data.startswith(b"OggS")
    assert call.pool.request("GET", url.replace("double-of", "another")).status == 404


def test_a_blocked_bot(call: Client) -> None:
    line = adapter(call)
    call.inbound("telegram", str(CHAT), blocked=True)
    assert line.send(line.render(said())[0], CONTEXT).outcome == Outcome.UNREACHABLE


def test_an_update_is_repeated_until_it_is_taken(call: Client, product: Product) -> None:
    product.status = 500
    waiting = threading.Thread(target=call.inbound, args=("telegram", str(CHAT)), kwargs={"text": "hi"})
    waiting.start()
    product.wait_for(1)
    product.status = 200
    waiting.join()
    updates = [decoded(hook)["update_id"] for hook in product.hooks]
    assert len(updates) == 2
    assert updates[0] == updates[1]


def test_long_polling(call: Client) -> None:
    line = adapter(call)
    with pytest.raises(TelegramCallFailed):
        line.get_updates(0, 0)
    line.delete_webhook()
    assert line.get_updates(0, 0) == ()
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.extend(line.get_updates(0, 5)))
    waiting.start()
    call.inbound("telegram", str(CHAT), text="hi")
    waiting.join()
    assert line.get_updates(0, 0) == tuple(got)
    assert line.get_updates(got[-1].update_id + 1, 0) == ()


def test_registers_a_webhook_and_commands(call: Client, product: Product) -> None:
    line = adapter(call)
    line.set_webhook(f"{product.url}/elsewhere")
    call.inbound("telegram", str(CHAT), text="hi")
    assert product.hooks[0].path == "/elsewhere"
    assert line.webhook_info()["url"] == f"{product.url}/elsewhere"
    line.set_commands({"cy": [("menu", "Dangos y ddewislen")]})
    answer = call.telegram("getMyCommands", language_code="cy").json()
    assert answer["result"] == [{"command": "menu", "description": "Dangos y ddewislen"}]


FAULTS = [
    ({"kind": "throttle", "seconds": 3}, Outcome.THROTTLED, 0),
    ({"kind": "error", "status": 502}, Outcome.UNKNOWN, 0),
    ({"kind": "error", "status": 403}, Outcome.UNREACHABLE, 0),
    ({"kind": "reset"}, Outcome.UNKNOWN, 0),
    ({"kind": "accept_then_reset"}, Outcome.UNKNOWN, 1),
    ({"kind": "broken_json"}, Outcome.UNKNOWN, 1),
    ({"kind": "delay", "seconds": 0.05}, Outcome.ACCEPTED, 1),
]


@pytest.mark.parametrize(("fault", "outcome", "kept"), FAULTS, ids=lambda value: str(value)[:40])
def test_fails_in_each_way(call: Client, fault: dict[str, Any], outcome: Outcome, kept: int) -> None:
    line = adapter(call)
    call("POST", "/double/faults", {**fault, "where": "telegram"})
    sent = line.send(line.render(said())[0], CONTEXT)
    assert sent.outcome == outcome
    assert sent.retry_after == (3.0 if outcome == Outcome.THROTTLED else None)
    assert len(call.journal()) == kept


def test_a_hang_ends_within_the_time_of_a_send(call: Client) -> None:
    call("POST", "/double/faults", {"kind": "accept_then_hang", "seconds": 3})
    line = Telegram(TelegramAccount(BOT_TOKEN, WEBHOOK_SECRET, call.url), seconds=0.3)
    assert line.send(line.render(said())[0], CONTEXT).outcome == Outcome.UNKNOWN
    wait_until(lambda: len(call.journal()) == 1)


def test_the_methods_are_telegram_s() -> None:
    path = PROVIDERS / "telegram_bot_api.json.gz"
    if not path.exists():
        pytest.skip("Telegram's description is not beside this checkout")
    described = json.loads(gzip.decompress(path.read_bytes()))["methods"]
    for name, ours in METHODS.items():
        theirs = {field["name"]: field for field in described[name].get("fields", ())}
        assert set(ours) == set(theirs)
        for field, rule in ours.items():
            words = theirs[field]["description"]
            assert rule["types"] == theirs[field]["types"]
            assert rule.get("required", False) == theirs[field]["required"]
            assert all(str(rule[limit]) in words for limit in ("max", "to", "most") if limit in rule), (name, field)
            assert all(choice in words for choice in rule.get("one_of", ()))
