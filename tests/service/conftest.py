"""Services on real PostgreSQL and Valkey, with channels that only remember."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from limits.storage import MemoryStorage

from bot.nlu.faq import build
from bot.queues import Bell, QueueName
from bot.service.deliver import AT_ONCE
from bot.service.library import Edition, Library
from bot.service.parts import Parts
from bot.service.rates import Rates
from bot.service.receive import receive
from bot.service.spool import Spool
from bot.settings import Settings
from bot.store.database import Connection, Database
from bot.wiring import book
from channels.media_fetch import Fetched, MediaRefused
from channels.messages import Inbound, Media
from flows.schema import Book
from tests.service.fakes import OURS, TENANT, Remembering, Time, screen


@pytest.fixture(scope="session")
def shipped_book() -> Book:
    return book(Settings(_env_file=None))


@pytest.fixture(scope="session")
def edition(shipped_book: Book) -> Edition:
    """The shipped Book with its matcher, which takes seconds to make, and so is made once."""
    return Edition(shipped_book, build(shipped_book.faq))


class OneBook(Library):
    """A library that has its matcher already."""

    def __init__(self, edition: Edition, database: Database) -> None:
        super().__init__(lambda: edition.book, database)
        self._current = edition


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=8)
    database.open()
    yield database
    database.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connection() as connection:
        yield connection


@pytest.fixture
def sms() -> Remembering:
    return Remembering("sms")


@pytest.fixture
def rung() -> list[QueueName]:
    return []


def no_file(channel: str, media: Media) -> Fetched:
    raise MediaRefused("no files in this test")


@pytest.fixture
def parts(
    database: Database, edition: Edition, sms: Remembering, rung: list[QueueName], tmp_path: Path
) -> Iterator[Parts]:
    """Parts whose bell remembers what it rang, and whose clock stands at noon of 18 November 2026."""
    bell = Bell(rung.append)
    bell.start()
    yield Parts(
        database=database,
        channels={"sms": sms},
        library=OneBook(edition, database),
        screen=screen,
        clock=Time(1_795_003_200.0),
        bell=bell,
        spool=Spool(tmp_path / "spool"),
        rates=Rates({"sms": 10_000, "whatsapp": 10_000, "telegram": 10_000}, MemoryStorage()),
        fetch=no_file,
        media_dir=tmp_path / "media",
    )
    bell.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


@pytest.fixture
def say(parts: Parts) -> Callable[..., Inbound]:
    """Take in one message of a tenant."""
    count = iter(range(1, 1_000_000))

    def say(text: str, **more: object) -> Inbound:
        values: dict[str, object] = {
            "channel": "sms",
            "account": OURS,
            "address": TENANT,
            "provider_id": f"SM{next(count)}",
        }
        inbound = Inbound(**{**values, "text": text, **more})  # type: ignore[arg-type]  # a test's own words
        receive(parts, inbound, parts.clock())
        return inbound

    return say
