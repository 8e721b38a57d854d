"""The Telegram adapter against recorded updates and answers; nothing here opens a socket."""

import contextlib
import gzip
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels._http import Answer, MayHaveArrived, NeverLeft
from channels.errors import Forged, Malformed, Outcome, Sent
from channels.messages import Inbound, Option, Outbound, Part, SendContext, WebhookRequest
from channels.telegram import SECRET_HEADER, Telegram, TelegramAccount, TelegramCallFailed
from channels.text import units

HERE = Path(__file__).parent / "payloads"
PROVIDERS = Path(__file__).parents[3] / "shared" / "data" / "providers"
UPDATES = json.loads((HERE / "telegram_updates.json").read_text())
ANSWERS = json.loads((HERE / "telegram_answers.json").read_text())
ACCOUNT = TelegramAccount(
    token="110000001:TEST-token_of-nobody", webhook_secret="a-Secret_1", api_base_url="http://api"
)
CONTEXT = SendContext(message_id="m1", now=0.0)
HELLO = Part(channel="telegram", account="110000001", address="7000001", params={"method": "sendMessage", "text": "Hi"})


class FakeTelegram:
    """An exchange that answers with one thing and keeps what it was asked."""

    def __init__(self, status: int = 200, answer: object = None, error: Exception | None = None) -> None:
        self.status, self.answer, self.error = status, answer, error
        self.calls: list[tuple[str, dict[str, Any], float]] = []

    def __call__(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float) -> Answer:
        self.calls.append((url, json.loads(body or b""), seconds))
        if self.error is not None:
            raise self.error
        answer = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return Answer(self.status, {}, answer.encode())


def channel(**answer: Any) -> tuple[Telegram, FakeTelegram]:
    fake = FakeTelegram(**answer)
    return Telegram(ACCOUNT, fake), fake


def post(body: bytes, **headers: str) -> WebhookRequest:
    return WebhookRequest(url="https://line.example/webhooks/telegram", headers=headers, body=body)


def said(text: str = "Hello", **more: Any) -> Outbound:
    return Outbound(channel="telegram", account="110000001", address="7000001", text=text, **more)


@pytest.mark.parametrize("row", UPDATES["read"], ids=lambda row: row["name"])
def test_reads(row: dict[str, Any]) -> None:
    found = channel()[0].parse(post(json.dumps(row["update"]).encode()))
    assert list(found) == [msgspec.convert(expected, Inbound) for expected in row["expect"]]


@pytest.mark.parametrize("row", UPDATES["malformed"], ids=lambda row: row["name"])
def test_names_the_field_that_is_wrong(row: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match=rf"^{row['names']}:"):
        channel()[0].parse(post(json.dumps(row["update"]).encode()))


@pytest.mark.parametrize("row", UPDATES["malformed_bytes"], ids=lambda row: row["name"])
def test_refuses_what_is_not_json(row: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        channel()[0].parse(post(bytes.fromhex(row["hex"])))


def test_lone_surrogates_go_and_nesting_is_refused() -> None:
    update = '{"update_id":1,"message":{"message_id":1,"chat":{"id":1,"type":"private"},"text":"a\\ud83db"}}'
    (inbound,) = channel()[0].parse(post(update.encode()))
    assert isinstance(inbound, Inbound)
    assert inbound.text == "ab"
    with pytest.raises(Malformed):
        channel()[0].parse(post(b"[" * 60_000))


def test_ten_thousand_emoji_survive() -> None:
    update = {
        "update_id": 1,
        "message": {"message_id": 1, "chat": {"id": 1, "type": "private"}, "text": "👩‍👩‍👧" * 10_000},
    }
    (inbound,) = channel()[0].parse(post(json.dumps(update).encode()))
    assert isinstance(inbound, Inbound)
    assert inbound.text == "👩‍👩‍👧" * 10_000


LINE = Telegram(ACCOUNT, FakeTelegram())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["chat", "id", "type", "from", "text", "photo"]), inner)
    ),
)
kinds = st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member", "channel_post"])


@given(st.dictionaries(kinds, json_values), st.integers())
def test_any_update_is_read_or_refused(update: dict[str, Any], update_id: int) -> None:
    body = json.dumps({"update_id": update_id, **update}).encode()
    try:
        found = LINE.parse(post(body))
    except Malformed:
        return
    assert all(isinstance(one, Inbound) for one in found)


@pytest.mark.parametrize("field", ["message", "edited_message", "callback_query", "my_chat_member"])
def test_a_field_less_is_read_or_refused(field: str) -> None:
    for row in UPDATES["read"]:
        part = row["update"].get(field, {})
        for missing in part:
            update = {**row["update"], field: {name: value for name, value in part.items() if name != missing}}
            with contextlib.suppress(Malformed):
                channel()[0].parse(post(json.dumps(update).encode()))


def test_an_edit_finds_its_original() -> None:
    rows = {row["name"]: row["update"] for row in UPDATES["read"]}
    line = channel()[0]
    (original,), (edit,) = (line.parse(post(json.dumps(rows[name]).encode())) for name in ("text", "edit"))
    assert isinstance(original, Inbound)
    assert isinstance(edit, Inbound)
    assert edit.edits == original.provider_id != edit.provider_id


