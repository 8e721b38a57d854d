"""Figures for Prometheus, without anything personal. Counters are of this process, gauges of the whole line."""

import hmac
import time
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool

from bot.service import status
from bot.service.parts import Parts
from bot.store.database import DatabaseAway

LOOPBACK = ("127.0.0.1", "::1")

REGISTRY = CollectorRegistry()
WEBHOOKS = Counter("hearthline_webhooks", "Webhooks answered", ["channel", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "hearthline_request_seconds",
    "Seconds to answer a request",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
    registry=REGISTRY,
)


class LineCollector(Collector):
    """Reads the gauges from PostgreSQL when they are asked for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """The line's gauges, or only `hearthline_database_up 0` while PostgreSQL is away."""
        try:
            overview = status.overview(self._parts)
        except DatabaseAway:
            yield GaugeMetricFamily("hearthline_database_up", "Whether PostgreSQL answers", 0)
            return
        yield GaugeMetricFamily("hearthline_database_up", "Whether PostgreSQL answers", 1)
        for name, meaning, value in status.gauges(overview, time.time()):
            yield GaugeMetricFamily(f"hearthline_{name}", meaning, value)
        workers = GaugeMetricFamily("hearthline_processes", "Processes alive", labels=["role"])
        for role, count in overview.processes.items():
            workers.add_metric([role], count)
        yield workers


def routes(parts: Parts, token: str | None) -> APIRouter:
    """`GET /metrics`, for this machine or for a bearer of `token`."""
    router = APIRouter()
    line = LineCollector(parts)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        if not allowed(request, token):
            return Response("metrics need the bearer token of METRICS_TOKEN", 403)
        return Response(await run_in_threadpool(render, line), media_type=CONTENT_TYPE_LATEST)

    return router


def render(line: LineCollector) -> bytes:
    """The text that Prometheus reads."""
    whole = CollectorRegistry()
    whole.register(line)
    return generate_latest(REGISTRY) + generate_latest(whole)


def allowed(request: Request, token: str | None) -> bool:
    """A bearer of the token; without one, a caller on this machine that no proxy speaks for."""
    if token is not None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    return request.client is not None and request.client.host in LOOPBACK and "x-forwarded-for" not in request.headers
