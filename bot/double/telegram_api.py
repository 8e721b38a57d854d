"""Telegram's Bot API, as much as the product uses: messages, buttons, files, commands, and updates in both ways."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from bot.double import asgi, telegram_checks
from bot.double.asgi import Answer, json_answer
from bot.double.courier import Courier
from bot.double.faults import chosen, perform
from bot.double.identity import BOT_ID, BOT_TOKEN, BOT_USERNAME
from bot.double.telegram_checks import BadParameter
from bot.double.world import Button, Contact, Entry, StoredFile, World

ME: Final = {
    "id": BOT_ID,
    "is_bot": True,
    "first_name": "Hearthline",
    "username": BOT_USERNAME,
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": False,
}
FILE_LIMIT: Final = 20_000_000
"""Bytes of a file that a bot may fetch."""
TYPING_LASTS: Final = 5.0
LONGEST_POLL: Final = 50
FILES: Final = f"/file/bot{BOT_TOKEN}/"
PREFIXES: Final = ("/bot", "/file/bot")
LOCAL: Final = ("http://127.0.0.1", "http://localhost", "http://[::1]")


class Refused(Exception):
    """A call that Telegram refuses for another reason than its parameters."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def ok(result: object) -> Answer:
    """A success as Telegram words it."""
    return json_answer(200, {"ok": True, "result": result})


def error(status: int, words: str, wait: float = 0.0) -> Answer:
    """A refusal as Telegram words it."""
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": words}
    if status == 429:
        body["parameters"] = {"retry_after": max(1, round(wait))}
    return json_answer(status, body)


def refusal(status: int, code: int | None, wait: float) -> Answer:
    """What a fault answers. A 5xx without a code comes from a gateway and is no JSON."""
    if status >= 500 and code is None:
        return Answer(status, b"<html>Bad Gateway</html>", "text/html")
    words = {403: "Forbidden: bot was blocked by the user", 429: "Too Many Requests", 401: "Unauthorized"}
    return error(status, words.get(status, "Bad Request: told to fail"), wait)


