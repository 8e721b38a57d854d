"""The page of phones: one for each channel, on which somebody at this machine plays the tenant.

The server renders everything. The script in the browser sends forms without leaving the page, and asks for the threads
again whenever something has changed; without it, the page works by reloading.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Form, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, Field

from bot.double.control import Said, act, keep
from bot.double.identity import BOT_USERNAME, SMS_FROM, WHATSAPP_FROM
from bot.double.tenants import PEOPLE, Person, Tenants
from bot.double.world import CHANNELS, ChannelName, Contact, Entry, World

HERE: Final = Path(__file__).parent
TITLES: Final = {"sms": "SMS", "whatsapp": "WhatsApp", "telegram": "Telegram"}
SENDERS: Final = {
    "sms": SMS_FROM,
    "whatsapp": WHATSAPP_FROM.removeprefix("whatsapp:"),
    "telegram": f"@{BOT_USERNAME}",
}
LONGEST_WAIT: Final = 20.0
"""Seconds that the script's question for changes is held open."""
UPLOAD_LIMIT: Final = 20_000_000
PLACE: Final = (51.48158, -3.17909)
"""What "share location" shares: Cardiff Castle."""
LONDON: Final = ZoneInfo("Europe/London")
SHOWN_TYPES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp", "audio/ogg", "audio/mpeg")
"""What the page shows by itself; anything else a tenant sent is offered as a download."""

_STATUS: Final = {
    "sending": ("", "on its way"),
    "queued": ("", "queued"),
    "sent": ("✓", "sent"),
    "delivered": ("✓✓", "delivered"),
    "read": ("✓✓", "read"),
    "undelivered": ("!", "not delivered"),
    "failed": ("!", "failed"),
}

Tenant = Annotated[int, Query(ge=0, lt=len(PEOPLE))]


class Deed(BaseModel):
    """A form of the page: what the tenant did, on which channel, and with what."""

    tenant: int = Field(ge=0, lt=len(PEOPLE))
    channel: ChannelName
    act: Literal["say", "picture", "voice", "place", "tap", "edit", "block", "unblock"] = "say"
    text: str = ""
    quick: str = ""
    message: str = ""
    choice: str = ""
    file: UploadFile | None = None


templates = Jinja2Templates(HERE / "templates")


def number(value: str) -> str:
    """A UK mobile number in the groups in which it is read out."""
    return f"{value[:3]} {value[3:7]} {value[7:]}" if value.startswith("+44") and len(value) == 13 else value


def clock(at: float) -> str:
    """Hours and minutes in London at a POSIX time."""
    return datetime.fromtimestamp(at, LONDON).strftime("%H:%M")


templates.env.filters.update(number=number, clock=clock)
templates.env.globals.update(statuses=_STATUS, shown_types=SHOWN_TYPES, titles=TITLES)


def add(pages: FastAPI, world: World, tenants: Tenants) -> None:
    """Add the page and what belongs to it."""
    pages.mount("/phone/static", StaticFiles(directory=HERE / "static"), name="static")
    policy = _policy(world.config.public_base_url)

    @pages.get("/")
    async def home() -> RedirectResponse:
        return RedirectResponse("/phone")

    @pages.get("/phone")
    async def page(request: Request, tenant: Tenant = 0, edit: str = "") -> HTMLResponse:
        context = _page(world, tenant, edit)
        return templates.TemplateResponse(request, "phones.html", context, headers=policy)

    @pages.get("/phone/threads")
    async def threads(tenant: Tenant = 0, seen: int = -1, looking: bool = False) -> JSONResponse:
        person = PEOPLE[tenant]
        if looking:
            await tenants.look(person)
        await world.changed(seen, _patience(world, person))
        html = {channel: _thread(world, channel, person, tenant) for channel in CHANNELS}
        return JSONResponse({"version": world.version, "threads": html})

    @pages.get("/phone/files/{file_id}")
    async def file(file_id: str) -> Response:
        found = world.file(file_id)
        if found is None:
            raise HTTPException(404)
        safe = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
        if found.content_type not in SHOWN_TYPES:
            safe["content-disposition"] = "attachment"
        return Response(found.content, media_type=found.content_type, headers=safe)

    @pages.post("/phone/act")
    async def do(request: Request, form: Annotated[Deed, Form()]) -> Response:
        try:
            await _do(world, tenants, form)
        except LookupError as error:
            raise HTTPException(409, "That is no longer there. Reload the page.") from error
        if "application/json" in request.headers.get("accept", ""):
            return Response(status_code=204)
        return RedirectResponse(f"/phone?tenant={form.tenant}#{form.channel}", 303)


async def _do(world: World, tenants: Tenants, form: Deed) -> None:
    person = PEOPLE[form.tenant]
    address = person.address(form.channel)
    said = Said(channel=form.channel, address=address)
    changes: Mapping[str, Mapping[str, Any]] = {
        "say": {"text": form.text},
        "quick": {"text": form.quick},
        "picture": {"samples": ["picture"], "text": form.text},
        "voice": {"samples": ["voice"]},
        "place": {"place": PLACE},
        "tap": {"tap": (form.message, form.choice)},
        "edit": {"edits": form.message, "text": form.text},
        "block": {"blocked": True},
        "unblock": {"blocked": False},
    }
    if form.file is not None and form.file.filename:
        content = await form.file.read(UPLOAD_LIMIT + 1)
        if len(content) > UPLOAD_LIMIT:
            raise HTTPException(413, "A file may have 20 MB at most.")
        kept = keep(world, form.file.content_type or "application/octet-stream", form.file.filename, content)
        await tenants.say(form.channel, address, form.text, [kept])
    elif form.quick or form.text.strip() or form.act not in ("say", "edit"):
        deed = changes["quick" if form.quick else form.act]
        await act(world, tenants, said.model_copy(update=deed))


def _page(world: World, tenant: int, edit: str) -> dict[str, Any]:
    person = PEOPLE[tenant]
    edited = world.by_id.get(edit)
    mine = edited if edited and edited.tenant == person.address("telegram") and edited.by == "tenant" else None
    phones = [
        {
            "channel": channel,
            "title": TITLES[channel],
            "sender": SENDERS[channel],
            "contact": world.contact(channel, person.address(channel)),
            "thread": _thread(world, channel, person, tenant),
        }
        for channel in CHANNELS
    ]
    return {
        "people": PEOPLE,
        "person": person,
        "tenant": tenant,
        "phones": phones,
        "edited": mine,
        "version": world.version,
        "now": world.clock(),
        "product": world.config.public_base_url,
        "commands": world.commands.get(person.language) or world.commands.get("", []),
    }


def _thread(world: World, channel: ChannelName, person: Person, tenant: int) -> str:
    contact: Contact = world.contact(channel, person.address(channel))
    entries: list[Entry] = list(contact.thread)
    return templates.get_template("thread.html").render(
        entries=entries, contact=contact, channel=channel, tenant=tenant, typing=contact.typing_until > world.clock()
    )


def _patience(world: World, person: Person) -> float:
    """Seconds to wait for a change; what fades by itself, the typing dots, ends the wait."""
    ends = (world.contact(channel, person.address(channel)).typing_until for channel in CHANNELS)
    left = [end - world.clock() for end in ends]
    return min([LONGEST_WAIT, *(seconds + 0.1 for seconds in left if seconds > 0)])


def _policy(product: str) -> dict[str, str]:
    parts = urlsplit(product)
    return {
        "content-security-policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self'; "
            f"img-src 'self' {parts.scheme}://{parts.netloc}; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
