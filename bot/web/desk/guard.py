"""What holds for every answer of the desk, whatever page it is: who may ask, how much, and what a browser may do with it."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.settings import LOOPBACK
from bot.web.desk.setup import Desk

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline and nothing from elsewhere."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that a browser tells no origin with a form, and forms are checked for it.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
HTTPS_ONLY = "max-age=31536000"
"""A year. Without includeSubDomains: other services of the landlord may be below the same name."""


class Guard:
    """An ASGI application around the desk's own."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app, self._desk = app, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        refused = self._refused(scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message))
            await send(message)

        await (refused or self._app)(scope, receive, send_guarded)

    def _refused(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        # A page of another name that was pointed at this machine's address must not reach the desk of its visitor.
        named = headers.get("host", "").lower() in self._desk.hosts
        if named and (not self._desk.local_only or _from_here(scope, headers)):
            return None
        return PlainTextResponse("The desk is not at this address: DESK_BASE_URL says where it is.", 421)

    def _add(self, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")
        if self._desk.secure:
            headers["Strict-Transport-Security"] = HTTPS_ONLY


def _from_here(scope: Scope, headers: Headers) -> bool:
    """Whether the caller is on this machine and no proxy speaks for somebody else; a Host header anybody can write."""
    client = scope.get("client")
    return client is not None and client[0] in LOOPBACK and "x-forwarded-for" not in headers
