"""Who is on call: a table through midnight, daylight saving, holidays and overrides, and what holds for every rota."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import rota as command
from bot.service.rota import HOLIDAY, Line, Override, Person, Rota, faults, ladder, on_call
from bot.service.rota_file import DAYS, RotaFileError, parse, write
from bot.settings import Settings
from bot.store import rota as rows
from bot.store.database import Connection
from bot.wiring import landlord

ZONE = "Europe/London"
TABLE = yaml.safe_load((Path(__file__).parent / "rota" / "on_call.yaml").read_text(encoding="utf-8"))
EXAMPLE = Path(__file__).parents[2] / "docs" / "rota.example.yaml"
NAMES = ("Sam", "Ash", "Night")
PEOPLE = {number: Person(number, name, sms="+447700900101") for number, name in enumerate(NAMES, start=1)}
HOUR = 3600.0


def instant(local: str) -> float:
    return command.instant(local, ZONE)


def ids(names: list[str]) -> tuple[int, ...]:
    return tuple(NAMES.index(name) + 1 for name in names)


def line(day: str, shift: str) -> Line:
    hours, *who = shift.split()
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in hours.split("-"))
    return Line(DAYS.index(day), start, (end - start) % 1440 or 1440, ids(who))


def rota_of(case: dict[str, Any]) -> Rota:
    made = []
    for override in case.get("overrides", ()):
        start, end, *who = override.split()
        made.append(Override(instant(start), instant(end), ids(who)))
    lines = tuple(line(day, shift) for day, shifts in case["weekly"].items() for shift in shifts)
    return Rota(ZONE, PEOPLE, lines, tuple(made), frozenset(case.get("holidays", ())))


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case["name"])
def test_on_call(case: dict[str, Any]) -> None:
    given_ = rota_of(case)
    for at, expected in case["at"].items():
        assert [one.name for one in on_call(given_, instant(at))] == expected, at


# Minutes on whole hours outside 01:00 to 02:00, where a wall clock names every instant but those of the doubled hour once.
boundary = st.sampled_from([0, *range(180, 1440, 60)])
lines = st.builds(Line, st.integers(0, 6), boundary, st.integers(1, 24).map(lambda hours: hours * 60), st.just((1,)))
moments = st.sampled_from(["2026-10-23T12:00", "2027-03-26T12:00", "2026-12-30T12:00", "2026-07-01T12:00"]).map(instant)


def intended(one: Line, at: float) -> bool:
    """Whether the wall clock at an instant stands inside the shift, counted on the wall clock alone."""
    wall = datetime.fromtimestamp(at, ZoneInfo(ZONE)).replace(tzinfo=None)
    for day in (wall.date(), wall.date() - timedelta(days=1)):
        start = datetime(day.year, day.month, day.day) + timedelta(minutes=one.starts)
        if day.weekday() == one.day and start <= wall < start + timedelta(minutes=one.lasts):
            return True
    return False


@settings(max_examples=60)
@given(pattern=st.lists(lines, max_size=6), start=moments, offset=st.integers(0, 7 * 24 * 4))
def test_exactly_the_intended_minutes_are_covered(pattern: list[Line], start: float, offset: int) -> None:
    given_ = Rota(ZONE, PEOPLE, tuple(line for line in pattern if (line.starts + line.lasts) % 1440 not in (60, 120)))
    for minute in range(0, 180):
        at = start + offset * 900 + minute * 60
        assert bool(on_call(given_, at)) == any(intended(one, at) for one in given_.lines)


@settings(max_examples=40)
@given(cuts=st.sets(st.integers(0, 1439), min_size=1, max_size=5), start=moments, minutes=st.integers(0, 7 * 1440))
def test_a_day_cut_into_shifts_has_no_gap(cuts: set[int], start: float, minutes: int) -> None:
    """Whatever the clocks do: each shift ends where the next one begins."""
    edges = sorted(cuts)
    shifts = [(edge, (edges[(place + 1) % len(edges)] - edge) % 1440 or 1440) for place, edge in enumerate(edges)]
    given_ = Rota(ZONE, PEOPLE, tuple(Line(day, starts, lasts, (1,)) for day in range(7) for starts, lasts in shifts))
    assert on_call(given_, start + minutes * 60)
    assert not [fault for fault in faults(given_, start, start + 7 * 24 * HOUR) if fault.kind == "gap"]


def test_faults_are_told_with_their_times() -> None:
    given_ = rota_of({"weekly": {"monday": ["00:00-17:00 Sam", "16:00-24:00 Ash"]}})
    start, end = instant("2026-11-23T00:00"), instant("2026-11-25T00:00")
    found = {fault.kind: fault for fault in faults(given_, start, end)}
    assert (found["overlap"].starts_at, found["overlap"].ends_at) == (start + 16 * HOUR, start + 17 * HOUR)
    assert (found["gap"].starts_at, found["gap"].ends_at) == (start + 24 * HOUR, end)
    assert "no-supervisor" in found


def test_the_ladder_ends_with_supervisors_and_leaves_out_whom_nothing_reaches() -> None:
    people = {
        1: Person(1, "Boss", sms="+447700900109", supervisor=True),
        2: Person(2, "Sam", telegram="7"),
        3: Person(3, "Nobody's number"),
    }
    given_ = Rota(ZONE, people, tuple(Line(day, 0, 1440, (3, 2)) for day in range(7)))
    assert [one.name for one in on_call(given_, 0.0)] == ["Nobody's number", "Sam"]
    assert [one.name for one in ladder(given_, 0.0)] == ["Sam", "Boss"]


def test_the_example_is_in_order_and_survives_the_way_out_and_in() -> None:
    read = parse(EXAMPLE.read_text(encoding="utf-8"), ZONE)
    again = parse(write(read, ZONE), ZONE)
    assert again.people == read.people
    assert again.overrides == read.overrides
    assert again.holidays == read.holidays
    assert sorted(again.lines) == sorted(read.lines)
    assert {line.day for line in read.lines} == {*range(7), HOLIDAY}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("people: [", "not YAML"),
        ("schema: 1\npeople: [{name: Sam, sms: nonsense}]", "people.0.sms: write a telephone number"),
        ("schema: 1\npeople: [{name: Sam, webhook: 'http://elsewhere.example/x'}]", "https"),
        ("schema: 1\npeople: []\nweekly: [{days: [monday], from: '9', to: '17:00', who: [Sam]}]", "weekly.0.from"),
        ("schema: 1\npeople: []\nweekly: [{days: [monday], from: '09:00', to: '17:00', who: [Sam]}]", "Sam"),
        ("schema: 1\npeople: [{name: Sam}, {name: Sam}]", "same name"),
        ("schema: 1\npeople: []\noverrides: [{from: 2026-12-25T10:00, to: 2026-12-25T09:00, who: []}]", "before"),
    ],
)
def test_a_faulty_file_is_told_where(text: str, told: str) -> None:
    with pytest.raises(RotaFileError, match=told):
        parse(text, ZONE)


@pytest.fixture
def kept(connection: Connection) -> Connection:
    with connection.transaction():
        command.keep(connection, landlord(Settings(_env_file=None)), EXAMPLE.read_text(encoding="utf-8"))
    return connection


def test_the_example_is_kept_and_answers(kept: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    place = landlord(Settings(_env_file=None))
    tables = rows.read(kept)
    assert [person.name for person in tables.people] == ["Sam", "Ash", "Duty manager", "Night service"]
    assert tables.holidays["wales"] >= {date(2026, 12, 25)}
    given_ = command._rota(kept, place)
    assert list(command.called(given_, "2026-11-24T12:00"))[0] == "on call  Sam by SMS, Telegram"
    assert list(command.called(given_, "2026-11-24T03:00"))[-1] == "then     Duty manager by SMS"
    with kept.transaction():
        command.replace(kept, place, "2026-11-24T00:00", "2026-11-25T00:00", ["Duty manager"])
    given_ = command._rota(kept, place)
    assert list(command.called(given_, "2026-11-24T03:00")) == ["on call  Duty manager by SMS"]
    assert any(line.startswith("override") for line in command.lines(given_))
    with pytest.raises(RotaFileError, match="nobody on the rota is called Doris"):
        command.replace(kept, place, "2026-11-24T00:00", "2026-11-25T00:00", ["Doris"])


def test_whoever_is_left_out_of_a_new_file_has_left(kept: Connection) -> None:
    with kept.transaction():
        command.keep(kept, landlord(Settings(_env_file=None)), "schema: 1\npeople: [{name: Sam, sms: '07700 900101'}]")
    tables = rows.read(kept)
    assert [(person.name, person.sms) for person in tables.people] == [("Sam", "+447700900101")]
    assert rows.named_by(kept, [("sms", "+447700900101"), ("sms", "+447700900102")]) == {
        ("sms", "+447700900101"): "Sam"
    }
