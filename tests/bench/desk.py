"""The desk under load: how soon a message is seen at it, how quick its pages are over a large store, and what streams weigh.

`python -m tests.bench.desk` runs it alone. Every advisor has a conversation open as a browser has it: a stream, and whatever
the stream says to fetch. A message counts as seen when the part of the page that holds its words has arrived, a tenant who
asks for a person when everybody's page has been told to sound, both from when the webhook was due.
"""

import argparse
import asyncio
import json
import math
import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from urllib.parse import urlencode

import psutil
import psycopg
from twilio.request_validator import RequestValidator

from bot.double.identity import AUTH_TOKEN, SMS_FROM
from bot.engine.state import State, to_json
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
ANEW = 20
"""Of so many messages one is of a tenant who asks for a person; the others are of tenants in somebody's hands."""
IN_HAND = to_json(State(language="en", mode="advisor", greeted=True)).decode()
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
UPDATE conversations c SET state = %(state)s, language = 'en' FROM handoffs h
WHERE h.conversation_id = c.id AND h.state = 'claimed';
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
        if not status:
            raise ConnectionError("the server hung up")
        if b" 200 " not in status:
            raise RuntimeError(f"{path} answered {status!r}")
        return reader

    async def get(self, path: str) -> bytes:
        """A whole page; asked for again, as a browser does, where the server hung up at that moment."""
        async with self._one:
            try:
                return await self._read(path)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.close()
                return await self._read(path)

    async def _read(self, path: str) -> bytes:
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
            self._ends = None


@dataclass
class Advisor:
    """One open page of a conversation: its stream, what it fetches, and when it saw which message, and when
    it was told of which handoff. Times are POSIX seconds."""

    port: int
    token: str
    handoff: int
    conversation: int
    address: str
    seen: dict[bytes, float] = field(default_factory=dict)
    heard: dict[int, float] = field(default_factory=dict)
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
            if line.startswith(b"data: {") and b'"kind": "handoff"' in line:
                self.heard.setdefault(int(json.loads(line[6:])["handoff"]), time.time())
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
    raise SystemExit(0 if run(SHORT if options.short else Size()) else 1)


def run(size: Size) -> bool:
    """The same as a part of `make bench`. Returns whether everything that came was seen."""
    with running() as stack:
        begun = time.monotonic()
        fill(stack, size)
        print(
            f"\ndesk: {size.tenants:,} conversations and {size.stored:,} messages stored in"
            f" {time.monotonic() - begun:.0f} s"
        )
        return asyncio.run(_measure(stack, size))


def fill(stack: Stack, size: Size) -> None:
    """Store advisors, tenants and what was said. Without triggers: nobody is to be told of what is old."""
    values = {"advisors": size.advisors, "tenants": size.tenants, "each": size.each, "from": SMS_FROM, "state": IN_HAND}
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


async def _measure(stack: Stack, size: Size) -> bool:
    everybody, web = advisors(stack), psutil.Process(stack.children["web"][0].pid)
    await _print_pages("at rest", everybody, size)
    before = web.memory_info().rss / 2**20
    open_pages = [asyncio.create_task(one.look()) for one in everybody]
    await asyncio.wait_for(asyncio.gather(*(one.opened.wait() for one in everybody)), 60)
    await asyncio.sleep(SETTLE)
    held = web.memory_info().rss / 2**20
    due: dict[str, float] = {}
    load = threading.Thread(target=lambda: due.update(_load(stack, size, everybody)))
    begun, used = time.monotonic(), _processor(stack)
    load.start()
    await _print_pages(f"with {len(everybody)} streams and {size.rate:.0f} messages/s", everybody, size)
    await asyncio.to_thread(load.join)
    spent = {name: (after - used[name]) / (time.monotonic() - begun) for name, after in _processor(stack).items()}
    await _arrived(everybody, sum(key.startswith("+") for key in due), len(due))
    gone = [task for task in open_pages if task.done()]
    for task in open_pages:
        task.cancel()
    await asyncio.gather(*open_pages, return_exceptions=True)
    seen, heard = _seen(everybody, due), _heard(stack, everybody, due)
    print(_line("message visible at the desk", seen, f"{len(gone)} streams broke"))
    print(_line("new handoff told to everybody", heard, "each advisor counted"))
    busy = ", ".join(f"{name} {share:.2f}" for name, share in spent.items() if share >= 0.05)
    print(f"processor seconds a second under load: {busy}; the machine's load average {os.getloadavg()[0]:.1f}")
    print(
        f"memory of the web process: {before:.0f} MiB, with {len(everybody)} streams {held:.0f} MiB,"
        f" after the load {web.memory_info().rss / 2**20:.0f} MiB",
        flush=True,
    )
    return all(one < math.inf for one in (*seen, *heard))