class TelegramApi:
    """Serves what is under `PREFIXES`."""

    def __init__(self, world: World, courier: Courier) -> None:
        self._world, self._courier = world, courier
        self._methods: Mapping[str, Callable[[dict[str, Any]], object]] = {
            "getMe": lambda _: ME,
            "sendMessage": self._send_message,
            "sendPhoto": self._send_photo,
            "sendDocument": self._send_document,
            "sendChatAction": self._chat_action,
            "answerCallbackQuery": self._answer_callback,
            "editMessageText": self._edit,
            "editMessageReplyMarkup": self._edit,
            "getFile": self._get_file,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._webhook_info,
            "setMyCommands": self._set_commands,
            "getMyCommands": lambda given: self._world.commands.get(_scope(given), []),
            "deleteMyCommands": self._delete_commands,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        body = await asgi.read_body(receive)
        if path.startswith("/file/"):
            return await asgi.reply(send, self._download(path))
        token, _, method = path.removeprefix("/bot").partition("/")
        if token != BOT_TOKEN:
            return await asgi.reply(send, error(401, "Unauthorized"))
        try:
            return await self._serve(method, await asgi.parameters(scope, body), scope, send)
        except ValueError:
            return await asgi.reply(send, error(400, "Bad Request: can't parse the request"))

    async def _serve(self, method: str, given: dict[str, Any], scope: Scope, send: Send) -> None:
        at = self._world.clock()
        fault = chosen(self._world.faults, "telegram", str(given.get("chat_id", "")))
        if method.lower() == "getupdates" and fault is None:
            return await asgi.reply(send, await self._poll(given))
        return await perform(
            fault, self._world.knobs.delay_ms, lambda: self.call(method, given, at), refusal, scope, send
        )

    def call(self, method: str, given: Mapping[str, Any], at: float) -> Answer:
        """Do one call, whether it came by itself or as the answer to a webhook."""
        name = telegram_checks.CANONICAL.get(method.lower())
        if name is None or name not in self._methods:
            return error(404, "Not Found")
        try:
            return ok(self._methods[name]({**telegram_checks.checked(name, given), "at": at}))
        except BadParameter as problem:
            self._world.counters["telegram_refused_400"] += 1
            return error(400, f"Bad Request: {problem}")
        except Refused as problem:
            self._world.counters[f"telegram_refused_{problem.status}"] += 1
            return error(problem.status, str(problem))

    def _chat(self, chat_id: object) -> Contact:
        if not isinstance(chat_id, int) or chat_id == 0:
            raise Refused(400, "Bad Request: chat not found")
        contact = self._world.contact("telegram", str(chat_id))
        if contact.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return contact

    def _send_message(self, given: dict[str, Any]) -> object:
        return self._said(given, given["text"], ())

    def _send_photo(self, given: dict[str, Any]) -> object:
        photo = given["photo"]
        url = photo if isinstance(photo, str) else ""
        return self._said(given, given.get("caption", ""), (StoredFile(id="", content_type="image/*", url=url),))

    def _send_document(self, given: dict[str, Any]) -> object:
        url = given["document"] if isinstance(given["document"], str) else ""
        file = StoredFile(id="", content_type="application/octet-stream", url=url)
        return self._said(given, given.get("caption", ""), (file,))

    def _said(self, given: dict[str, Any], text: str, files: tuple[StoredFile, ...]) -> object:
        contact = self._chat(given["chat_id"])
        number = next(self._world.numbers)
        at = given.pop("at")
        entry = Entry(
            seq=number,
            channel="telegram",
            by="product",
            ours=str(BOT_ID),
            tenant=contact.address,
            id=f"{contact.address}:{number}",
            at=at,
            text=text,
            status="delivered",
            buttons=_buttons(given.get("reply_markup")),
            files=files,
            params={name: value for name, value in given.items() if not isinstance(value, bytes)},
        )
        contact.typing_until = 0.0
        return message(self._world.add(entry))

    def _edit(self, given: dict[str, Any]) -> object:
        entry = self._world.by_id.get(f"{given.get('chat_id')}:{given.get('message_id')}")
        if entry is None or entry.by != "product":
            raise Refused(400, "Bad Request: message to edit not found")
        entry.text = given.get("text", entry.text)
        entry.buttons = _buttons(given.get("reply_markup"))
        entry.edited = "text" in given
        self._world.touch()
        return message(entry)

    def _chat_action(self, given: dict[str, Any]) -> bool:
        self._chat(given["chat_id"]).typing_until = given["at"] + TYPING_LASTS
        self._world.touch()
        return True

    def _answer_callback(self, given: dict[str, Any]) -> bool:
        address, _, _ = given["callback_query_id"].partition("-")
        spinning = self._world.contact("telegram", address).spinning
        if given["callback_query_id"] not in spinning:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        spinning.remove(given["callback_query_id"])
        self._world.touch()
        return True

    def _get_file(self, given: dict[str, Any]) -> object:
        file = self._world.file(given["file_id"])
        if file is None:
            raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(file.content) > FILE_LIMIT:
            raise Refused(400, "Bad Request: file is too big")
        return {
            "file_id": file.id,
            "file_unique_id": f"u{file.id}",
            "file_size": len(file.content),
            "file_path": f"files/{file.id}",
        }

    def _download(self, path: str) -> Answer:
        file = self._world.file(path.rpartition("/")[2]) if path.startswith(FILES) else None
        return Answer(200, file.content, "application/octet-stream") if file else error(404, "Not Found")

    def _set_webhook(self, given: dict[str, Any]) -> bool:
        hook, url = self._world.hook, given["url"]
        # Telegram itself wants https. The double posts to this machine only, where there is none.
        if url and not url.startswith(LOCAL):
            raise Refused(400, "Bad Request: bad webhook: the double posts to this machine only")
        hook.url, hook.secret = url, given.get("secret_token", "")
        hook.allowed = tuple(given.get("allowed_updates", hook.allowed))
        return True

    def _delete_webhook(self, given: dict[str, Any]) -> bool:
        self._world.hook.url = ""
        if given.get("drop_pending_updates"):
            self._world.hook.waiting.clear()
        return True

    def _webhook_info(self, _: dict[str, Any]) -> object:
        hook = self._world.hook
        info: dict[str, Any] = {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(hook.waiting),
        }
        if hook.last_error_at:
            info |= {"last_error_date": int(hook.last_error_at), "last_error_message": hook.last_error}
        return info | ({"allowed_updates": list(hook.allowed)} if hook.allowed else {})

    def _set_commands(self, given: dict[str, Any]) -> bool:
        self._world.commands[_scope(given)] = given["commands"]
        self._world.touch()
        return True

    def _delete_commands(self, given: dict[str, Any]) -> bool:
        self._world.commands.pop(_scope(given), None)
        return True

    async def _poll(self, given: dict[str, Any]) -> Answer:
        hook = self._world.hook
        try:
            asked = telegram_checks.checked("getUpdates", given)
        except BadParameter as problem:
            return error(400, f"Bad Request: {problem}")
        if hook.url:
            return error(409, "Conflict: can't use getUpdates method while webhook is active")
        while hook.waiting and hook.waiting[0]["update_id"] < asked.get("offset", 0):
            hook.waiting.popleft()
        deadline = self._world.clock() + min(asked.get("timeout", 0), LONGEST_POLL)
        while not hook.waiting and (left := deadline - self._world.clock()) > 0:
            await self._world.changed(self._world.version, left)
        return ok(list(hook.waiting)[: asked.get("limit", 100)])


def message(entry: Entry) -> dict[str, Any]:
    """A message that the product sent, as Telegram describes it."""
    found: dict[str, Any] = {
        "message_id": int(entry.id.partition(":")[2]),
        "from": {name: ME[name] for name in ("id", "is_bot", "first_name", "username")},
        "chat": {"id": int(entry.tenant), "type": "private" if int(entry.tenant) > 0 else "supergroup"},
        "date": int(entry.at),
    }
    found |= {"caption": entry.text, "photo": []} if entry.files else {"text": entry.text}
    if entry.buttons:
        found["reply_markup"] = entry.params.get("reply_markup")
    return found


def _buttons(markup: Any) -> tuple[Button, ...]:
    markup = json.loads(markup) if isinstance(markup, str) else markup or {}
    rows = markup.get("inline_keyboard", ())
    return tuple(Button(str(button.get("callback_data", "")), str(button["text"])) for row in rows for button in row)


def _scope(given: Mapping[str, Any]) -> str:
    return str(given.get("language_code") or "")
