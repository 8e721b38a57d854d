"""Files that staff sent, at signed addresses: for providers that fetch them, and tenants who open the one in an SMS."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from starlette.responses import FileResponse

from bot.service.attachments import Attachments, content_type

HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def routes(attachments: Attachments, clock: Callable[[], float]) -> APIRouter:
    """`/files/{until}/{signature}/{name}`. clock: POSIX seconds."""
    router = APIRouter()

    @router.api_route("/files/{until}/{signature}/{name}", methods=["GET", "HEAD"])
    def file(until: str, signature: str, name: str) -> Response:
        found = attachments.asked(name, until, signature, clock())
        if found is None:
            return Response("There is no such file, or its address has ended.", 404, HEADERS, "text/plain")
        return FileResponse(found, headers=HEADERS, media_type=content_type(found))

    return router
