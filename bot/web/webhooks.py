"""Where the providers call: verify, parse, store, and only then say 2xx. What is forged is told so and kept nowhere."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from xml.sax.saxutils import escape

import msgspec
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.log import get
from bot.service import first_words, receive
from bot.service.first_words import FirstWords
from bot.service.parts import Parts
from bot.service.receipts import Report
from bot.service.receive import Arrival, Intake, Kept
from bot.service.spool import SpooledInbound, SpooledReceipt, SpoolUnwritable
from bot.store.database import DatabaseAway, ValuesRefused
from bot.web.metrics import SECONDS, WEBHOOKS
from channels.errors import Forged, Malformed
from channels.messages import Channel, Inbound, Part, Receipt, WebhookRequest
from channels.telegram import Telegram

PREFIX = "/webhooks/"
STATUS = "twilio/status/"
BODY_LIMIT = 64 * 1024
"""Bytes of a webhook. Twilio's and Telegram's largest are below a quarter of this."""
STORE_PATIENCE = 4.0
"""Seconds to wait for PostgreSQL before the disk is used instead: providers wait 15, and give up for good."""
CALL_PATIENCE = 5.0
"""Seconds for crisis words by a call of their own, where the answer to a webhook cannot carry them."""
TWIML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
TWIML = f"{TWIML_HEAD}<Response/>"
LARGEST_ID = 2**63

Arrivals = tuple[Inbound | Receipt, ...]

log = get(__name__)


class TooLarge(Exception):
    """A body above `BODY_LIMIT`."""


async def body_of(request: Request) -> bytes:
    """The whole body, read no further than `BODY_LIMIT`. Raises `TooLarge`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise TooLarge
    return bytes(body)


def signed(request: Request, body: bytes, public_base_url: str) -> WebhookRequest:
    """The request as its sender signed it: over the public address, whatever a proxy in front made of it."""
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{public_base_url}{request.url.path}{query}"
    return WebhookRequest(url, {name.lower(): value for name, value in request.headers.items()}, body)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """An ASGI application that answers the providers, and hands every other request to `rest`.

    It stands in front of FastAPI's stack of middleware: a webhook is verified as bytes, so that stack would only cost time
    on the line's busiest path, more than all that is done for the message. public_base_url: what the providers were told
    and sign, without a last slash.
    """

    parts: Parts
    intake: Intake
    public_base_url: str
    rest: ASGIApp
    first_words: FirstWords

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(PREFIX):
            return await self.rest(scope, receive, send)
        response = await self.respond(Request(scope, receive), path.removeprefix(PREFIX))
        return await response(scope, receive, send)

    async def respond(self, request: Request, path: str) -> Response:
        """Answer one webhook. path: below `PREFIX`."""
        name, answer = CALLED.get(path, ("", nothing))
        message_id = path.removeprefix(STATUS) if path.startswith(STATUS) else None
        if not name and message_id is None:
            return Response("not found", 404)
        if request.method != "POST":
            return Response("post it", 405, headers={"Allow": "POST"})
        if message_id is None:
            return await self.take(request, name, answer)
        if not (
            message_id.isascii() and message_id.isdigit() and len(message_id) < 20 and int(message_id) < LARGEST_ID
        ):
            return Response("unknown message", 404)
        return await self.take(request, "sms" if "sms" in self.parts.channels else "whatsapp", nothing, int(message_id))

    async def take(self, request: Request, name: str, answer: "Answer", message_id: int | None = None) -> Response:
        """One webhook from beginning to end."""
        begun = time.perf_counter()
        response = await self._answer(request, name, answer, message_id)
        WEBHOOKS.labels(name, str(response.status_code)).inc()
        SECONDS.labels(name).observe(time.perf_counter() - begun)
        return response

    async def _answer(self, request: Request, name: str, answer: "Answer", message_id: int | None) -> Response:
        at, channel = self.parts.clock(), self.parts.channels.get(name)
        if channel is None:
            return Response("this channel is off", 404)
        said: list[Part] = []
        try:
            arrivals = read(channel, signed(request, await body_of(request), self.public_base_url))
            for arrival in arrivals:
                await self._keep(arrival, message_id, at, said)
        except TooLarge:
            return Response("too large", 413)
        except Forged:
            log.warning("webhook_forged", channel=name)
            return Response("signature missing or wrong", 403)
        except Malformed as error:
            log.warning("webhook_malformed", channel=name, problem=str(error))
            return Response("malformed", 400)
        except SpoolUnwritable:
            log.error("nothing_can_be_stored", channel=name, remedy="check PostgreSQL and SPOOL_DIR")
            # Twilio would not send the message again, but it does pass on crisis words, which are worth more than a 503.
            return twiml((), said) if said else Response("try again", 503, headers={"Retry-After": "5"})
        return answer(arrivals, said)

    async def _keep(self, arrival: Inbound | Receipt, message_id: int | None, at: float, said: list[Part]) -> None:
        """Store one arrival, or spool it if PostgreSQL is away or takes too long. Raises `SpoolUnwritable`.

        said: takes the crisis words that the answer itself has to carry then.
        """
        spool = self.parts.spool
        if isinstance(arrival, Inbound):
            if spool.holds_any() or not await stored(self.intake.messages.ask(Arrival(arrival, at))):
                answered = await self._say_first(arrival, at, said)
                await run_in_threadpool(spool.put, SpooledInbound(arrival, at, answered), at)
        elif message_id is not None and (
            spool.holds_any() or not await stored(self.intake.reports.ask(Report(message_id, arrival, at)))
        ):
            await run_in_threadpool(spool.put, SpooledReceipt(arrival, message_id, at), at)

    async def _say_first(self, inbound: Inbound, at: float, said: list[Part]) -> bool:
        """Say the crisis words for a message that cannot be stored now. Returns whether that is done, or in the answer."""
        signal = receive.screen(self.parts, inbound.text)
        words = await run_in_threadpool(self.first_words.for_, inbound, signal, at)
        if words and inbound.channel == "telegram":
            calling = run_in_threadpool(first_words.call, self.parts, inbound.channel, words, at)
            try:
                return await asyncio.wait_for(calling, CALL_PATIENCE)
            except TimeoutError:
                return False
        said += words
        return bool(words)


