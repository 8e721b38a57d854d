"""The Telegram channel: updates come by webhook or long polling, and answers go out as plain text with inline buttons.

No parse_mode is ever set: what a tenant reads is exactly the approved text, nothing needs escaping, and Telegram's
limit of 4096 characters after entities is the limit of the text itself.
"""

import hmac
import json
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from telegram import BotCommand, Message

from channels import _telegram_api as api
from channels._http import Exchange, pooled
from channels._telegram_updates import UPDATE_KINDS, read_update
from channels.errors import ChannelError, Forged, Outcome, Sent
from channels.messages import ChannelName, Inbound, Option, Outbound, Part, Receipt, SendContext, WebhookRequest
from channels.text import split, units

T = TypeVar("T")

SECRET_HEADER: Final = "x-telegram-bot-api-secret-token"
TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
PICTURES: Final = (".jpg", ".jpeg", ".png", ".gif", ".webp")
CALLBACK_DATA_LIMIT: Final = 64
"""Bytes of `callback_data` (https://core.telegram.org/bots/api#inlinekeyboardbutton)."""
BUTTON_LIMIT: Final = 100
"""Buttons under one message; Telegram refuses larger keyboards."""

MAX_POLLED: Final = 16_000_000
"""Bytes of an answer; a hundred updates of long polling, each as large as Telegram makes them, stay below."""


class TelegramCallFailed(ChannelError):
    """A call that is no send failed. `sent` has the outcome and code, and says whether to try again."""

    def __init__(self, method: str, sent: Sent) -> None:
        super().__init__(f"Telegram {method}: {sent.outcome} ({sent.code or 'no code'})")
        self.sent = sent


@dataclass(frozen=True)
class TelegramAccount:
    """One bot. Raises ValueError, naming the setting and never its value, if it cannot be one.

    webhook_secret: 1 to 256 of A-Z a-z 0-9 _ - (https://core.telegram.org/bots/api#setwebhook).
    """

    token: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_base_url: str = api.OFFICIAL
    mode: Literal["webhook", "polling"] = "webhook"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d+:[\w-]+", self.token, re.ASCII):
            raise ValueError("TELEGRAM_BOT_TOKEN: copy it from @BotFather; it is digits, a colon, then letters")
        if not re.fullmatch(r"[\w-]{1,256}", self.webhook_secret, re.ASCII):
            raise ValueError("TELEGRAM_WEBHOOK_SECRET: use 1 to 256 of A-Z, a-z, 0-9, _ and -")

    @property
    def bot_id(self) -> str:
        """The bot's user id, which is public, unlike the rest of the token."""
        return self.token.partition(":")[0]


class PolledUpdate(msgspec.Struct, frozen=True):
    """One update from long polling, as the webhook request that it would have been."""

    update_id: int
    request: WebhookRequest


