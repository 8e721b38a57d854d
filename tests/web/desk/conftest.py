"""The desk on real PostgreSQL, and browsers that visit it."""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyotp
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from limits.storage import MemoryStorage
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.queues import Bell
from bot.service.library import Library
from bot.service.parts import Parts
from bot.service.passwords import hashed
from bot.service.rates import Rates
from bot.service.sessions import Where, begin
from bot.service.spool import Spool
from bot.settings import Settings
from bot.store import desk as rows
from bot.store import handoffs, staff
from bot.store.database import Connection, Database
from bot.store.desk import Case
from bot.store.handoffs import Opening
from bot.store.staff import Profile, Role, Staff
from bot.web.desk.app import create_desk
from bot.web.desk.setup import Desk
from bot.wiring import book
from channels.media_fetch import Fetched, MediaRefused
from channels.messages import Media
from tests.service.fakes import Time, screen

HERE = "http://127.0.0.1:8000"
PASSWORD = "velvet otter ninety kites"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOW = 1_795_003_200.0


class Forms(HTMLParser):
    """Finds the hidden fields of a page's forms."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[found["name"] or ""] = found.get("value") or ""


@dataclass
class Browser:
    """One browser: keeps cookies, and sends a form as a browser does."""

    client: TestClient
    time: Time
    page: str = ""
    status: int = 0
    at: str = ""
    headers: Any = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> "Browser":
        """Open a page, following where it leads."""
        return self._keep(self.client.get(path, headers=headers, follow_redirects=True))

    def post(self, path: str, *, origin: str | None = HERE, csrf: str | None = None, **fields: Any) -> "Browser":
        """Send a form of the page that is open."""
        token = Forms(self.page).hidden.get("csrf", "") if csrf is None else csrf
        headers = {"Origin": origin} if origin else {}
        data = {"csrf": token, **fields}
        return self._keep(self.client.post(path, data=data, headers=headers, follow_redirects=True))

    def _keep(self, answer: Response) -> "Browser":
        self.page, self.status, self.at, self.headers = answer.text, answer.status_code, answer.url.path, answer.headers
        return self

    def sign_in(self, email: str, password: str = PASSWORD, code: str | None = None) -> "Browser":
        """Go through both steps."""
        self.get("/desk/sign-in").post("/desk/sign-in", email=email, password=password)
        # A code holds once, so each sign-in has its own half minute.
        self.time.now += 30
        return self.post("/desk/code", code=code or self.code())

    def code(self) -> str:
        return pyotp.TOTP(SECRET).at(int(self.time.now))

    def take(self, token: str) -> None:
        """Have a cookie that this browser was not given."""
        self.client.cookies.set("hearthline", token, domain="127.0.0.1", path="/")

    @property
    def token(self) -> str:
        return str(self.client.cookies.get("hearthline"))

    @property
    def title(self) -> str:
        found = re.search(r"<title>(.*?) – Hearthline desk</title>", self.page)
        return found.group(1) if found else ""


@pytest.fixture
def time() -> Time:
    return Time(NOW)


def no_file(channel: str, media: Media) -> Fetched:
    raise MediaRefused("no files in this test")


@pytest.fixture
def parts(database_url: str, tmp_path: Path, time: Time) -> Iterator[Parts]:
    database = Database(database_url, size=4)
    database.open()
    bell = Bell(lambda queue: None)
    bell.start()
    yield Parts(
        database=database,
        channels={},
        library=Library(lambda: book(Settings(_env_file=None)), database),
        screen=screen,
        clock=time,
        bell=bell,
        spool=Spool(tmp_path / "spool"),
        rates=Rates({}, MemoryStorage()),
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
def desk(parts: Parts) -> Desk:
    return Desk(parts, HERE)


Browse = Callable[..., Browser]


def mounted(desk: Desk) -> Starlette:
    return Starlette(routes=[Mount("/desk", create_desk(desk))])


@pytest.fixture
def browse(desk: Desk, time: Time) -> Browse:
    """Open a new browser. address: where from; agent: what it calls itself; on: another desk than usual."""

    usual = mounted(desk)

    def browse(address: str = "192.0.2.7", agent: str = "Firefox", on: Desk | None = None, base: str = HERE) -> Browser:
        app = mounted(on) if on else usual
        client = TestClient(app, base_url=base, client=(address, 50000), headers={"User-Agent": agent})
        return Browser(client, time)

    return browse


@pytest.fixture(scope="session")
def password_hash() -> str:
    return hashed(PASSWORD)


Hire = Callable[..., Staff]


@pytest.fixture
def hire(connection: Connection, password_hash: str) -> Hire:
    """Add somebody who has a password and one-time codes."""
    count = itertools.count(1)

    def hire(*roles: str, name: str = "", email: str = "", subject: str | None = None) -> Staff:
        number = next(count)
        chosen = roles or (Role.ADVISOR,)
        profile = Profile(email or f"person{number}@example.org", name or f"Person {number}", tuple(chosen))
        added = staff.add(connection, profile, NOW, subject)
        assert added
        staff.set_password(connection, added, password_hash)
        staff.set_totp(connection, added, SECRET, 0)
        found = staff.find(connection, added)
        assert found
        return found

    return hire


@pytest.fixture
def enter(browse: Browse, desk: Desk, time: Time) -> Callable[..., Browser]:
    """A browser in which somebody is signed in already."""

    def enter(somebody: Staff, agent: str = "Firefox") -> Browser:
        browser = browse(agent=agent)
        with desk.parts.database.transaction() as connection:
            begun = begin(connection, desk.limits, somebody.id, "full", Where("192.0.2.7", agent), time())
        browser.take(begun.token)
        return browser

    return enter


Enter = Callable[..., Browser]


def acts(connection: Connection) -> list[str]:
    """What is on record, the oldest first."""
    return [row[0] for row in connection.execute("SELECT what FROM audit ORDER BY id").fetchall()]


Waits = Callable[..., Case]


@pytest.fixture
def waits(connection: Connection) -> Waits:
    """A tenant who waits for a person."""
    count = itertools.count(1)

    def waits(
        level: str = "P3", queue: str = "general", channel: str = "sms", name: str = "Sam", ago: float = 60.0
    ) -> Case:
        number = next(count)
        row = connection.execute(
            "INSERT INTO conversations (channel, account, address, language, profile_name, last_inbound_at)"
            " VALUES (%s, 'ours', %s, 'en', %s, to_timestamp(%s)) RETURNING id",
            (channel, f"+4477009001{number:02}", name, NOW - ago),
        ).fetchone()
        assert row
        said = say(connection, row[0], "Please help.", channel)
        [handoff] = handoffs.open_all(connection, [Opening(row[0], said, queue, level, "asked-for-person", "{}", NOW)])
        found = rows.find(connection, handoff)
        assert found
        return found

    return waits


def say(
    connection: Connection,
    conversation: int,
    text: str,
    channel: str = "sms",
    at: float = NOW,
    signal: str | None = None,
) -> int:
    """The tenant writes. Returns the message."""
    row = connection.execute(
        "INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, text, payload, signal, received_at)"
        " VALUES (%s, %s, 'ours', %s, 'message', %s, '{}', %s, to_timestamp(%s)) RETURNING id",
        (conversation, channel, f"m{next(_ids)}", text, signal, at),
    ).fetchone()
    assert row
    return int(row[0])


_ids = itertools.count(1)


def facts(connection: Connection) -> list[tuple[str, dict[str, str]]]:
    """What the engine is told by people, the oldest first."""
    return connection.execute(
        "SELECT kind, payload FROM inbox WHERE kind NOT IN ('message', 'edit', 'button') ORDER BY id"
    ).fetchall()
