"""Addresses under /double, by which tests and the benchmark tell the double what to do, and read what it saw."""

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from itertools import islice
from typing import Any, TypeVar

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from bot.double.courier import Courier
from bot.double.faults import Fault, Knobs
from bot.double.sample_files import damp_wall, silent_voice_note
from bot.double.tenants import Tenants
from bot.double.world import ChannelName, Entry, StoredFile, World

PAGE = 5_000
SAMPLES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "picture": ("image/png", damp_wall),
    "voice": ("audio/ogg", silent_voice_note),
}


T = TypeVar("T")
_PLAIN = tuple(field.name for field in fields(Entry) if field.name not in ("files", "buttons"))


class Said(BaseModel):
    """A tenant's act: words, files by name of the sample, a place, a tap, an edit or a block."""

    channel: ChannelName
    address: str
    text: str = ""
    samples: list[str] = Field(default_factory=list)
    place: tuple[float, float] | None = None
    extra: dict[str, str] = Field(default_factory=dict)
    tap: tuple[str, str] | None = None
    edits: str | None = None
    blocked: bool | None = None


class Moved(BaseModel):
    """A tenant's standing with the provider, changed from outside."""

    channel: ChannelName
    address: str
    stopped: bool | None = None
    blocked: bool | None = None
    window_closed: bool | None = None


def sample(world: World, name: str) -> StoredFile:
    """Make and keep one of the sample files. Raises LookupError."""
    content_type, make = SAMPLES[name]
    return keep(world, content_type, f"{name}.{content_type.partition('/')[2]}", make())


def keep(world: World, content_type: str, name: str, content: bytes) -> StoredFile:
    """Keep a file of a tenant's under an id that both providers could have made."""
    number = next(world.numbers)
    return world.keep_file(StoredFile(f"ME{number:032x}", content_type, name, content))


def router(world: World, courier: Courier, tenants: Tenants, refuse_connections: Callable[[float], None]) -> APIRouter:
    """Make the routes. refuse_connections: closes the port for so many seconds."""
    routes = APIRouter(prefix="/double")

    @routes.get("/messages")
    async def messages(after: int = 0, limit: int = PAGE) -> Response:
        found = [shown(entry) for entry in islice(world.since(after), min(limit, PAGE))]
        # Encoded here: FastAPI looks into every value first, which would hold the loop up under load.
        return JSONResponse(found)

    @routes.get("/counters")
    async def counts() -> dict[str, int]:
        return {**world.counters, "kept": len(world.entries), "waiting_updates": len(world.hook.waiting)}

    @routes.get("/faults")
    async def listed_faults() -> list[dict[str, Any]]:
        return [asdict(fault) for fault in world.faults]

    @routes.post("/faults", status_code=201)
    async def add_fault(fault: dict[str, Any]) -> dict[str, Any]:
        world.faults.append(_valid(Fault, fault))
        return asdict(world.faults[-1])

    @routes.delete("/faults", status_code=204)
    async def clear_faults() -> None:
        world.faults.clear()

    @routes.post("/refuse", status_code=202)
    async def refuse(seconds: float) -> None:
        refuse_connections(seconds)

    @routes.post("/reset", status_code=204)
    async def reset() -> None:
        await courier.drop()
        world.forget()

    @routes.get("/knobs")
    async def current_knobs() -> dict[str, Any]:
        return asdict(world.knobs)

    @routes.patch("/knobs")
    async def turn(changes: dict[str, Any]) -> dict[str, Any]:
        known = {field.name for field in fields(Knobs)}
        if unknown := sorted(set(changes) - known):
            raise HTTPException(422, f"no such knob: {unknown[0]}")
        world.knobs = _valid(Knobs, asdict(replace(world.knobs, **changes)))
        return asdict(world.knobs)

    @routes.post("/contacts")
    async def move(change: Moved) -> dict[str, Any]:
        contact = world.contact(change.channel, change.address)
        for name in ("stopped", "blocked", "window_closed"):
            if (value := getattr(change, name)) is not None:
                setattr(contact, name, value)
        world.touch()
        return {"stopped": contact.stopped, "blocked": contact.blocked, "window_closed": contact.window_closed}

    @routes.post("/inbound")
    async def inbound(said: Said) -> dict[str, Any]:
        try:
            return await act(world, tenants, said)
        except LookupError as error:
            raise HTTPException(404, str(error)) from error

    return routes


async def act(world: World, tenants: Tenants, said: Said) -> dict[str, Any]:
    """Do what `said` says. Returns the product's HTTP status, and the id of a new message. Raises LookupError."""
    if said.tap is not None:
        return {"status": (await tenants.tap(said.channel, said.address, *said.tap)).status}
    if said.edits is not None:
        return {"status": (await tenants.edit(said.edits, said.text)).status}
    if said.blocked is not None:
        return {"status": (await tenants.block(said.address, said.blocked)).status}
    files = [sample(world, name) for name in said.samples]
    entry, response = await tenants.say(said.channel, said.address, said.text, files, said.place, said.extra)
    return {"status": response.status, "id": entry.id}


def shown(entry: Entry) -> dict[str, Any]:
    """A message for the journal, without the contents of its files."""
    found = {name: getattr(entry, name) for name in _PLAIN}
    files = [{"id": f.id, "content_type": f.content_type, "name": f.name, "url": f.url} for f in entry.files]
    return found | {"files": files, "buttons": [asdict(button) for button in entry.buttons]}


def _valid(kind: type[T], given: dict[str, Any]) -> T:
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_input=False)) from error
