"""Who is on call at an instant: a weekly pattern, holidays and overrides. Pure: the same rota and instant, the same people.

Shifts are local wall time, as a rota on a wall is read. A shift belongs to the day it begins on, may run past midnight, and
is an hour longer or shorter where the clocks change within it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

HOLIDAY = 7
"""In place of a weekday (Monday is 0): the line counts on holidays, and on those no other does."""
_DAY = timedelta(days=1)


class Person(NamedTuple):
    """Somebody who can be paged: by SMS number, Telegram chat, webhook, or several of them."""

    id: int
    name: str
    sms: str | None = None
    telegram: str | None = None
    webhook: str | None = None
    routing_key: str | None = None
    email: str | None = None
    supervisor: bool = False

    @property
    def reachable(self) -> bool:
        """Whether a page has any way to them."""
        return bool(self.sms or self.telegram or self.webhook)


class Line(NamedTuple):
    """A shift of the pattern. day: 0 to 6 from Monday, or `HOLIDAY`. starts: minute of the day; lasts: minutes, 1440 at most.

    people: ids, the first to be paged first.
    """

    day: int
    starts: int
    lasts: int
    people: tuple[int, ...]


class Override(NamedTuple):
    """Between two instants (POSIX seconds) these people are on call, whatever the pattern says. The last one made counts."""

    starts_at: float
    ends_at: float
    people: tuple[int, ...]


class Rota(NamedTuple):
    """Everything that decides who is on call. people: by id. holidays: local dates."""

    timezone: str
    people: dict[int, Person]
    lines: tuple[Line, ...]
    overrides: tuple[Override, ...] = ()
    holidays: frozenset[date] = frozenset()


class Fault(NamedTuple):
    """Something wrong with a rota. Instants are POSIX seconds, None for what concerns no time."""

    kind: Literal["gap", "overlap", "unreachable", "no-supervisor"]
    remedy: str
    starts_at: float | None = None
    ends_at: float | None = None


def on_call(rota: Rota, at: float) -> tuple[Person, ...]:
    """Who is on call at an instant (POSIX seconds), the first to be paged first. Nobody, if the rota has a gap there."""
    for override in reversed(rota.overrides):
        if override.starts_at <= at < override.ends_at:
            return _people(rota, override.people)
    return _people(rota, [one for line in _lines_at(rota, at) for one in line.people])


def ladder(rota: Rota, at: float) -> tuple[Person, ...]:
    """Everybody to be paged in turn: who is on call, then the supervisors. Who has no way to be reached is left out."""
    supervisors = sorted((one for one in rota.people.values() if one.supervisor), key=lambda one: one.id)
    order = dict.fromkeys((*on_call(rota, at), *supervisors))
    return tuple(person for person in order if person.reachable)


def faults(rota: Rota, since: float, until: float) -> list[Fault]:
    """What is wrong with a rota between two instants (POSIX seconds): times with nobody, times with two shifts, and people."""
    found = [
        Fault("unreachable", f"give {one.name} an SMS number, a Telegram chat or a webhook")
        for one in rota.people.values()
        if not one.reachable
    ]
    if not any(one.supervisor and one.reachable for one in rota.people.values()):
        found.append(Fault("no-supervisor", "name a supervisor who can be reached: they are the last to be paged"))
    edges = sorted({since, until, *(edge for edge in _edges(rota, since, until) if since < edge < until)})
    spans = [(start, end, _fault_at(rota, start)) for start, end in zip(edges, edges[1:], strict=False)]
    return found + list(_joined(spans))


def _joined(spans: Sequence[tuple[float, float, Literal["gap", "overlap"] | None]]) -> Iterator[Fault]:
    """Neighbouring times with the same fault are one."""
    remedies = {"gap": "nobody is on call: add a shift or an override", "overlap": "two shifts cover this: shorten one"}
    begun: float | None = None
    for place, (start, end, kind) in enumerate(spans):
        begun = start if begun is None else begun
        follows = place + 1 < len(spans) and spans[place + 1][2] == kind
        if kind is not None and not follows:
            yield Fault(kind, remedies[kind], begun, end)
        begun = begun if follows else None


def _fault_at(rota: Rota, at: float) -> Literal["gap", "overlap"] | None:
    if any(override.starts_at <= at < override.ends_at for override in rota.overrides):
        return None if on_call(rota, at) else "gap"
    if not on_call(rota, at):
        return "gap"
    return "overlap" if len(list(_lines_at(rota, at))) > 1 else None


def _edges(rota: Rota, since: float, until: float) -> Iterator[float]:
    for override in rota.overrides:
        yield from (override.starts_at, override.ends_at)
    zone = ZoneInfo(rota.timezone)
    day, last = datetime.fromtimestamp(since, zone).date() - _DAY, datetime.fromtimestamp(until, zone).date()
    while day <= last:
        for line in _lines_on(rota, day):
            yield from _span(line, day, zone)
        day += _DAY


def _lines_at(rota: Rota, at: float) -> Iterator[Line]:
    """Shifts that the instant lies in, those of yesterday that run past midnight first."""
    zone = ZoneInfo(rota.timezone)
    today = datetime.fromtimestamp(at, zone).date()
    for day in (today - _DAY, today):
        for line in _lines_on(rota, day):
            start, end = _span(line, day, zone)
            if start <= at < end:
                yield line


def _lines_on(rota: Rota, day: date) -> Iterator[Line]:
    special = day in rota.holidays and any(line.day == HOLIDAY for line in rota.lines)
    wanted = HOLIDAY if special else day.weekday()
    return (line for line in rota.lines if line.day == wanted)


def _span(line: Line, day: date, zone: ZoneInfo) -> tuple[float, float]:
    """A shift's instants. Its end is where another that begins then has its start, so that a change of clocks leaves no gap."""
    start = datetime.combine(day, time()) + timedelta(minutes=line.starts)
    end = start + timedelta(minutes=line.lasts)
    return start.replace(tzinfo=zone).timestamp(), end.replace(tzinfo=zone).timestamp()


def _people(rota: Rota, ids: Sequence[int]) -> tuple[Person, ...]:
    return tuple(rota.people[one] for one in dict.fromkeys(ids) if one in rota.people)
