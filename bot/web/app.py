"""The web process's application: the providers' webhooks and what an operator's tools ask."""

import contextlib
from collections.abc import AsyncIterator

import redis
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from bot.service import receive, status
from bot.service.parts import Parts
from bot.web import metrics
from bot.web.webhooks import Webhooks


def create_app(
    parts: Parts, *, public_base_url: str, redis_client: redis.Redis, metrics_token: str | None = None
) -> Webhooks:
    """Build the application around its parts.

    public_base_url: what the providers were told and sign, without a last slash.
    """
    app = FastAPI(title="Hearthline", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.parts, app.state.intake = parts, receive.Intake(parts)
    app.include_router(metrics.routes(parts, metrics_token))
    _add_health(app, parts, redis_client)
    return Webhooks(parts, app.state.intake, public_base_url, app)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    receive.start_replaying(app.state.parts)
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
