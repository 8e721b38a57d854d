"""The exchange over real sockets on this machine, since what it promises is about sockets."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from urllib3.connection import HTTPConnection

from channels import _http
from channels._http import Answer, Exchange, MayHaveArrived, NeverLeft, pooled

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nRetry-After: 3\r\n\r\n{}"
Script = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(script: Script) -> Iterator[tuple[str, list[int]]]:
    """A server that runs `script` for each connection; yields its address and a list with one entry a connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[int] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                opened.append(1)
                threading.Thread(target=run, args=(connection,), daemon=True).start()

    def run(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            script(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", opened
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def request_of(connection: socket.socket) -> bytes:
    """Read one whole request; empty if the client has gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    wanted = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def replying(*chunks: bytes, pause: float = 0.0, then: Callable[[socket.socket], None] = lambda _: None) -> Script:
    def script(connection: socket.socket) -> None:
        while request_of(connection):
            for chunk in chunks:
                connection.sendall(chunk)
                time.sleep(pause)
            then(connection)

    return script


def hanging(connection: socket.socket) -> None:
    request_of(connection)
    connection.recv(1)


def closing(connection: socket.socket) -> None:
    request_of(connection)


def resetting(connection: socket.socket) -> None:
    request_of(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def post(exchange: Exchange, url: str, seconds: float = 2.0) -> Answer:
    return exchange("POST", f"{url}/x?y=1", b"Body=Hello", {"Content-Type": "text/plain"}, seconds)


def test_an_answer_comes_whole_and_the_connection_is_kept() -> None:
    with serving(replying(OK)) as (url, opened):
        exchange = pooled()
        answers = [post(exchange, url) for _ in range(5)]
    assert answers == [Answer(201, {"content-length": "2", "retry-after": "3"}, b"{}")] * 5
    assert len(opened) == 1


def test_many_threads_share_the_pool() -> None:
    with serving(replying(OK)) as (url, opened), ThreadPoolExecutor(16) as threads:
        exchange = pooled()
        assert {answer.status for answer in threads.map(lambda _: post(exchange, url), range(200))} == {201}
    assert len(opened) <= 16


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    with serving(replying(OK, then=lambda connection: connection.shutdown(socket.SHUT_RDWR))) as (url, opened):
        exchange = pooled()
        for _ in range(3):
            assert post(exchange, url).status == 201
            time.sleep(0.05)
    assert len(opened) == 3


def test_a_refused_connection_never_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NeverLeft):
        post(pooled(), f"http://127.0.0.1:{port}")


def test_an_unknown_name_never_left() -> None:
    def connect() -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(NeverLeft):
        _http._connect(HTTPConnection("nowhere.example", 1), connect)


def test_a_server_without_tls_never_saw_the_request() -> None:
    seen: list[bytes] = []
    with serving(lambda connection: seen.append(connection.recv(5))) as (url, _), pytest.raises(NeverLeft):
        post(pooled(), url.replace("http:", "https:"))
    assert b"POST" not in seen[0]


@pytest.mark.parametrize(
    ("script", "word"),
    [
        (hanging, "timeout"),
        (resetting, "connection"),
        (closing, "connection"),
        (replying(b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{", then=lambda c: c.close()), "connection"),
        (replying(b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{"), "timeout"),
        (replying(b"nonsense\r\n\r\n"), "connection"),
        (replying(*[b"X"] * 40, pause=0.1), "timeout"),
        (replying(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 40, pause=0.1), "timeout"),
        (replying(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "connection"),
    ],
    ids=[
        "hangs",
        "resets",
        "closes",
        "half a body",
        "stalls",
        "nonsense",
        "drips its head",
        "drips its body",
        "chunks",
    ],
)
def test_what_may_have_arrived_is_said_so_in_time(script: Script, word: str) -> None:
    began = time.monotonic()
    with serving(script) as (url, _), pytest.raises(MayHaveArrived, match=f"^{word}$"):
        post(pooled(), url, seconds=0.6)
    assert time.monotonic() - began < 1.5


def test_an_answer_that_is_too_long_is_not_kept() -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11
    with serving(replying(long)) as (url, _):
        assert len(post(pooled(11), url).body) == 11
        with pytest.raises(MayHaveArrived, match="^answer$"):
            post(pooled(10), url)


def test_what_is_left_of_a_long_answer_is_not_the_next_one() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    bodies = [b"b\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n", b"2\r\nok\r\n0\r\n\r\n"]

    def script(connection: socket.socket) -> None:
        while request_of(connection):
            connection.sendall(chunked + bodies.pop(0))

    with serving(script) as (url, opened):
        exchange = pooled(10)
        with pytest.raises(MayHaveArrived, match="^answer$"):
            post(exchange, url)
        assert post(exchange, url).body == b"ok"
    assert len(opened) == 2


def test_a_redirect_is_returned_and_not_followed() -> None:
    with serving(replying(b"HTTP/1.1 307 No\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")) as (url, opened):
        assert post(pooled(), url).status == 307
    assert len(opened) == 1


def test_what_waited_too_long_to_connect_is_not_sent_after_all() -> None:
    connection = HTTPConnection("127.0.0.1", 1)
    with pytest.raises(NeverLeft):
        _http._connect(connection, lambda: time.sleep(0.2), patience=0.1)


def test_nothing_of_a_failed_call_is_in_its_error() -> None:
    with pytest.raises(NeverLeft) as caught:
        post(pooled(), "http://127.0.0.1:1/secret")
    assert "secret" not in str(caught.value)