async def stored(asked: Future[Kept] | Future[bool]) -> bool:
    """Wait until something is in PostgreSQL; False if it is away or takes too long.

    If a slow transaction does end well after all, the replay of the same provider id changes nothing.
    """
    try:
        await asyncio.wait_for(asyncio.wrap_future(asked), STORE_PATIENCE)
    except (DatabaseAway, ValuesRefused, TimeoutError) as error:
        log.warning("not_stored", kept="spool", error=type(error).__name__)
        return False
    except Exception as error:
        # Twilio does not send a message again after a 500: even a defect of ours must leave it on the disk.
        log.exception("storing_failed", kept="spool", error=type(error).__name__)
        return False
    return True


def read(channel: Channel, request: WebhookRequest) -> tuple[Inbound | Receipt, ...]:
    """Verify, then parse. Raises `Forged` or `Malformed`."""
    channel.verify(request)
    return channel.parse(request)


def twiml(arrivals: Arrivals, said: Sequence[Part]) -> Response:
    """An empty TwiML document: the answer itself goes out through the API, where its delivery can be followed.

    said: crisis words that must not wait for the database (https://www.twilio.com/docs/messaging/twiml/message).
    """
    messages = "".join(f"<Message>{escape(part.text)}</Message>" for part in said)
    content = f"{TWIML_HEAD}<Response>{messages}</Response>" if messages else TWIML
    return Response(content, media_type="application/xml")


def nothing(arrivals: Arrivals, said: Sequence[Part]) -> Response:
    """No content."""
    return Response(status_code=204)


def telegram_answer(arrivals: Arrivals, said: Sequence[Part]) -> Response:
    """Stops a tapped button's spinning in the webhook's own answer, as Telegram allows, stale or repeated taps included."""
    for arrival in arrivals:
        if isinstance(arrival, Inbound) and arrival.callback_id is not None:
            return Response(
                msgspec.json.encode(Telegram.answer_callback_json(arrival.callback_id)), media_type="application/json"
            )
    return Response(status_code=200)


Answer = Callable[[Arrivals, Sequence[Part]], Response]
CALLED: Mapping[str, tuple[str, Answer]] = {
    "twilio/sms": ("sms", twiml),
    "twilio/whatsapp": ("whatsapp", twiml),
    "telegram": ("telegram", telegram_answer),
}
"""Addresses below `PREFIX`, their channel, and how it is answered."""
