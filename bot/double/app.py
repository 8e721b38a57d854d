"""Puts the double together and serves it: the providers' addresses as bare ASGI, the rest with FastAPI."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.double import asgi, control, phone, telegram_api, twilio_api
from bot.double.courier import Courier
from bot.double.identity import LOOPBACK, DoubleConfig, refuse_real_credentials
from bot.double.tenants import Tenants
from bot.double.world import World

HOST: Final = "127.0.0.1"
ANSWERED: Final = 0.05
"""Seconds that the request which shuts the port has for its own answer."""
GRACE: Final = 1
"""Seconds that open requests have when the double is stopped; an open page always holds one."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Closes the port for a while, as a provider that is away does. Does nothing until a server has been put in."""

    def __init__(self) -> None:
        self.shut: Callable[[float], None] = lambda seconds: None

    def __call__(self, seconds: float) -> None:
        """Refuse connections for so many seconds, from a moment after this request has been answered."""
        self.shut(seconds)


class Double:
    """The application. Takes only requests that name this machine, and of other pages only what changes nothing."""

    def __init__(self, config: DoubleConfig) -> None:
        self.world = World(config)
        self.gate = Gate()
        self.courier = Courier(self.world)
        telegram = telegram_api.TelegramApi(self.world, self.courier)
        self.tenants = Tenants(self.world, self.courier, telegram)
        self._pages = self._make_pages(self.courier)
        self._routes: tuple[tuple[tuple[str, ...], ASGIApp], ...] = (
            (twilio_api.PREFIXES, twilio_api.TwilioApi(self.world, self.courier)),
            (telegram_api.PREFIXES, telegram),
        )

    def _make_pages(self, courier: Courier) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await courier.open()
            yield
            await courier.close()

        pages = FastAPI(title="Hearthline's double of Twilio and Telegram", openapi_url=None, lifespan=lifespan)
        pages.include_router(control.router(self.world, self.courier, self.tenants, self.gate))
        phone.add(pages, self.world, self.tenants)
        return pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            if not _from_here(scope):
                return await asgi.reply(send, asgi.Answer(403, b"This is for this machine only.\n", "text/plain"))
            path: str = scope["path"]
            for prefixes, app in self._routes:
                if path.startswith(prefixes):
                    return await app(scope, receive, send)
        return await self._pages(scope, receive, send)


def create_app(config: DoubleConfig) -> Double:
    """Make the double. It holds no credentials but its own and posts to this machine only."""
    return Double(config)


def _from_here(scope: Scope) -> bool:
    """Whether the request names this machine, and is not a change that another site's page asks a browser to make."""
    if not _local(asgi.header(scope, b"host")):
        return False
    origin = asgi.header(scope, b"origin")
    return scope["method"] in SAFE_METHODS or not origin or origin == f"http://{asgi.header(scope, b'host')}"


def _local(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK
    except ValueError:
        return False


def serve(config: DoubleConfig, environment: Mapping[str, str]) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM. Raises `RealCredentials`, or OSError if the port is taken."""
    refuse_real_credentials(environment)
    with listen(config.port) as listener:
        port: int = listener.getsockname()[1]
        double = create_app(DoubleConfig(config.public_base_url, port, config.kept))
        server = make_server(double)
        server.run(sockets=[listener])


def listen(port: int) -> socket.socket:
    """Take a port of 127.0.0.1. Raises OSError if it is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    return listener


def make_server(double: Double) -> uvicorn.Server:
    """Make uvicorn's server for `double`, which can refuse connections and break them off."""
    server = uvicorn.Server(
        uvicorn.Config(
            double,
            http=asgi.OpenProtocol,
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
    )
    double.gate.shut = lambda seconds: double.courier.later(_stay_shut(server, double, seconds))
    return server


async def _stay_shut(server: uvicorn.Server, double: Double, seconds: float) -> None:
    await asyncio.sleep(ANSWERED)
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    await asyncio.sleep(seconds)
    protocol = partial(
        asgi.OpenProtocol, config=server.config, server_state=server.server_state, app_state=server.lifespan.state
    )
    listener = listen(double.world.config.port)
    server.servers = [await asyncio.get_running_loop().create_server(protocol, sock=listener, backlog=2048)]
