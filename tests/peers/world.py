"""What the tests against others' programs share: how to run one, ask it, and receive the webhooks that it sends."""

import base64
import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from channels._twilio import TwilioAccount
from channels.messages import WebhookRequest

PEERS = Path(os.environ.get("HEARTHLINE_PEERS", "/nonexistent"))
"""Where `python -m tests.peers` has installed the programs."""

EMULATE = "node_modules/emulate/dist/index.js"
PRISM = "node_modules/@stoplight/prism-cli/dist/index.js"
START_TIMEOUT = 40.0

SMS, SERVICED, WHATSAPP = "+447700900001", "+447700900003", "whatsapp:+447700900002"


class Receiver:
    """Takes webhooks on a port of its own, and keeps them in the order in which they came."""

    def __init__(self) -> None:
        self.requests: list[WebhookRequest] = []
        self._came = threading.Condition()
        taking = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                taking(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(200)
                self.send_header("content-length", "11")
                self.end_headers()
                self.wfile.write(b"<Response/>")

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        with self._came:
            self.requests.append(WebhookRequest(self.url + path, headers, body))
            self._came.notify_all()

    def next(self, wanted: Callable[[WebhookRequest], bool] = lambda _: True) -> WebhookRequest:
        """Take out the first request that is wanted, waiting for it if need be."""
        with self._came:
            assert self._came.wait_for(lambda: any(map(wanted, self.requests)), timeout=10), "no webhook came"
            found = next(request for request in self.requests if wanted(request))
            self.requests.remove(found)
            return found


@contextlib.contextmanager
def running(script: str, *arguments: str, port: int) -> Iterator[str]:
    """Run a Node program until it listens on `port` of this machine; end it by its own process."""
    command = [os.environ["HEARTHLINE_PEERS_NODE"], str(PEERS / script), *arguments]
    process = subprocess.Popen(command, cwd=PEERS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_TIMEOUT
        while not listens(port):
            assert process.poll() is None, f"{script} ended as it started"
            assert time.monotonic() < until, f"{script} does not listen"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens(port: int) -> bool:
    """Whether something answers on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def ask(account: TwilioAccount, method: str, path: str, form: str = "") -> dict[str, Any]:
    """Ask a program something that Hearthline itself does not."""
    login = base64.b64encode(f"{account.account_sid}:{account.auth_token}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection(urlsplit(account.api_base_url).netloc, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, form, headers)
        answer = connection.getresponse()
        content = answer.read()
    assert answer.status < 300, content
    found: dict[str, Any] = json.loads(content)
    return found