class Telegram:
    """The `Channel` of one bot, with the calls that only Telegram has. Safe to share between threads.

    exchange: how HTTP is done, for tests; a pool of connections by default. seconds: the most a call may take.
    """

    name: ChannelName = "telegram"

    def __init__(
        self, account: TelegramAccount, exchange: Exchange | None = None, seconds: float = api.ANSWER_TIMEOUT
    ) -> None:
        self.account = account
        self._base = (account.api_base_url or api.OFFICIAL).rstrip("/")
        self._request = api.DirectRequest(exchange or pooled(MAX_POLLED), seconds)
        self._bot = api.bot(account.token, self._base, self._request)

    def verify(self, request: WebhookRequest) -> None:
        """Check the secret that was registered with the webhook, in constant time. Raises `Forged`."""
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self.account.webhook_secret.encode()):
            raise Forged("the secret token is missing or wrong")

    def parse(self, request: WebhookRequest) -> tuple[Inbound | Receipt, ...]:
        """Read one update; the notes on ids and commands are in `_telegram_updates`. Raises `Malformed`."""
        return read_update(request.body, self.account.bot_id)

    def render(self, outbound: Outbound) -> tuple[Part, ...]:
        """Plain text in parts of at most 4096 characters, buttons under the last; a file carries a short text."""
        keyboard = _keyboard(outbound.options)
        text = outbound.text if keyboard or not outbound.options else _numbered(outbound)
        captioned = outbound.media_url is not None and units(text) <= CAPTION_LIMIT
        calls: list[dict[str, object]] = []
        if outbound.media_url is not None:
            method, field = _sends(outbound.media_url)
            calls.append({"method": method, field: outbound.media_url, "caption": text if captioned else ""})
        if not captioned:
            calls += [{"method": "sendMessage", "text": piece} for piece in split(text, TEXT_LIMIT)]
        if keyboard and calls:
            calls[-1]["reply_markup"] = {"inline_keyboard": keyboard}
        return tuple(_part(outbound, call) for call in calls)

    def send(self, part: Part, context: SendContext) -> Sent:
        """Make the call. Blocks at most `SEND_TIMEOUT` seconds; a provider's fault is an outcome, never raised.

        An id that repeats a try is not offered by the Bot API, nor a list of what was sent: UNKNOWN stays unknown.
        """
        call = self._call_for(part)
        try:
            message = api.run(call)
            return Sent(Outcome.ACCEPTED, provider_id=f"{message.chat.id}:{message.message_id}")
        except api.ApiError as error:
            return error.sent
        # What python-telegram-bot raises for an answer that says ok and is no message.
        except (TypeError, KeyError, AttributeError, ValueError):
            return Sent(Outcome.UNKNOWN, code="answer")

    def _call_for(self, part: Part) -> Coroutine[Any, Any, Message]:
        params = dict(part.params)
        method = params.pop("method")
        extra = {"reply_markup": params["reply_markup"]} if "reply_markup" in params else None
        if method == "sendPhoto":
            photo, caption = str(params["photo"]), str(params["caption"]) or None
            return self._bot.send_photo(part.address, photo, caption, api_kwargs=extra)
        if method == "sendDocument":
            document, caption = str(params["document"]), str(params["caption"]) or None
            return self._bot.send_document(part.address, document, caption, api_kwargs=extra)
        return self._bot.send_message(part.address, str(params["text"]), api_kwargs=extra)

    @staticmethod
    def answer_callback_json(callback_id: str) -> dict[str, str]:
        """The body that answers a button's callback in the webhook's own reply, so that it stops spinning."""
        return {"method": "answerCallbackQuery", "callback_query_id": callback_id}

    def answer_callback(self, callback_id: str) -> None:
        """Answer a button's callback by a call of its own, for long polling. Raises `TelegramCallFailed`.

        A callback that has grown too old for an answer is no failure: nothing spins any more.
        """
        try:
            self._call("answerCallbackQuery", self._bot.answer_callback_query(callback_id))
        except TelegramCallFailed as error:
            if error.sent.outcome != Outcome.REJECTED:
                raise

    def file_url(self, ref: str) -> str:
        """Where to fetch a file (at most 20 MB) within the hour. It contains the token. Raises `TelegramCallFailed`."""
        file = self._call("getFile", self._bot.get_file(ref))
        if not file.file_path:
            raise TelegramCallFailed("getFile", Sent(Outcome.REJECTED, code="no path"))
        return file.file_path

    def set_webhook(self, url: str) -> None:
        """Have updates posted to `url` (https) with our secret. Raises `TelegramCallFailed`."""
        secret = self.account.webhook_secret
        self._call("setWebhook", self._bot.set_webhook(url, allowed_updates=UPDATE_KINDS, secret_token=secret))

    def delete_webhook(self) -> None:
        """Stop the webhook, which long polling needs; what is waiting is kept. Raises `TelegramCallFailed`."""
        self._call("deleteWebhook", self._bot.delete_webhook())

    def webhook_info(self) -> Mapping[str, object]:
        """What Telegram says of the webhook: url, pending_update_count and so on. Raises `TelegramCallFailed`."""
        info = self._raw("getWebhookInfo", {}, self._request.seconds)
        return info if isinstance(info, dict) else {}

    def set_commands(self, commands: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Register the commands: language (ISO 639-1, "" for all others) to (name, description) pairs.

        Raises `TelegramCallFailed`.
        """
        for language, pairs in commands.items():
            rows = [BotCommand(name, description) for name, description in pairs]
            self._call("setMyCommands", self._bot.set_my_commands(rows, language_code=language or None))

    def get_updates(self, offset: int, timeout: int) -> tuple[PolledUpdate, ...]:
        """Long polling: wait up to `timeout` seconds for updates from `offset` on. Raises `TelegramCallFailed`.

        Ask next with the last update_id plus one, and only after these are stored: asking is what confirms them.
        """
        params = {"offset": offset, "timeout": timeout, "allowed_updates": list(UPDATE_KINDS)}
        found = self._raw("getUpdates", params, timeout + self._request.seconds)
        headers = {SECRET_HEADER: self.account.webhook_secret, "content-type": "application/json"}
        return tuple(
            PolledUpdate(update["update_id"], WebhookRequest(url="", headers=headers, body=json.dumps(update).encode()))
            for update in (found if isinstance(found, list) else ())
            if isinstance(update, dict) and isinstance(update.get("update_id"), int)
        )

    def _call(self, method: str, call: Coroutine[Any, Any, T]) -> T:
        try:
            return api.run(call)
        except api.ApiError as error:
            raise TelegramCallFailed(method, error.sent) from None

    def _raw(self, method: str, params: Mapping[str, object], seconds: float) -> object:
        """`Bot.get_updates` would refuse a whole batch for one update that it cannot read, and log it in full."""
        url = f"{self._base}/bot{self.account.token}/{method}"
        try:
            return self._request.call(url, params, seconds)[0]
        except api.ApiError as error:
            raise TelegramCallFailed(method, error.sent) from None


def _part(outbound: Outbound, call: Mapping[str, object]) -> Part:
    shown = str(call.get("text") or call.get("caption") or "")
    return Part(channel="telegram", account=outbound.account, address=outbound.address, params=call, text=shown)


def _keyboard(options: Sequence[Option]) -> list[list[dict[str, str]]]:
    """One button a row, or none at all if Telegram would refuse one of them."""
    if len(options) > BUTTON_LIMIT or any(not 1 <= len(o.id.encode()) <= CALLBACK_DATA_LIMIT for o in options):
        return []
    return [[{"text": option.label, "callback_data": option.id}] for option in options]


def _sends(address: str) -> tuple[str, str]:
    """The method that sends what is at an address, and its field: Telegram takes as documents what is no picture."""
    picture = urlsplit(address).path.lower().endswith(PICTURES)
    return ("sendPhoto", "photo") if picture else ("sendDocument", "document")


def _numbered(outbound: Outbound) -> str:
    lines = [f"{number} {option.label}" for number, option in enumerate(outbound.options, 1)]
    return "\n".join([outbound.text, *lines])