@pytest.mark.parametrize("headers", [{}, {SECRET_HEADER: ""}, {SECRET_HEADER: "a-Secret_2"}, {SECRET_HEADER: "\udcff"}])
def test_forged(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        channel()[0].verify(post(b"{}", **headers))


def test_genuine() -> None:
    channel()[0].verify(post(b"{}", **{SECRET_HEADER: ACCOUNT.webhook_secret}))


@pytest.mark.parametrize(
    ("token", "secret", "names"),
    [
        ("", "s", "TOKEN"),
        ("abc:def", "s", "TOKEN"),
        ("1:a b", "s", "TOKEN"),
        ("1:a", "", "SECRET"),
        ("1:a", "é", "SECRET"),
    ],
)
def test_settings_that_cannot_be(token: str, secret: str, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        TelegramAccount(token=token, webhook_secret=secret)


def test_an_account_does_not_show_its_secrets() -> None:
    assert "TEST-token" not in repr(ACCOUNT)
    assert "Secret" not in repr(ACCOUNT)


def test_renders_buttons_under_the_last_part() -> None:
    options = (Option("repair", "Report a repair"), Option("rent", "Pay rent"))
    parts = channel()[0].render(said("word " * 2000, options=options))
    assert [units(part.text) <= 4096 for part in parts] == [True] * 3
    assert ["reply_markup" in part.params for part in parts] == [False, False, True]
    assert parts[-1].params["reply_markup"] == {
        "inline_keyboard": [
            [{"text": "Report a repair", "callback_data": "repair"}],
            [{"text": "Pay rent", "callback_data": "rent"}],
        ]
    }
    assert " ".join(part.text for part in parts).split() == ["word"] * 2000


@pytest.mark.parametrize("bad", ["", "é" * 33])
def test_numbers_the_options_when_telegram_would_refuse_a_button(bad: str) -> None:
    (part,) = channel()[0].render(said("Which?", options=(Option("a", "One"), Option(bad, "Two"))))
    assert part.params == {"method": "sendMessage", "text": "Which?\n1 One\n2 Two"}


def test_markup_is_never_read_as_such() -> None:
    (part,) = channel()[0].render(said("*£5* <b>_off_</b> [x](y)"))
    assert part.params["text"] == "*£5* <b>_off_</b> [x](y)"
    assert "parse_mode" not in part.params


def test_a_picture_carries_a_short_text_and_precedes_a_long_one() -> None:
    short = channel()[0].render(said("Look", media_url="https://x.example/p.jpg"))
    assert [part.params["method"] for part in short] == ["sendPhoto"]
    long = channel()[0].render(said("Look " * 300, media_url="https://x.example/p.jpg"))
    assert [part.params["method"] for part in long] == ["sendPhoto", "sendMessage"]


def test_what_is_no_picture_goes_as_a_document_with_the_same_words() -> None:
    (part,) = channel()[0].render(said("Your letter", media_url="https://x.example/a/letter.PDF?b=c.jpg"))
    expected = {
        "method": "sendDocument",
        "document": "https://x.example/a/letter.PDF?b=c.jpg",
        "caption": "Your letter",
    }
    assert {name: part.params[name] for name in expected} == expected
    (alone,) = channel()[0].render(said("", media_url="https://x.example/letter.pdf"))
    assert alone.params["method"] == "sendDocument"


@given(st.text(), st.lists(st.tuples(st.text(), st.text(min_size=1)), max_size=5))
def test_a_part_is_within_the_limits_and_survives_json(text: str, pairs: list[tuple[str, str]]) -> None:
    clean = text.encode("utf-8", "ignore").decode()
    options = tuple(
        Option(a.encode("utf-8", "ignore").decode(), b.encode("utf-8", "ignore").decode()) for a, b in pairs
    )
    for part in LINE.render(said(clean, options=options)):
        assert 1 <= units(part.text) <= 4096
        assert msgspec.json.decode(msgspec.json.encode(part), type=Part) == part


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row["name"])
def test_outcomes(row: dict[str, Any]) -> None:
    line, _ = channel(status=row["status"], answer=row["answer"])
    assert line.send(HELLO, CONTEXT) == msgspec.convert(row["sent"], Sent)


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (NeverLeft("connect"), Sent(Outcome.TEMPORARY, code="connect")),
        (MayHaveArrived("timeout"), Sent(Outcome.UNKNOWN, code="timeout")),
        (MayHaveArrived("connection"), Sent(Outcome.UNKNOWN, code="connection")),
    ],
)
def test_a_broken_connection(error: Exception, sent: Sent) -> None:
    assert channel(error=error)[0].send(HELLO, CONTEXT) == sent


def test_sends_what_was_rendered() -> None:
    line, fake = channel(answer=ANSWERS[0]["answer"])
    (part,) = line.render(said("Which?", options=(Option("a", "One"),)))
    line.send(part, CONTEXT)
    ((url, params, _),) = fake.calls
    assert url == "http://api/bot110000001:TEST-token_of-nobody/sendMessage"
    assert params == {"chat_id": "7000001", "text": "Which?", "reply_markup": part.params["reply_markup"]}


