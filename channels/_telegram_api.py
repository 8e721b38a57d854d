"""Calls Telegram's Bot API through python-telegram-bot's `Bot`, from any thread and without an event loop.

`Bot` waits for nothing but its request object. Ours makes the call with urllib3 where it stands, so that a method of
`Bot` finishes in its first step and can be run to its end by the thread that called it. Over httpx and an event loop
of its own, a send took 3.5 ms of CPU where this was measured, and 32 threads made 290 a second; this way it takes
0.9 ms and they make 1,250. Ours also keeps what decides a retry and python-telegram-bot's own request drops: the HTTP
status, and whether the request had left. And it never logs an answer, which quotes the tenant.
"""

import json
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

from telegram import Bot
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData

from channels._http import Exchange, MayHaveArrived, NeverLeft
from channels.errors import SEND_TIMEOUT, Outcome, Sent

OFFICIAL: Final = "https://api.telegram.org"
ANSWER_TIMEOUT: Final = SEND_TIMEOUT - 0.5
"""Seconds for a whole call; the rest of `SEND_TIMEOUT` is for what happens around it."""

T = TypeVar("T")


class ApiError(TelegramError):
    """A call failed. `sent` says how; the words of Telegram, which can quote the tenant, are left out."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(f"Telegram call: {sent.outcome} ({sent.code or 'no code'})")
        self.sent = sent


class DirectRequest(BaseRequest):
    """python-telegram-bot's request object over an `Exchange`. seconds: how long a call may take in all."""

    def __init__(self, exchange: Exchange, seconds: float) -> None:
        self._exchange = exchange
        self.seconds = seconds

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self.seconds

    async def initialize(self) -> None:
        """Nothing to open: connections are made when needed."""

    async def shutdown(self) -> None:
        """Nothing to close: connections end with the process."""

    async def do_request(  # type: ignore[override]  # python-telegram-bot's other timeouts arrive in `_`
        self, url: str, method: str, request_data: RequestData | None = None, read_timeout: object = None, **_: object
    ) -> tuple[int, bytes]:
        """Make the call; never awaits. Raises `ApiError` for anything but a success that can be read."""
        params = request_data.parameters if request_data else {}
        return 200, self.call(url, params, self.seconds)[1]

    def call(self, url: str, params: Mapping[str, object], seconds: float) -> tuple[object, bytes]:
        """Make the call; return the `result` and the answer that it came in. Raises `ApiError`."""
        body = json.dumps(params).encode()
        try:
            got = self._exchange("POST", url, body, {"Content-Type": "application/json"}, seconds)
        except NeverLeft:
            raise ApiError(Sent(Outcome.TEMPORARY, code="connect")) from None
        except MayHaveArrived as error:
            raise ApiError(Sent(Outcome.UNKNOWN, code=str(error))) from None
        answer = _decode(got.body)
        if 200 <= got.status < 300 and answer is not None and answer.get("ok") is True and "result" in answer:
            return answer["result"], got.body
        raise ApiError(failure(got.status, answer))


def failure(status: int, answer: dict[str, Any] | None) -> Sent:
    """What an answer that is no success means (https://core.telegram.org/bots/api#making-requests).

    An answer of 5xx with `ok: false` is the Bot API's own word that it did not do it. Without, it comes from a gateway:
    503 turned the request away, while 500, 502 and 504 do not say what became of it behind the gateway.
    """
    said_no = answer is not None and answer.get("ok") is False
    code = str(status)
    if status == 429:
        return Sent(Outcome.THROTTLED, code=code, retry_after=_retry_after(answer))
    if status in (401, 404):
        return Sent(Outcome.MISCONFIGURED, code=code)
    if status == 403:
        return Sent(Outcome.UNREACHABLE, code=code)
    if 400 <= status < 500:
        gone = said_no and _is_gone(answer)
        return Sent(Outcome.UNREACHABLE if gone else Outcome.REJECTED, code=code)
    if status >= 500 and (said_no or status == 503):
        return Sent(Outcome.TEMPORARY, code=code)
    return Sent(Outcome.UNKNOWN, code=code)


def _is_gone(answer: dict[str, Any] | None) -> bool:
    words = str((answer or {}).get("description", "")).lower()
    return any(sign in words for sign in ("chat not found", "user not found", "peer_id_invalid", "deactivated"))


def _retry_after(answer: dict[str, Any] | None) -> float | None:
    parameters = (answer or {}).get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else None


def _decode(payload: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def bot(token: str, base_url: str, request: DirectRequest) -> Bot:
    """Make the `Bot` of one token; base_url without a trailing slash."""
    # At DEBUG both libraries write addresses with the token in them, and python-telegram-bot the message as well.
    for name in ("telegram.Bot", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return Bot(
        token,
        base_url=f"{base_url}/bot",
        base_file_url=f"{base_url}/file/bot",
        request=request,
        get_updates_request=request,
    )


def run(call: Coroutine[Any, Any, T]) -> T:
    """Run a call of `Bot` to its end in this thread. Raises what the call raises."""
    try:
        call.send(None)
    except StopIteration as finished:
        value: T = finished.value
        return value
    call.close()
    raise RuntimeError("a Telegram call waited for an event loop; DirectRequest must be its only request object")
