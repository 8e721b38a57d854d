"""A double on a free port, and a product that records what the double posts to it."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
import urllib3

from bot.double.app import create_app, listen, make_server
from bot.double.identity import ACCOUNT_SID, AUTH_TOKEN, BOT_TOKEN, SMS_FROM, DoubleConfig

TENANT = "+447700900123"
BASIC = urllib3.make_headers(basic_auth=f"{ACCOUNT_SID}:{AUTH_TOKEN}")


@dataclass(frozen=True)
class Hook:
    """One request that the product received."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))


@dataclass
class Product:
    """Answers every webhook with `status` and `body`, and remembers it."""

    url: str = ""
    status: int = 200
    body: bytes = b"<Response/>"
    hooks: list[Hook] = field(default_factory=list)

    def wait_for(self, count: int, seconds: float = 5.0) -> list[Hook]:
        wait_until(lambda: len(self.hooks) >= count, seconds)
        return self.hooks


@dataclass(frozen=True)
class Client:
    """Calls the double as the product, a test or a browser does."""

    url: str
    pool: urllib3.PoolManager

    def __call__(self, method: str, path: str, json_body: object = None, **more: Any) -> Any:
        body: dict[str, Any] = {} if json_body is None else {"json": json_body}
        answer = self.pool.request(method, self.url + path, **body, **more)
        assert answer.status < 400, (answer.status, answer.data)
        return answer.json() if answer.data else None

    def twilio(self, path: str = "/Messages.json", method: str = "POST", **fields: Any) -> urllib3.BaseHTTPResponse:
        url = f"{self.url}/2010-04-01/Accounts/{ACCOUNT_SID}{path}"
        body: dict[str, Any] = {} if method == "GET" else {"encode_multipart": False}
        return self.pool.request(method, url, fields=fields, headers=BASIC, **body)

    def sms(self, **fields: Any) -> urllib3.BaseHTTPResponse:
        return self.twilio(**{"To": TENANT, "From": SMS_FROM, "Body": "Hello", **fields})

    def telegram(self, method: str, **params: Any) -> urllib3.BaseHTTPResponse:
        return self.pool.request("POST", f"{self.url}/bot{BOT_TOKEN}/{method}", json=params)

    def inbound(self, channel: str = "sms", address: str = TENANT, **more: Any) -> Any:
        return self("POST", "/double/inbound", {"channel": channel, "address": address, **more})

    def journal(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("GET", "/double/messages")
        return found


def wait_until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until `true`, or fail."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def recorder() -> Iterator[Product]:
    recorded = Product()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            recorded.hooks.append(Hook(self.path, headers, body))
            self.send_response(recorded.status)
            self.send_header("Content-Length", str(len(recorded.body)))
            # The double may have given up waiting.
            with contextlib.suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(recorded.body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorded.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield recorded
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def product(recorder: Product) -> Product:
    """A product that takes everything."""
    recorder.status, recorder.body = 200, b"<Response/>"
    recorder.hooks.clear()
    return recorder


@pytest.fixture(scope="session")
def served(recorder: Product) -> Iterator[Client]:
    listener = listen(0)
    port = listener.getsockname()[1]
    server = make_server(create_app(DoubleConfig(recorder.url, port, kept=50)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_until(lambda: server.started)
    pool = urllib3.PoolManager(retries=False, timeout=5.0)
    yield Client(f"http://127.0.0.1:{port}", pool)
    pool.clear()
    server.should_exit = True
    thread.join()


@pytest.fixture
def call(served: Client, product: Product) -> Client:
    """A double that is as new, and posts to `product`."""
    served("POST", "/double/reset")
    served("PATCH", "/double/knobs", {"callback_delay_ms": 1})
    product.hooks.clear()
    return served


def decoded(hook: Hook) -> dict[str, Any]:
    """The update in a Telegram webhook."""
    found: dict[str, Any] = json.loads(hook.body)
    return found
