"""The design that Hearthline is measured against: FastAPI, one RQ job a message, state in Redis, SimpleWorker.

It does the same work for a message (signature, screening, matching, engine, one send through twilio) and promises less:
nothing is durable, nothing keeps a tenant's messages in order.
"""

import os
import sys
from pathlib import Path

import redis
from fastapi import FastAPI, Request, Response
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from bot.encoding import SharedEncoder
from bot.engine.effects import SendText
from bot.engine.events import MessageReceived
from bot.engine.state import State, from_json, to_json
from bot.engine.step import step
from bot.nlu import faq
from bot.nlu.understanding import Understanding
from bot.queues import connect
from bot.settings import Settings, load
from bot.wiring import book, channels, screener
from channels.messages import Channel, Inbound, Outbound, SendContext, WebhookRequest
from flows.schema import Book

screen = screener()
_parts: list[tuple[Settings, Channel, Book, faq.Index]] = []


def _ready() -> tuple[Settings, Channel, Book, faq.Index]:
    if not _parts:
        settings = load(None)
        loaded = book(settings)
        # Kept by the line, which has started before: learning it anew would take longer than the run.
        index = SharedEncoder(settings.var_dir / "cache").index(loaded)
        _parts.append((settings, channels(settings)["sms"], loaded, index))
    return _parts[0]


def answer(address: str, account: str, text: str, number: int) -> None:
    """The job: read the state, decide, send, write the state."""
    settings, channel, loaded, index = _ready()
    store = _redis()
    stored = store.get(f"rival:{address}")
    state = from_json(stored) if stored else State()
    understood = Understanding(screen([text]), faq.match(index, text, "en"))
    state, effects = step(
        state, MessageReceived(at=1_795_003_200.0, id=number, channel="sms", text=text, understood=understood), loaded
    )
    for effect in effects:
        if isinstance(effect, SendText):
            outbound = Outbound(channel="sms", account=account, address=address, text=effect.text)
            for part in channel.render(outbound):
                channel.send(part, SendContext(message_id=str(number), now=0.0))
    store.set(f"rival:{address}", to_json(state))


_redis_made: list[redis.Redis] = []


def _redis() -> redis.Redis:
    if not _redis_made:
        _redis_made.append(connect(_ready()[0].redis_url or ""))
    return _redis_made[0]


def app() -> FastAPI:
    """The rival's web process."""
    settings, channel, _, _ = _ready()
    queue, made = Queue("rival", connection=_redis(), serializer=JSONSerializer), FastAPI()
    base = os.environ["RIVAL_BASE"]

    @made.post("/sms")
    async def sms(request: Request) -> Response:
        body = await request.body()
        signed = WebhookRequest(f"{base}/sms", {k.lower(): v for k, v in request.headers.items()}, body)
        channel.verify(signed)
        (inbound,) = channel.parse(signed)
        assert isinstance(inbound, Inbound)
        number = int(inbound.provider_id[2:], 16)
        queue.enqueue_call(
            "tests.bench.rival.answer", (inbound.address, inbound.account, inbound.text, number), result_ttl=0
        )
        return Response("<Response/>", media_type="application/xml")

    return made


def main() -> None:
    """`python -m tests.bench.rival web PORT` or `worker`."""
    if sys.argv[1] == "web":
        import uvicorn

        uvicorn.run(app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
    else:
        _ready()
        SimpleWorker(
            ["rival"], connection=connect(_ready()[0].redis_url or "", timeout=30), serializer=JSONSerializer
        ).work(logging_level="ERROR")


if __name__ == "__main__":
    assert Path.cwd()
    main()
