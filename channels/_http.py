"""HTTP calls to providers with a bound on the whole call, which say whether a failed request can have arrived.

urllib3's read timeout starts afresh with every packet, and a name server may take its time before anything is sent. A
call that outlives its outbox lease would be made twice, so here connecting and answering are each held to a deadline.
"""

import builtins
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any

import certifi
from msgspec import Struct
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, TimeoutError
from urllib3.util import parse_url

CONNECT_TIMEOUT = 2.0
"""Seconds for one connection attempt, and for handing the request to the network."""

CONNECTIONS = 64
"""Idle connections kept for each host: as many threads can send without a new TLS handshake."""

MAX_ANSWER = 2_000_000
"""Bytes of an API answer that are read at most."""


class NeverLeft(Exception):
    """No connection was made, so the provider has seen nothing."""


class MayHaveArrived(Exception):
    """The request left and no usable answer came. Its text is one word: timeout, connection or answer."""


class Answer(Struct, frozen=True):
    """A whole HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Exchange = Callable[[str, str, bytes | None, Mapping[str, str], float], Answer]
"""(method, url, body, headers, seconds in all) -> the answer. Raises `NeverLeft` or `MayHaveArrived`."""


class _TimedReader(io.RawIOBase):
    """Reads a socket until a deadline for everything, where the socket's own timeout is for each packet."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise builtins.TimeoutError("the answer took too long in all")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(sock))


def _connect(connection: HTTPConnection, connect: Callable[[], None], patience: float = 2 * CONNECT_TIMEOUT) -> None:
    began = time.monotonic()
    try:
        connect()
    except (HTTPError, OSError) as error:
        raise NeverLeft("connect") from error
    # A slow name server is outside every socket timeout; what has waited too long must not be sent after all.
    if time.monotonic() - began > patience:
        connection.close()
        raise NeverLeft("connect")


class _PlainConnection(HTTPConnection):
    response_class = _TimedResponse

    def connect(self) -> None:
        _connect(self, super().connect)

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        super().request(*args, **kwargs)


class _TlsConnection(_PlainConnection, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def pooled(max_answer: int = MAX_ANSWER) -> Exchange:
    """Make an exchange over one pool of connections, for any number of threads, that never retries or redirects.

    max_answer: bytes of an answer's body to read; a longer one raises `MayHaveArrived`.
    """
    pools = PoolManager(maxsize=CONNECTIONS, ssl_context=_tls())
    pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def exchange(method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float) -> Answer:
        target = parse_url(url)
        pool = pools.connection_from_host(target.host, target.port, target.scheme)
        limit = Timeout(connect=min(CONNECT_TIMEOUT, seconds), total=seconds)
        how: dict[str, Any] = {"retries": False, "redirect": False, "preload_content": False, "decode_content": False}
        try:
            response = pool.urlopen(method, target.request_uri, body, headers, timeout=limit, **how)
            content = _read(response, max_answer)
        except TimeoutError as error:
            raise MayHaveArrived("timeout") from error
        except (HTTPError, HTTPException, OSError) as error:
            raise MayHaveArrived("connection") from error
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)

    return exchange


def _read(response: BaseHTTPResponse, most: int) -> bytes:
    content = response.read(most + 1)
    too_long, cut = len(content) > most, bool(response.length_remaining)
    if too_long or cut:
        # Not back into the pool: what is left of this answer would be read as the next one.
        response.close()
        # urllib3 does not notice an early end when it is asked for more than there can be.
        raise MayHaveArrived("answer" if too_long else "connection")
    response.release_conn()
    return content


def _tls() -> ssl.SSLContext:
    """Trust the system's authorities, and certifi's where a slim container has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