def test_sends_a_picture() -> None:
    line, fake = channel(answer=ANSWERS[0]["answer"])
    (part,) = line.render(said("Look", media_url="https://x.example/p.jpg"))
    assert line.send(part, CONTEXT).outcome == Outcome.ACCEPTED
    assert fake.calls[0][1] == {"chat_id": "7000001", "photo": "https://x.example/p.jpg", "caption": "Look"}


def test_nothing_said_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = Part(channel="telegram", account="1", address="7000001", params={"method": "sendMessage", "text": "my ex"})
    for row in ANSWERS:
        channel(status=row["status"], answer=row["answer"])[0].send(secret, CONTEXT)
    assert not [word for word in ("my ex", "7000001", "TEST-token") if word in caplog.text]


def test_a_callback_is_answered_in_the_reply_or_by_a_call() -> None:
    line, fake = channel(answer={"ok": True, "result": True})
    assert line.answer_callback_json("99") == {"method": "answerCallbackQuery", "callback_query_id": "99"}
    line.answer_callback("99")
    assert fake.calls[0][1] == {"callback_query_id": "99"}


def test_a_callback_too_old_for_an_answer_is_no_failure() -> None:
    channel(status=400, answer={"ok": False, "description": "Bad Request: query is too old"})[0].answer_callback("99")
    with pytest.raises(TelegramCallFailed) as failed:
        channel(status=502, answer="")[0].answer_callback("99")
    assert failed.value.sent.outcome == Outcome.UNKNOWN


def test_a_file_has_an_address() -> None:
    answer = {"ok": True, "result": {"file_id": "v1", "file_unique_id": "v", "file_path": "voice/1.oga"}}
    line, fake = channel(answer=answer)
    assert line.file_url("v1") == "http://api/file/bot110000001:TEST-token_of-nobody/voice/1.oga"
    assert fake.calls[0][1] == {"file_id": "v1"}
    with pytest.raises(TelegramCallFailed):
        channel(answer={"ok": True, "result": {"file_id": "v1", "file_unique_id": "v"}})[0].file_url("v1")


def test_registers_the_webhook_with_its_secret() -> None:
    line, fake = channel(answer={"ok": True, "result": True})
    line.set_webhook("https://line.example/webhooks/telegram")
    assert fake.calls[0][1] == {
        "url": "https://line.example/webhooks/telegram",
        "allowed_updates": ["message", "channel_post", "edited_message", "callback_query", "my_chat_member"],
        "secret_token": ACCOUNT.webhook_secret,
    }


def test_registers_commands_for_each_language() -> None:
    line, fake = channel(answer={"ok": True, "result": True})
    line.set_commands({"": [("menu", "Show the menu")], "cy": [("menu", "Dangos y ddewislen")]})
    assert [call[1].get("language_code") for call in fake.calls] == [None, "cy"]
    assert fake.calls[1][1]["commands"] == [{"command": "menu", "description": "Dangos y ddewislen"}]


def test_a_polled_update_passes_as_a_webhook() -> None:
    update = UPDATES["read"][0]["update"]
    line, fake = channel(answer={"ok": True, "result": [update, {"update_id": 7, "message": []}, {}, 1]})
    first, broken = line.get_updates(offset=5, timeout=20)
    line.verify(first.request)
    assert first.update_id == update["update_id"]
    assert line.parse(first.request)
    with pytest.raises(Malformed):
        line.parse(broken.request)
    _, params, seconds = fake.calls[0]
    assert (params["offset"], params["timeout"]) == (5, 20)
    assert seconds > 20


def test_webhook_info() -> None:
    line, _ = channel(answer={"ok": True, "result": {"url": "https://x", "pending_update_count": 2}})
    assert line.webhook_info()["pending_update_count"] == 2


def provider_file(name: str) -> Path:
    path = PROVIDERS / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    return path


def test_every_kind_of_update_is_read_or_refused() -> None:
    vectors = json.loads(provider_file("telegram_updates_ptb.json").read_text())["vectors"]
    line = channel()[0]
    assert len(vectors) > 20
    for vector in vectors:
        line.parse(post(json.dumps(vector["update"]).encode()))


def test_every_call_is_as_telegram_describes_it() -> None:
    methods = json.loads(gzip.decompress(provider_file("telegram_bot_api.json.gz").read_bytes()))["methods"]
    line, fake = channel(answer={"ok": True, "result": True})
    keyboard = (Option("a", "One"),)
    for part in (*line.render(said("Hi", options=keyboard)), *line.render(said("Hi", media_url="https://x.example/p"))):
        line.send(part, CONTEXT)
    line.answer_callback("1")
    line.set_webhook("https://x.example")
    line.delete_webhook()
    line.set_commands({"cy": [("menu", "Dewislen")]})
    line.webhook_info()
    for url, params, _ in fake.calls:
        described = {field["name"]: field for field in methods[url.rpartition("/")[2]].get("fields", ())}
        assert set(params) <= set(described)
        assert {name for name, field in described.items() if field["required"]} <= set(params)
