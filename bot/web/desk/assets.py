"""The desk's style sheets and scripts: a few named files, each under an address that changes with their content."""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response

from bot.log import get
from bot.web.desk.setup import PATH

HERE: Final = Path(__file__).parent / "static"
PACKAGES: Final = Path(__file__).resolve().parents[3] / "node_modules"
FILES: Final = {
    "govuk-frontend.min.css": PACKAGES / "govuk-frontend/dist/govuk/govuk-frontend.min.css",
    "govuk-frontend.min.js": PACKAGES / "govuk-frontend/dist/govuk/govuk-frontend.min.js",
    "htmx.min.js": PACKAGES / "htmx.org/dist/htmx.min.js",
    "sse.min.js": PACKAGES / "htmx-ext-sse/dist/sse.min.js",
    "desk.css": HERE / "desk.css",
    "desk.js": HERE / "desk.js",
    "supported.js": HERE / "supported.js",
    "icon.svg": HERE / "icon.svg",
}
"""All that is served, by name. A path is never made of what somebody asks for."""
TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOREVER: Final = "public, max-age=31536000, immutable"
_FONT_FACE = re.compile(rb"@font-face\{[^}]*\}")

log = get(__name__)


@cache
def contents() -> dict[str, bytes]:
    """Every file there is, as it is served."""
    found = {}
    for name, path in FILES.items():
        try:
            found[name] = _without_transport(path.read_bytes())
        except FileNotFoundError:
            log.error("asset_missing", asset=name, remedy="make setup")
    return found


def _without_transport(content: bytes) -> bytes:
    """Leave the GDS Transport typeface out: it is licensed for GOV.UK's own addresses, and a landlord's is none."""
    return _FONT_FACE.sub(b"", content).replace(b"GDS Transport,", b"")


@cache
def version() -> str:
    """A name for exactly this content of all files."""
    together = hashlib.sha256()
    for name, content in contents().items():
        together.update(name.encode() + b"\0" + content)
    return together.hexdigest()[:16]


def address(name: str) -> str:
    """Where a page finds a file."""
    return f"{PATH}/assets/{version()}/{name}"


def router() -> APIRouter:
    """`GET /assets/{version}/{name}`."""
    routes = APIRouter()

    @routes.get("/assets/{asked}/{name}")
    async def asset(asked: str, name: str) -> Response:
        content = contents().get(name)
        if content is None:
            return Response("no such file", 404)
        # Of another version, during a change of it, the newest will do, but must not be kept for the other.
        cached = FOREVER if asked == version() else "no-store"
        headers = {"Cache-Control": cached}
        return Response(content, media_type=TYPES[Path(name).suffix], headers=headers)

    return routes
