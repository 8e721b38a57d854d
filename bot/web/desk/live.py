"""The desk's live stream: server-sent events for pages that are open, and the signs of life that they give.

Everybody's queue is drawn once for all people of the same teams, at most every half second; a conversation's page is told at
once that its thread has grown, and asks for what is new. A page that lost its connection names the last event it saw, and is
told everything since (HTML Living Standard, "Server-sent events": Last-Event-ID).
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from bot.service import desk as service
from bot.service.stream import Listener, Stream
from bot.store import changes
from bot.store import desk as rows
from bot.store.changes import Change
from bot.store.database import DatabaseAway
from bot.store.staff import Staff
from bot.web.desk.access import session_of
from bot.web.desk.pages import fragment
from bot.web.desk.queue import Quiet, Waiting, teams_of, waiting_for
from bot.web.desk.setup import Desk

BEAT = 15.0
"""Seconds between signs of life; also how soon a revoked session loses its stream."""
TICK = 0.5
"""Seconds between two drawings of the queue."""
AGAIN = 2000
"""Milliseconds after which a browser connects again."""
MISSED = 500
"""Changes that a page which comes back is told one by one; after more it is drawn anew."""
CALLS = frozenset({"help", "helped"})
THREAD_KINDS = frozenset({"message", "said", "ticks", "note"})

Teams = tuple[str, ...] | None


class Drawn(NamedTuple):
    """A queue's HTML, and the handoffs in it. at: by the monotonic clock, in seconds; what had changed by then is in it."""

    at: float
    html: str
    waiting: Waiting


