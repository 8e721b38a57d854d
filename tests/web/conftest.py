"""The web application on real PostgreSQL, with the real channels and nobody behind them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
import redis
from fastapi.testclient import TestClient
from httpx2 import Response
from limits.storage import MemoryStorage
from twilio.request_validator import RequestValidator

from bot.queues import Bell, QueueName, connect
from bot.service.library import Library
from bot.service.parts import Parts
from bot.service.rates import Rates
from bot.service.spool import Spool
from bot.settings import Settings
from bot.store.database import Connection, Database
from bot.web.app import create_app
from bot.wiring import book
from channels._twilio import TwilioAccount
from channels.media_fetch import Fetched, MediaRefused
from channels.messages import Media
from channels.registry import Accounts, open_channels
from channels.telegram import TelegramAccount
from tests.service.fakes import screen

PUBLIC = "https://line.example.org"
SID = "AC" + "1" * 32
TOKEN = "0123456789abcdef0123456789abcdef"
SECRET = "a-webhook-secret"
BOT = "4242:a-bot-token-of-nobody"


def no_file(channel: str, media: Media) -> Fetched:
    raise MediaRefused("no files in this test")


@pytest.fixture
def rung() -> list[QueueName]:
    return []


@pytest.fixture
def parts(database_url: str, tmp_path: Path, rung: list[QueueName]) -> Iterator[Parts]:
    database = Database(database_url, size=4)
    database.open()
    bell = Bell(rung.append)
    bell.start()
    twilio = TwilioAccount(SID, TOKEN, PUBLIC, sms_from="+447700900900", whatsapp_from="whatsapp:+447700900901")
    opened = open_channels(Accounts(twilio, TelegramAccount(BOT, SECRET)))
    yield Parts(
        database=database,
        channels={str(name): channel for name, channel in opened.items()},
        library=Library(lambda: book(Settings(_env_file=None)), database),
        screen=screen,
        clock=lambda: 1_795_003_200.0,
        bell=bell,
        spool=Spool(tmp_path / "spool"),
        rates=Rates({"sms": 10}, MemoryStorage()),
        fetch=no_file,
        media_dir=tmp_path / "media",
    )
    bell.close()
    database.close()


@pytest.fixture
def connection(parts: Parts) -> Iterator[Connection]:
    with parts.database.connection() as connection:
        yield connection


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        yield client
        client.connection_pool.disconnect()


@pytest.fixture
def client(parts: Parts, redis_client: redis.Redis) -> Iterator[TestClient]:
    app = create_app(parts, public_base_url=PUBLIC, redis_client=redis_client)
    with TestClient(
        app, base_url="http://127.0.0.1:8000", raise_server_exceptions=True, client=("127.0.0.1", 50000)
    ) as client:
        yield client


@pytest.fixture
def without_database(parts: Parts) -> Parts:
    """The same parts, and a PostgreSQL that nobody can reach."""
    away = Database("postgresql://nobody@/nothing?host=/nonexistent", size=1, wait=0.1)
    away.open()
    return replace(parts, database=away)


Post = Callable[..., Response]


def twilio_form(**more: str) -> dict[str, str]:
    return {
        "MessageSid": "SM" + "a" * 32,
        "AccountSid": SID,
        "From": "+447700900123",
        "To": "+447700900900",
        "Body": "how do I pay my rent?",
        "NumMedia": "0",
        **more,
    }


def sign(path: str, form: Mapping[str, str]) -> dict[str, str]:
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}{path}", dict(form))
    return {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def post_sms(client: TestClient) -> Post:
    def post(
        form: Mapping[str, str], path: str = "/webhooks/twilio/sms", headers: Mapping[str, str] | None = None
    ) -> Response:
        return client.post(path, content=urlencode(form), headers={**sign(path, form), **(headers or {})})

    return post


@pytest.fixture
def post_telegram(client: TestClient) -> Post:
    def post(update: object, secret: str = SECRET) -> Response:
        body = update if isinstance(update, bytes) else json.dumps(update).encode()
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret, "Content-Type": "application/json"}
        return client.post("/webhooks/telegram", content=body, headers=headers)

    return post


def telegram_message(update_id: int = 1, **message: object) -> dict[str, object]:
    person = {"id": 77, "is_bot": False, "first_name": "Sam"}
    body = {"message_id": update_id, "date": 1_795_003_200, "chat": {"id": 77, "type": "private"}, "from": person}
    return {"update_id": update_id, "message": {**body, "text": "hello", **message}}