def _processor(stack: Stack) -> dict[str, float]:
    """Seconds of processor time that each process has used."""
    return {name: sum(psutil.Process(found[0].pid).cpu_times()[:2]) for name, found in stack.children.items()}


def _load(stack: Stack, size: Size, everybody: Sequence[Advisor]) -> dict[str, float]:
    """Have tenants write. Returns when each message was due, POSIX seconds: by its number, or the address of who is new."""
    validator, shots = RequestValidator(AUTH_TOKEN), list[tuple[str, bytes]]()
    for number in range(int(size.rate * size.seconds)):
        new = number % ANEW == 0
        address = f"+4477{size.tenants - number:08d}" if new else everybody[number % len(everybody)].address
        form = stack.form(address, "person" if new else f"load message {number} about the bins")
        signature = validator.compute_signature(f"{stack.base}{SMS}", form)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        body = request("127.0.0.1", stack.port, SMS, urlencode(form).encode(), headers)
        shots.append((address if new else str(number), body))
    return {shot.key: shot.due for shot in fire(stack.port, shots, size.rate)}


async def _arrived(everybody: Sequence[Advisor], new: int, asked: int) -> None:
    """Wait until all is there, or it is late."""
    deadline = time.monotonic() + LATE
    while time.monotonic() < deadline:
        seen = sum(len(one.seen) for one in everybody)
        if seen >= asked - new and all(len(one.heard) >= new for one in everybody):
            return
        await asyncio.sleep(0.1)


def _seen(everybody: Sequence[Advisor], due: Mapping[str, float]) -> list[float]:
    """Seconds after which each message was seen; inf for one that was not."""
    seen = {key.decode(): at for one in everybody for key, at in one.seen.items()}
    return [seen.get(key, math.inf) - at for key, at in due.items() if not key.startswith("+")]


def _heard(stack: Stack, everybody: Sequence[Advisor], due: Mapping[str, float]) -> list[float]:
    """Seconds after which each advisor was told of each new handoff; inf for one who was not."""
    sql = (
        "SELECT h.id, c.address FROM handoffs h JOIN conversations c ON c.id = h.conversation_id"
        " WHERE h.inbox_id IS NOT NULL"
    )
    at = {handoff: due[address] for handoff, address in stack.query(sql) if address in due}
    return [one.heard.get(handoff, math.inf) - since for handoff, since in at.items() for one in everybody]


def _line(what: str, took: Sequence[float], rest: str) -> str:
    there = [one for one in took if one < math.inf]
    return (
        f"{what}: p50 {quantile(took, 50) * 1000:.0f} ms, p99 {quantile(took, 99) * 1000:.0f} ms,"
        f" longest {max(there, default=0.0) * 1000:.0f} ms ({len(there)} of {len(took)}; {rest})"
    )


async def _print_pages(when: str, everybody: Sequence[Advisor], size: Size) -> None:
    kinds: dict[str, Callable[[Advisor], str]] = {
        "queue": lambda one: "/queue",
        "thread": lambda one: f"/handoffs/{one.handoff}",
    }
    for name, path in kinds.items():
        took = [await _timed(one, path(one)) for one in islice(cycle(everybody), size.pages)]
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