class Board:
    """Draws the queue of each set of teams once for all who ask for it together."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._drawn: dict[Teams, Drawn] = {}
        self._lock = threading.Lock()

    def draw(self, teams: Teams, since: float) -> Drawn:
        """The queue of some teams, drawn at a time of the monotonic clock or later. Raises `DatabaseAway`."""
        with self._lock:
            found = self._drawn.get(teams)
            if found is None or found.at < since:
                at = max(since, time.monotonic())
                with self._desk.parts.database.connection() as connection:
                    waiting = waiting_for(connection, self._desk, teams)
                found = Drawn(at, fragment(self._desk, "queue_waiting.html", waiting=waiting), waiting)
                self._drawn[teams] = found
            return found


class Watch(NamedTuple):
    """Who watches what. conversation: whose page is open, 0 for none."""

    staff: Staff
    teams: Teams
    conversation: int

    def wants(self, change: Change) -> bool:
        """Whether a change may matter to this page; the queue itself then says whether it does."""
        if change.kind in THREAD_KINDS:
            return change.conversation_id == self.conversation or change.staff_id == self.staff.id
        return True


def router(desk: Desk, stream: Stream) -> APIRouter:
    """The routes. stream: started by whoever serves them."""
    routes, board = APIRouter(), Board(desk)

    @routes.get("/stream")
    async def events(
        request: Request,
        staff: Quiet,
        conversation: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        last: Annotated[str, Query(max_length=50)] = "",
    ) -> Response:
        watch = await run_in_threadpool(_watch, desk, staff, conversation)
        # A browser says by itself where it was; a page that had to begin a new stream says it in the address.
        body = Live(desk, stream, board, watch).run(request, request.headers.get("last-event-id") or last)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(body, media_type="text/event-stream", headers=headers)

    @routes.post("/beat")
    def beat(
        staff: Quiet, conversation: Annotated[int, Form(ge=0, lt=2**63)] = 0, typing: Annotated[bool, Form()] = False
    ) -> Response:
        watch = _watch(desk, staff, conversation)
        service.beat(desk.parts, staff, watch.conversation or None, typing=typing)
        return Response(status_code=204)

    return routes


def _watch(desk: Desk, staff: Staff, conversation: int) -> Watch:
    """What somebody may watch: a conversation that they may not read is none."""
    with desk.parts.database.connection() as connection:
        cases = rows.of_conversation(connection, conversation) if conversation else []
        may = any(service.may_read(connection, desk.parts, staff, case) for case in cases)
        return Watch(staff, teams_of(connection, desk, staff), conversation if may else 0)


class Live:
    """One open stream."""

    def __init__(self, desk: Desk, stream: Stream, board: Board, watch: Watch) -> None:
        self._desk, self._stream, self._board, self._watch = desk, stream, board, watch
        self._drawn_at = -TICK

    async def run(self, request: Request, last: str) -> AsyncIterator[str]:
        """Everything that is sent, until the page or the session is gone. last: the place in the stream it saw last."""
        with self._stream.listener(lambda change: self._watch.wants(change)) as listener:
            yield f"retry: {AGAIN}\n\n"
            try:
                missed, place = await run_in_threadpool(self._missed, last)
                for event in await self._told(missed, time.monotonic()) if missed else ():
                    yield event
                # A connection that breaks at once still says where it was.
                yield _event("here", "", place)
                if missed is None:
                    # A page that comes without a place in the stream may be older than it: it is drawn anew.
                    yield _event("thread", "", "")
                    yield _event("waiting", (await self._drawn(time.monotonic() - TICK)).html, "")
                async for event in self._follow(request, listener):
                    yield event
            except DatabaseAway:
                # The browser connects again, and says what it saw last.
                return

    def _missed(self, last: str) -> tuple[list[Change] | None, str]:
        """What a page has missed, None if it must be drawn anew, and the place in the stream that this brings it to."""
        service.beat(self._desk.parts, self._watch.staff, self._watch.conversation or None)
        with self._desk.parts.database.connection() as connection:
            # Read first: whatever comes to light between the two reads is told, and not passed by.
            newest = changes.newest(connection)
            found = changes.since(connection, last, MISSED) if last else []
        if not last or len(found) == MISSED:
            return None, newest
        place = changes.later(newest, found[-1].cursor) if found else newest
        return [change for change in found if self._watch.wants(change)], place

    async def _follow(self, request: Request, listener: Listener) -> AsyncIterator[str]:
        beat_at = time.monotonic() + BEAT
        while not self._desk.parts.stopping.is_set():
            found = await _taken(listener, beat_at - time.monotonic())
            # However busy the stream is: who holds it must still be signed in, and counts as present.
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + BEAT
                if not await run_in_threadpool(self._alive, request):
                    yield _event("signed-out", "", "")
                    return
                yield ": still here\n\n"
            if None in found:
                return
            told = [change for change in found if change]
            for event in await self._told(told, self._stream.read_at) if told else ():
                yield event

    def _alive(self, request: Request) -> bool:
        session = session_of(request, touch=False)
        if session is None or session.stage != "full" or not session.staff.has(*service.READERS):
            return False
        # Teams come and go with the hour, and roles with an administrator.
        self._watch = _watch(self._desk, session.staff, self._watch.conversation)
        service.beat(self._desk.parts, self._watch.staff, self._watch.conversation or None)
        return True

    async def _told(self, found: list[Change], since: float) -> list[str]:
        """What a page is sent of some changes: its thread at once, its queue at the next tick, alerts with either.

        since: when they were there, by the monotonic clock.
        """
        events = []
        cursor = found[-1].cursor
        if any(change.conversation_id == self._watch.conversation for change in found if self._watch.conversation):
            events.append(_event("thread", "", cursor))
        if any(change.staff_id == self._watch.staff.id or change.kind in CALLS for change in found):
            events.append(_event("mine", "", cursor))
        queue = [change for change in found if change.kind not in THREAD_KINDS]
        drawn = await self._drawn(since) if queue else None
        events += [_event("alert", json.dumps(alert), cursor) for alert in self._alerts(found, drawn)]
        if drawn is not None:
            events.append(_event("waiting", drawn.html, cursor))
        return events

    async def _drawn(self, since: float) -> Drawn:
        now = time.monotonic()
        if now < self._drawn_at + TICK:
            # One was drawn just now: a quiet page is told at once, busy ones all together at the next tick.
            tick = (now // TICK + 1) * TICK
            await asyncio.sleep(tick - now)
            since = max(since, tick)
        self._drawn_at = time.monotonic()
        return await run_in_threadpool(self._board.draw, self._watch.teams, since)

    def _alerts(self, found: list[Change], drawn: Drawn | None) -> Iterator[dict[str, str]]:
        """What makes a sound: an offer to this person, what is new in their queue, a tenant of theirs who wrote."""
        shown = drawn.waiting.all if drawn else frozenset()
        me, conversation = self._watch.staff.id, self._watch.conversation
        for change in found:
            mine = change.staff_id == me
            new = change.kind in ("handoff", "raised", "lapsed", "help") and (mine or change.handoff_id in shown)
            if new or (change.kind in ("offer", "message") and (mine or change.conversation_id == conversation != 0)):
                yield {"kind": change.kind, "level": change.level, "handoff": str(change.handoff_id or "")}


async def _taken(listener: Listener, wait: float) -> list[Change | None]:
    """What has come for a page, as soon as something has. wait: seconds after which nothing is an answer too."""
    try:
        found = [await asyncio.wait_for(listener.queue.get(), max(0.0, wait))]
    except TimeoutError:
        return []
    while not listener.queue.empty():
        found.append(listener.queue.get_nowait())
    return found


def _event(name: str, data: str, cursor: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    place = f"id: {cursor}\n" if cursor else ""
    return f"event: {name}\n{place}{lines}\n"
