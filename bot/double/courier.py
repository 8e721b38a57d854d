"""Posts to the product what the providers would: signed webhooks and status callbacks, and repeats them as they do."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.double.faults import undelivered
from bot.double.identity import ACCOUNT_SID, AUTH_TOKEN
from bot.double.world import Entry, World

TWILIO_PATIENCE = 15.0
"""Seconds Twilio waits for an answer (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides)."""
TELEGRAM_RETRIES = (0.5, 1, 2, 4, 8, 16, 32, 64)
"""Seconds between tries of an update; Telegram tells only that it gives up after a reasonable number."""
CONNECTIONS = 64
BACKLOG = 20_000
"""Posts that may wait; further status callbacks are dropped and counted, so that a dead product costs no memory."""


@dataclass(frozen=True)
class Response:
    """What the product answered; status 0 if it did not."""

    status: int
    body: bytes = b""


def sign(url: str, fields: Mapping[str, str]) -> str:
    """X-Twilio-Signature of a form (https://www.twilio.com/docs/usage/webhooks/webhooks-security)."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(AUTH_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()


class Courier:
    """The double's way to the product. `open` it on the event loop that it will work on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Make the pool of connections."""
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=TWILIO_PATIENCE)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())

    async def drop(self) -> None:
        """Give up what is still waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Give up what is still waiting, and the connections."""
        await self.drop()
        if self._session is not None:
            await self._session.close()

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do `work` beside what is being done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def twilio(self, url: str, fields: Mapping[str, str]) -> Response:
        """Post one of Twilio's webhooks; a connection that fails is tried once more."""
        headers = {"X-Twilio-Signature": sign(url, fields), "I-Twilio-Idempotency-Token": secrets.token_hex(16)}
        response = await self._post(url, aiohttp.FormData(fields)(), headers)
        return response if response.status else await self._post(url, aiohttp.FormData(fields)(), headers)

    async def telegram(self, update: Mapping[str, Any]) -> Response:
        """Post an update until it is taken."""
        hook = self._world.hook
        response = Response(0)
        for pause in (*TELEGRAM_RETRIES, 0):
            headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
            response = await self._post(hook.url, aiohttp.JsonPayload(update), headers)
            if 200 <= response.status < 300:
                return response
            hook.last_error = f"Wrong response from the webhook: {response.status or 'connection failed'}"
            hook.last_error_at = self._world.clock()
            await asyncio.sleep(pause)
        return response

    def follow(self, entry: Entry) -> None:
        """Move a message on towards its phone, with status callbacks where they were asked for."""
        if len(self._tasks) > BACKLOG:
            self._world.counters["callbacks_dropped"] += 1
            return
        self.later(self._deliver(entry))

    async def read(self, entry: Entry) -> None:
        """A tenant has seen a WhatsApp message."""
        entry.status = "read"
        self._world.touch()
        await self._report(entry, "read")

    async def _deliver(self, entry: Entry) -> None:
        knobs = self._world.knobs
        fault = undelivered(self._world.faults, entry.channel, entry.tenant)
        if fault is not None or entry.code is not None:
            entry.code = entry.code or (fault.code if fault else None) or 30003
            steps = ["failed"] if entry.code == 63016 else ["sent", "undelivered"]
        else:
            steps = ["sent", "delivered"]
        entry.status = steps[-1]
        reports = {"reversed": steps[::-1], "duplicated": [s for step in steps for s in (step, step)], "dropped": []}
        for step in reports.get(knobs.callback_order, steps):
            if knobs.callback_order != "early":
                await asyncio.sleep(knobs.callback_delay_ms / 1000)
            await self._report(entry, step)
        self._world.touch()

    async def _report(self, entry: Entry, status: str) -> None:
        if not entry.callback or not self._world.knobs.callbacks:
            return
        response = await self.twilio(entry.callback, status_fields(entry, status))
        self._world.counters[f"callback_answered_{response.status}"] += 1

    async def _post(self, url: str, data: Any, headers: Mapping[str, str]) -> Response:
        if self._session is None:
            raise RuntimeError("the courier is not open")
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._session.post(url, data=data, headers=headers, allow_redirects=False) as response:
                return Response(response.status, await response.read())
        self._world.counters["product_unreachable"] += 1
        return Response(0)


def status_fields(entry: Entry, status: str) -> dict[str, str]:
    """The form of a status callback (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status)."""
    fields = {
        "AccountSid": ACCOUNT_SID,
        "ApiVersion": "2010-04-01",
        "From": entry.ours,
        "MessageSid": entry.id,
        "MessageStatus": status,
        "SmsSid": entry.id,
        "SmsStatus": status,
        "To": entry.tenant,
    }
    if entry.channel == "whatsapp":
        fields |= {"ChannelPrefix": "whatsapp", "EventType": status.upper()}
    if status in ("failed", "undelivered") and entry.code is not None:
        fields["ErrorCode"] = str(entry.code)
    return fields
