"""The desk under load: how soon a message is seen at it, how quick its pages are over a large store, and what streams weigh.

`python -m tests.bench.desk` runs it alone. Every advisor has a conversation open as a browser has it: a stream, and whatever
the stream says to fetch. A message counts as seen when the part of the page that holds its words has arrived, from when its
webhook was due.
"""

import argparse
import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import psutil
import psycopg
from twilio.request_validator import RequestValidator

from bot.double.identity import AUTH_TOKEN, SMS_FROM
from bot.service import sessions
from bot.service.sessions import Limits, Where
from bot.store.database import Database
from tests.bench.load import fire, request
from tests.bench.measure import machine, quantile
from tests.stack import SMS, Stack, running

AGENT = "bench"
SETTLE = 3.0
"""Seconds after the last stream has opened before anything is measured."""
LATE = 20.0
"""Seconds after the last webhook for which a message is still waited for."""
PEOPLE = """
INSERT INTO staff (email, name, roles, created_at)
SELECT 'advisor' || n || '@example.org', 'Advisor ' || n, ARRAY['advisor'], now() FROM generate_series(1, %(advisors)s) AS n
RETURNING id
"""
STORED = """
INSERT INTO conversations (channel, account, address, profile_name, last_inbound_at)
SELECT 'sms', %(from)s, '+4477' || lpad(n::text, 8, '0'), 'Tenant', now() FROM generate_series(1, %(tenants)s) AS n;
INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, text, payload, received_at, processed_at)
SELECT c.id, 'sms', %(from)s, 'SMold' || c.id || '-' || n, 'message', 'a question about the home, number ' || n, '{}',
       now() - n * interval '1 hour', now()
FROM conversations c, generate_series(1, %(each)s) AS n;
INSERT INTO outbox (conversation_id, inbox_id, sender, purpose, text, part, state, created_at, due_at, sent_at,
                    provider_id, delivery)
SELECT i.conversation_id, i.id, 'sms', 'reply', 'an answer of about the usual length, with a number to ring', '{}', 'sent',
       i.received_at, i.received_at, i.received_at, 'SMout' || i.id, 'delivered'
FROM inbox i;
INSERT INTO handoffs (conversation_id, queue, level, reason, fields, state, opened_at, due_at, ended_at, outcome)
SELECT c.id, 'general', 'P3', 'asked-for-person', '{}', 'closed', now() - interval '1 day', now(), now(), 'answered'
FROM conversations c WHERE c.id %% 5 = 0;
INSERT INTO handoffs (conversation_id, queue, level, reason, fields, state, opened_at, due_at, clock_level)
SELECT c.id, 'general', CASE WHEN c.id %% 20 = 0 THEN 'P2' ELSE 'P3' END, 'asked-for-person', '{}', 'queued', now(),
       now() + interval '1 day', 'P3'
FROM conversations c WHERE c.id %% 5 = 1 ORDER BY c.id DESC LIMIT 300;
INSERT INTO handoffs (conversation_id, queue, level, reason, fields, state, opened_at, due_at, clock_level, claimed_by,
                      claimed_at)
SELECT c.id, 'general', 'P3', 'asked-for-person', '{}', 'claimed', now(), now() + interval '1 day', 'P3', s.id, now()
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM staff) AS s
JOIN conversations c ON c.address = '+4477' || lpad(s.n::text, 8, '0');
INSERT INTO presence (staff_id, status, since, seen_at) SELECT id, 'available', now(), now() FROM staff;
"""
HELD = "SELECT h.claimed_by, h.id, h.conversation_id, c.address FROM handoffs h JOIN conversations c ON c.id = h.conversation_id WHERE h.state = 'claimed'"  # noqa: E501  one statement


@dataclass(frozen=True)
class Size:
    """What is measured. seconds: of load. each: messages that came from one tenant; as many went to them."""

    advisors: int = 200
    tenants: int = 100_000
    each: int = 5
    rate: float = 20.0
    seconds: float = 30.0
    pages: int = 200

    @property
    def stored(self) -> int:
        """Messages in the store."""
        return self.tenants * self.each * 2


SHORT = Size(advisors=100, tenants=10_000, seconds=8.0, pages=60)


