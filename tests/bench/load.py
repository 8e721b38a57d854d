"""An open-loop load: requests leave at fixed times whatever the answers do, and every answer is counted from its due time."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple


class Shot(NamedTuple):
    """One request and its answer. Times are POSIX seconds; status is 0 where no answer came."""

    key: str
    due: float
    answered: float
    status: int


class _Line(asyncio.Protocol):
    """One kept-alive connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.WriteTransport | None = None
        self.waiting: asyncio.Future[int] | None = None
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._got[:end]).lower()
        length = 0
        if (at := head.find(b"content-length:")) >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._got) >= end + 4 + length:
            del self._got[: end + 4 + length]
            self._finish(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._finish(0)

    def _finish(self, status: int) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(status)


def request(host: str, port: int, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Write one POST out in full."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _fire(port: int, shots: Sequence[tuple[str, bytes]], rate: float) -> list[Shot]:
    loop, free, made = asyncio.get_running_loop(), list[_Line](), list[Shot]()

    async def ask(line: _Line, data: bytes) -> int:
        line.waiting = answer = loop.create_future()
        if line.transport is None:
            return 0
        line.transport.write(data)
        status: int = await answer
        return status

    async def one(key: str, data: bytes, due: float) -> None:
        line = free.pop() if free else await connect()
        status = await ask(line, data)
        if status == 0:
            # The server closed an idle connection at that moment; a provider would ask again too.
            line = await connect()
            status = await ask(line, data)
        made.append(Shot(key, due, time.time(), status))
        if line.transport is not None:
            free.append(line)

    async def connect() -> _Line:
        return (await loop.create_connection(_Line, "127.0.0.1", port))[1]

    begun, tasks = time.time() + 0.2, list[asyncio.Task[None]]()
    for number, (key, data) in enumerate(shots):
        due = begun + number / rate
        if (wait := due - time.time()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(key, data, due)))
    await asyncio.wait(tasks, timeout=60)
    for line in free:
        if line.transport is not None:
            line.transport.close()
    return made


def fire(port: int, shots: Sequence[tuple[str, bytes]], rate: float) -> list[Shot]:
    """Send `shots` [(key, request)] at `rate` a second to a port of this machine, and return what came back."""
    return asyncio.run(_fire(port, shots, rate))
