"""Just enough HTTP for the providers' addresses, which the benchmark calls hundreds of times a second.

FastAPI serves the page and the control addresses; its routing and validation would cost more than all the rest here.
"""

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BODY_LIMIT = 25_000_000
TRANSPORT = "hearthline.transport"


class BodyTooLarge(Exception):
    """The request is larger than anything a provider takes."""


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer, JSON unless told otherwise."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, content: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Encode `content` as the body of an answer."""
    return Answer(status, json.dumps(content).encode(), headers=headers or {})


async def read_body(receive: Receive) -> bytes:
    """Read the whole request. Raises `BodyTooLarge`."""
    chunks, size = [], 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > BODY_LIMIT:
            raise BodyTooLarge
        if not message.get("more_body"):
            return b"".join(chunks)


async def reply(send: Send, answer: Answer) -> None:
    """Send `answer`."""
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def header(scope: Scope, name: bytes) -> str:
    """Return one request header, by its name in lower case, or nothing."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


def form(body: bytes) -> dict[str, list[str]]:
    """Read a form: name to all its values. Raises ValueError if it is none."""
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body)):
        fields.setdefault(name, []).append(value)
    return fields


async def parameters(scope: Scope, body: bytes) -> dict[str, Any]:
    """Read a call of the Bot API in any of its forms: JSON, form, multipart or query. Raises ValueError."""
    found: dict[str, Any] = {name: values[-1] for name, values in form(scope["query_string"]).items()}
    kind = header(scope, b"content-type").partition(";")[0]
    if kind == "application/json":
        content = json.loads(body or b"{}")
        if not isinstance(content, dict):
            raise ValueError("not an object")
        return found | content
    if kind == "multipart/form-data":
        return found | await _multipart(scope, body)
    return found | {name: values[-1] for name, values in form(body).items()}


async def _multipart(scope: Scope, body: bytes) -> dict[str, Any]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async with Request(scope, receive).form() as fields:
        return {name: value if isinstance(value, str) else await value.read() for name, value in fields.items()}


class OpenProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, which also lets a request see the connection it came by, so that a fault can break it."""

    def on_message_begin(self) -> None:
        """Begin a request, as the parent does, with the transport among its extensions."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


def reset(scope: Scope) -> None:
    """Break the connection off with a TCP reset. Raises ConnectionResetError where the server does not show it."""
    transport = scope.get("extensions", {}).get(TRANSPORT, {}).get("transport")
    if transport is None:
        raise ConnectionResetError("the double was told to break this connection")
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