class Link:
    """One kept-alive connection to the web process, as a browser of one advisor has it."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nUser-Agent: {AGENT}\r\nCookie: hearthline={token}\r\n"
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._one = asyncio.Lock()

    async def open(self, path: str) -> asyncio.StreamReader:
        """Ask for a page and leave its body to be read. Raises RuntimeError unless it is there."""
        # The server hangs up on a connection that nothing was asked on for some seconds, as it does on a browser.
        if self._ends is None or self._ends[0].at_eof():
            self.close()
            self._ends = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        reader, writer = self._ends
        writer.write(f"GET /desk{path} HTTP/1.1\r\n{self._head}\r\n".encode())
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"{path} answered {status!r}")
        return reader

    async def get(self, path: str) -> bytes:
        """A whole page."""
        async with self._one:
            reader = await self.open(path)
            length = 0
            while (line := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            return await reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        if self._ends:
            self._ends[1].close()


@dataclass
class Advisor:
    """One open page of a conversation: its stream, what it fetches, and when it saw which message. Times are POSIX seconds."""

    port: int
    token: str
    handoff: int
    conversation: int
    address: str
    seen: dict[bytes, float] = field(default_factory=dict)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self) -> None:
        """Keep the page open until cancelled."""
        stream, pages = Link(self.port, self.token), Link(self.port, self.token)
        wanted = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._refresh(pages, wanted))
                await self._follow(await stream.open(f"/stream?conversation={self.conversation}"), wanted)
        finally:
            stream.close()
            pages.close()

    async def _follow(self, reader: asyncio.StreamReader, wanted: asyncio.Event) -> None:
        while line := await reader.readline():
            if line == b"event: here\n":
                self.opened.set()
            if line == b"event: thread\n":
                wanted.set()
        raise RuntimeError("the stream has ended")

    async def _refresh(self, pages: Link, wanted: asyncio.Event) -> None:
        while await wanted.wait():
            wanted.clear()
            page = await pages.get(f"/handoffs/{self.handoff}/thread")
            now = time.time()
            for key in re.findall(rb"load message (\d+)", page):
                self.seen.setdefault(key, now)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.desk")
    parser.add_argument("--short", action="store_true", help="half the advisors, a tenth of the stored messages")
    options = parser.parse_args()
    print(f"machine: {machine()}")
    run(SHORT if options.short else Size())


def run(size: Size) -> None:
    """The same as a part of `make bench`."""
    with running() as stack:
        begun = time.monotonic()
        fill(stack, size)
        print(
            f"\ndesk: {size.tenants:,} conversations and {size.stored:,} messages stored in"
            f" {time.monotonic() - begun:.0f} s"
        )
        asyncio.run(_measure(stack, size))


def fill(stack: Stack, size: Size) -> None:
    """Store advisors, tenants and what was said. Without triggers: nobody is to be told of what is old."""
    values = {"advisors": size.advisors, "tenants": size.tenants, "each": size.each, "from": SMS_FROM}
    with psycopg.connect(stack.servers.database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(PEOPLE, values)
        for statement in STORED.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode(), values)
        connection.execute("VACUUM ANALYZE")


def advisors(stack: Stack) -> list[Advisor]:
    """Everybody, signed in."""
    database, now = Database(stack.servers.database_url, size=1, name="bench"), time.time()
    database.open()
    try:
        with database.transaction() as connection:
            return [
                Advisor(
                    stack.port,
                    sessions.begin(connection, Limits(), who, "full", Where("127.0.0.1", AGENT), now).token,
                    *rest,
                )
                for who, *rest in stack.query(HELD)
            ]
    finally:
        database.close()


async def _measure(stack: Stack, size: Size) -> None:
    everybody, web = advisors(stack), psutil.Process(stack.children["web"][0].pid)
    await _print_pages("at rest", everybody, size)
    before = web.memory_info().rss / 2**20
    open_pages = [asyncio.create_task(one.look()) for one in everybody]
    await asyncio.wait_for(asyncio.gather(*(one.opened.wait() for one in everybody)), 60)
    await asyncio.sleep(SETTLE)
    held = web.memory_info().rss / 2**20
    due: dict[bytes, float] = {}
    load = threading.Thread(target=lambda: due.update(_load(stack, size, everybody)))
    load.start()
    await _print_pages(f"with {len(everybody)} streams and {size.rate:.0f} messages/s", everybody, size)
    await asyncio.to_thread(load.join)
    took = await _seen(everybody, due)
    gone = [task for task in open_pages if task.done()]
    for task in open_pages:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*open_pages, return_exceptions=True)
    print(_visible(took, len(due), len(gone)))
    print(
        f"memory of the web process: {before:.0f} MiB, with {len(everybody)} streams {held:.0f} MiB,"
        f" after the load {web.memory_info().rss / 2**20:.0f} MiB",
        flush=True,
    )


def _load(stack: Stack, size: Size, everybody: Sequence[Advisor]) -> dict[bytes, float]:
    """Have every tenant in hand write in turn. Returns when each message was due, POSIX seconds."""
    validator, shots = RequestValidator(AUTH_TOKEN), list[tuple[str, bytes]]()
    for number in range(int(size.rate * size.seconds)):
        form = stack.form(everybody[number % len(everybody)].address, f"load message {number} about the bins")
        signature = validator.compute_signature(f"{stack.base}{SMS}", form)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        body = urlencode(form).encode()
        shots.append((str(number), request("127.0.0.1", stack.port, SMS, body, headers)))
    return {shot.key.encode(): shot.due for shot in fire(stack.port, shots, size.rate)}


async def _seen(everybody: Sequence[Advisor], due: dict[bytes, float]) -> list[float]:
    """Seconds after which each message that was seen at all was seen."""
    deadline = time.monotonic() + LATE
    while True:
        seen = {key: at for one in everybody for key, at in one.seen.items()}
        if len(seen) >= len(due) or time.monotonic() > deadline:
            return [seen[key] - due[key] for key in due if key in seen]
        await asyncio.sleep(0.1)


def _visible(took: Sequence[float], asked: int, gone: int) -> str:
    longest = max(took, default=0.0) * 1000
    return (
        f"message visible at the desk: p50 {quantile(took, 50) * 1000:.0f} ms, p99 {quantile(took, 99) * 1000:.0f} ms,"
        f" longest {longest:.0f} ms ({len(took)} of {asked} seen; {gone} streams broke)"
    )


async def _print_pages(when: str, everybody: Sequence[Advisor], size: Size) -> None:
    kinds: dict[str, Callable[[Advisor], str]] = {
        "queue": lambda one: "/queue",
        "thread": lambda one: f"/handoffs/{one.handoff}",
    }
    for name, path in kinds.items():
        took = [await _timed(one, path(one)) for one in (everybody * size.pages)[: size.pages]]
        print(
            f"{name} page {when}: p50 {quantile(took, 50):.0f} ms, p95 {quantile(took, 95):.0f} ms,"
            f" longest {max(took):.0f} ms",
            flush=True,
        )


async def _timed(one: Advisor, path: str) -> float:
    """Milliseconds from asking on a new connection to the last byte."""
    link, begun = Link(one.port, one.token), time.monotonic()
    try:
        await link.get(path)
        return (time.monotonic() - begun) * 1000
    finally:
        link.close()


if __name__ == "__main__":
    main()
