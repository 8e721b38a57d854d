"""The web process's application: the providers' webhooks, the desk, and what an operator's tools ask."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import redis
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from bot.service import receive, status
from bot.service.first_words import FirstWords
from bot.service.parts import Parts
from bot.web import ack, files, metrics
from bot.web.desk.app import create_desk
from bot.web.desk.setup import PATH, Desk
from bot.web.webhooks import Webhooks


def create_app(
    parts: Parts,
    *,
    public_base_url: str,
    redis_client: redis.Redis,
    metrics_token: str | None = None,
    desk: Desk | None = None,
) -> Webhooks:
    """Build the application around its parts.

    public_base_url: what the providers were told and sign, without a last slash. desk: left out where only providers call.
    """
    app = FastAPI(title="Hearthline", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.parts, app.state.intake, app.state.desk = parts, receive.Intake(parts), desk
    app.include_router(metrics.routes(parts, metrics_token))
    app.include_router(ack.routes(parts))
    _add_health(app, parts, redis_client)
    if desk:
        app.mount(PATH, create_desk(desk))
    if desk and desk.attachments:
        app.include_router(files.routes(desk.attachments, parts.clock))
    return Webhooks(parts, app.state.intake, public_base_url, app, FirstWords(parts))


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    receive.start_replaying(app.state.parts)
    if app.state.desk:
        app.state.desk.stream.start(asyncio.get_running_loop())
    yield
    app.state.parts.stopping.set()
    app.state.intake.close()


def _add_health(app: FastAPI, parts: Parts, redis_client: redis.Redis) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "alive"})

    @app.get("/readyz")
    async def readyz() -> Response:
        problems = await run_in_threadpool(_problems, parts, redis_client)
        return JSONResponse({"ready": not problems, "missing": problems}, 503 if problems else 200)


def _problems(parts: Parts, redis_client: redis.Redis) -> list[str]:
    try:
        answers = bool(redis_client.ping())
    except redis.RedisError:
        answers = False
    return status.missing(parts, answers)
