"""`hearthline rota`: who is on call, now or at another time, and the rota as a file."""

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from bot import clock
from bot.service import paging, rota
from bot.service.rota import Fault, Line, Override, Person, Rota
from bot.service.rota_file import DAYS, RotaFileError, parse, write
from bot.store import rota as rows
from bot.store.database import Connection

if TYPE_CHECKING:
    from bot.settings import Settings
    from flows.schema import Landlord

LOOKS_AHEAD = timedelta(days=28)
"""How far ahead gaps are looked for."""


def commands(settings: "Callable[[], Settings]") -> typer.Typer:
    """The subcommands. settings: those of the running line."""
    app = typer.Typer(
        help="Who is on call, and is paged when a tenant is in danger.", no_args_is_help=True, add_completion=False
    )

    @app.command()
    def show() -> None:
        """Show people, shifts, overrides and holidays."""
        _with(settings(), lambda connection, landlord: print(*lines(_rota(connection, landlord)), sep="\n"))

    @app.command()
    def who(at: Annotated[str, typer.Option(help="Local time, such as 2026-12-25T03:00.")] = "") -> None:
        """Say who is on call, the first to be paged first, then who is paged after them."""
        _with(settings(), lambda connection, landlord: print(*called(_rota(connection, landlord), at), sep="\n"))

    @app.command("import")
    def take(
        file: Annotated[Path, typer.Argument(help="A rota in YAML (docs/rota.example.yaml).", exists=True)],
    ) -> None:
        """Put a file's people, shifts, holidays and overrides in the place of what is there."""
        _with(settings(), lambda connection, landlord: keep(connection, landlord, file.read_text(encoding="utf-8")))

    @app.command()
    def export() -> None:
        """Write the rota as a file that `import` reads."""
        _with(settings(), lambda connection, landlord: print(write(rows.read(connection), landlord.timezone), end=""))

    @app.command()
    def override(
        start: Annotated[str, typer.Argument(help="Local time, such as 2026-12-25T09:00.")],
        end: Annotated[str, typer.Argument(help="Local time.")],
        name: Annotated[list[str], typer.Argument(help="Who, the first to be paged first.")],
    ) -> None:
        """Let other people be on call between two times."""
        _with(settings(), lambda connection, landlord: replace(connection, landlord, start, end, name))

    @app.command()
    def check() -> None:
        """Say when nobody or too many are on call in the next four weeks. Exit code 1 if anything is wrong."""
        found: list[Fault] = []
        _with(settings(), lambda connection, landlord: found.extend(wrong(_rota(connection, landlord))))
        zone = _landlord(settings()).timezone
        print(
            *[told(fault, zone) for fault in found] or ["Somebody is on call at any time in the next four weeks."],
            sep="\n",
        )
        raise typer.Exit(1 if found else 0)

    return app


def _with(settings: "Settings", act: "Callable[[Connection, Landlord], None]") -> None:
    from bot.wiring import open_database

    database = open_database(settings, "rota", 1)
    try:
        with database.transaction() as connection:
            act(connection, _landlord(settings))
    finally:
        database.close()


def _landlord(settings: "Settings") -> "Landlord":
    from bot.wiring import landlord

    return landlord(settings)


def _rota(connection: Connection, landlord: "Landlord") -> Rota:
    return paging.read_rota(connection, landlord, clock.now())


def keep(connection: Connection, landlord: "Landlord", text: str) -> None:
    """Take a file's content in. Faults of the rota itself are told and do not stop it. Raises `RotaFileError`."""
    given = parse(text, landlord.timezone)
    ids = rows.keep_people(connection, given.people, clock.now())
    kept = {person.id: ids[person.name] for person in given.people}
    lines_ = [line._replace(people=[kept[one] for one in line.people]) for line in given.lines]
    rows.replace_pattern(connection, lines_, given.holidays)
    rows.replace_overrides(
        connection, [one._replace(people=[kept[person] for person in one.people]) for one in given.overrides]
    )
    print(f"{len(given.people)} people, {len(lines_)} shifts, {len(given.overrides)} overrides.")
    for fault in wrong(_rota(connection, landlord)):
        print(told(fault, landlord.timezone), file=sys.stderr)


def replace(connection: Connection, landlord: "Landlord", start: str, end: str, names: list[str]) -> None:
    """Add an override. Raises `RotaFileError` for a time or a person that there is not."""
    ids = {person.name: person.id for person in rows.read(connection).people}
    unknown = [name for name in names if name not in ids]
    if unknown:
        raise RotaFileError(f"nobody on the rota is called {', '.join(unknown)}: hearthline rota show")
    begins, ends = instant(start, landlord.timezone), instant(end, landlord.timezone)
    if ends <= begins:
        raise RotaFileError("it ends before it begins")
    rows.add_override(connection, rows.OverrideRow(begins, ends, [ids[name] for name in names]))


def instant(local: str, timezone: str) -> float:
    """POSIX seconds of a local time. Raises `RotaFileError`."""
    try:
        moment = datetime.fromisoformat(local)
    except ValueError:
        raise RotaFileError(f"`{local}` is no time: write it like 2026-12-25T09:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))).timestamp()


def wrong(given: Rota) -> list[Fault]:
    """What is wrong in the next four weeks."""
    now = clock.now()
    return rota.faults(given, now, now + LOOKS_AHEAD.total_seconds())


def told(fault: Fault, timezone: str) -> str:
    """A fault in one line."""
    if fault.starts_at is None or fault.ends_at is None:
        return f"{fault.kind}: {fault.remedy}"
    return f"{fault.kind} {_shown(fault.starts_at, timezone)} to {_shown(fault.ends_at, timezone)}: {fault.remedy}"


def _shown(at: float, timezone: str) -> str:
    return f"{datetime.fromtimestamp(at, ZoneInfo(timezone)):%a %d %b %Y %H:%M}"


def called(given: Rota, at: str) -> Iterator[str]:
    """Who is paged at a local time, now if it is empty, in turn."""
    moment = instant(at, given.timezone) if at else clock.now()
    now = rota.on_call(given, moment)
    yield from [f"on call  {person.name}{_ways(person)}" for person in now] or ["on call  nobody"]
    yield from (f"then     {person.name}{_ways(person)}" for person in rota.ladder(given, moment) if person not in now)


def lines(given: Rota) -> Iterator[str]:
    """The whole rota, one thing a line."""
    for person in given.people.values():
        yield f"person    {person.name}{_ways(person)}{', supervisor' if person.supervisor else ''}"
    for line in given.lines:
        yield f"{DAYS[line.day]:9} {_span(line)}  {_names(given, line)}"
    for one in given.overrides:
        times = f"{_shown(one.starts_at, given.timezone)} to {_shown(one.ends_at, given.timezone)}"
        yield f"override  {times}  {_names(given, one)}"
    yield f"holidays  {', '.join(day.isoformat() for day in sorted(given.holidays)) or 'none'}"


def _span(line: Line) -> str:
    end = (line.starts + line.lasts) % 1440
    return f"{line.starts // 60:02}:{line.starts % 60:02}-{end // 60:02}:{end % 60:02}"


def _names(given: Rota, who: Line | Override) -> str:
    return ", ".join(given.people[one].name for one in who.people if one in given.people) or "nobody"


def _ways(person: Person) -> str:
    ways = {"SMS": person.sms, "Telegram": person.telegram, "webhook": person.webhook}
    return (
        f" by {', '.join(way for way, address in ways.items() if address)}" if person.reachable else " (no way to page)"
    )
