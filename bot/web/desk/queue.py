"""The queue: who waits, what is offered, what is in hand, who is here; and taking the next one."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Form, Request, Response

from bot.service import desk as service
from bot.service.desk import READERS, Done, Refusal
from bot.store import desk as rows
from bot.store import presence
from bot.store.database import Connection
from bot.store.desk import Case
from bot.store.presence import Present
from bot.store.staff import Staff
from bot.web.desk.access import go, signed_in
from bot.web.desk.forms import Id, Line
from bot.web.desk.pages import render
from bot.web.desk.setup import PATH, Desk
from bot.web.desk.words import Problem

QUEUE = f"{PATH}/queue"
SHOWN = 50
Reader = Annotated[Staff, Depends(signed_in(*READERS))]
Quiet = Annotated[Staff, Depends(signed_in(*READERS, touch=False))]
"""Whoever's open page asks by itself, which does not count as using it."""


class Waiting(NamedTuple):
    """What everybody of the same teams sees alike. all: ids of their live handoffs, claimed ones too. now: POSIX seconds."""

    cases: list[Case]
    all: frozenset[int]
    counts: Mapping[str, int]
    here: list[Present]
    now: float

    @property
    def late(self) -> int:
        """How many wait beyond their clock."""
        return sum(case.due_at is not None and case.due_at < self.now for case in self.cases)


class Mine(NamedTuple):
    """What is one person's own. calls: of colleagues for help. load_limit: how many they take at a time."""

    offers: list[Case]
    calls: list[Case]
    held: list[Case]
    status: str
    load_limit: int
    looks: int
    now: float


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    _add_pages(routes, desk)
    _add_acts(routes, desk)
    return routes


def waiting_for(connection: Connection, desk: Desk, teams: tuple[str, ...] | None) -> Waiting:
    """The waiting list of some teams. teams: None for all."""
    now = desk.parts.clock()
    cases = rows.waiting(connection, teams, most=SHOWN)
    here = [one for one in presence.here(connection, now - presence.ABSENT) if one.status != "offline"]
    return Waiting(cases, rows.live(connection, teams), rows.counts(connection, teams), here, now)


def teams_of(connection: Connection, desk: Desk, staff: Staff) -> tuple[str, ...] | None:
    """The teams whose queues somebody sees now, in a fixed order; None for all."""
    if staff.has(*service.OVERSEERS):
        return None
    teams = service.fit(connection, desk.parts, staff).teams
    return None if teams is None else tuple(sorted(teams))


def mine_of(connection: Connection, desk: Desk, staff: Staff) -> Mine:
    """What somebody is offered and has in hand."""
    now = desk.parts.clock()
    status, limit = presence.status_of(connection, staff.id)
    looks = len(rows.unlooked(connection)) if staff.has(*service.OVERSEERS) else 0
    held = rows.held(connection, staff.id)
    calls = rows.calls(connection, teams_of(connection, desk, staff), staff.id)
    return Mine(rows.offers_to(connection, staff.id, now), calls, held, status, limit, looks, now)


def _add_pages(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/queue")
    def page(request: Request, staff: Reader) -> Response:
        return _page(request, desk, staff)

    @routes.get("/queue/mine")
    def mine(request: Request, staff: Quiet) -> Response:
        with desk.parts.database.connection() as connection:
            return render(request, "queue_mine.html", mine=mine_of(connection, desk, staff))

    @routes.get("/queue/offers")
    def offers(request: Request, staff: Quiet) -> Response:
        with desk.parts.database.connection() as connection:
            return render(request, "offers.html", mine=mine_of(connection, desk, staff))

    @routes.get("/queue/waiting")
    def waiting(request: Request, staff: Quiet) -> Response:
        with desk.parts.database.connection() as connection:
            found = waiting_for(connection, desk, teams_of(connection, desk, staff))
        return render(request, "queue_waiting.html", waiting=found)


def _page(request: Request, desk: Desk, staff: Staff, refusal: Refusal | None = None) -> Response:
    with desk.parts.database.connection() as connection:
        found = waiting_for(connection, desk, teams_of(connection, desk, staff))
        mine = mine_of(connection, desk, staff)
    problem = Problem("next", refusal.remedy) if refusal else None
    return render(request, "queue.html", 409 if refusal else 200, waiting=found, mine=mine, problem=problem)


def _add_acts(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/next")
    def take_next(request: Request, staff: Reader) -> Response:
        return _went(request, desk, staff, service.take_next(desk.parts, staff))

    @routes.post("/handoffs/{handoff_id}/claim")
    def claim(request: Request, staff: Reader, handoff_id: Id) -> Response:
        return _went(request, desk, staff, service.claim(desk.parts, staff, handoff_id))

    @routes.post("/handoffs/{handoff_id}/decline")
    def decline(request: Request, staff: Reader, handoff_id: Id) -> Response:
        done = service.decline(desk.parts, staff, handoff_id)
        return _page(request, desk, staff, done) if isinstance(done, Refusal) else go(QUEUE)

    @routes.post("/presence")
    def set_presence(
        request: Request, staff: Reader, status: Line = "", limit: Annotated[int | None, Form(ge=1, le=50)] = None
    ) -> Response:
        if status not in presence.STATUSES:
            return _page(request, desk, staff, Refusal("status", "Choose whether you can take conversations."))
        service.set_presence(desk.parts, staff, status, limit)
        return go(QUEUE)


def _went(request: Request, desk: Desk, staff: Staff, result: Done | Refusal) -> Response:
    """To the conversation that was taken; otherwise the queue, and why not."""
    if isinstance(result, Refusal):
        return _page(request, desk, staff, result)
    return go(f"{PATH}/handoffs/{result.id}")
