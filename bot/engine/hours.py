"""When people are there: opening hours as a function of an instant, through daylight saving and past midnight.

Hours are local wall time, as tenants read them on a door. A range belongs to the day it begins on.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from flows.schema import BASE_LANGUAGE, Book, Calendar, Landlord, Weekday

_WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HORIZON_DAYS = 31
"""How far ahead the next opening is looked for. A landlord that is shut for longer has no opening to announce."""


@lru_cache(maxsize=32)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local(landlord: Landlord, at: float) -> datetime:
    """An instant (POSIX seconds) as the landlord's clocks show it."""
    return datetime.fromtimestamp(at, _zone(landlord.timezone))


def is_open(landlord: Landlord, at: float) -> bool:
    """Whether the instant lies in the opening hours. The last minute is out: at 17:00 a 09:00-17:00 office is shut."""
    return _closing(landlord, local(landlord, at)) is not None


def next_opening(landlord: Landlord, at: float) -> datetime | None:
    """The first opening after the instant, in local time, or None if none is near."""
    now = local(landlord, at).replace(tzinfo=None)
    for days in range(_HORIZON_DAYS):
        day = now.date() + timedelta(days=days)
        starts = sorted(start for start, _ in _ranges(landlord, day) if start > now)
        if starts:
            return starts[0]
    return None


def after_open(landlord: Landlord, at: float, seconds: float) -> float:
    """The instant at which so many seconds of opening hours have passed since another, in POSIX seconds.

    A landlord that is never open within the horizon counts every second.
    """
    zone, left = _zone(landlord.timezone), seconds
    first = local(landlord, at).date() - timedelta(days=1)
    for days in range(_HORIZON_DAYS):
        for start, end in sorted(_ranges(landlord, first + timedelta(days=days))):
            # Durations are taken between instants: a local day may have 23 hours or 25.
            begin, stop = max(start.replace(tzinfo=zone).timestamp(), at), end.replace(tzinfo=zone).timestamp()
            if stop - begin >= left:
                return begin + left
            left -= max(stop - begin, 0.0)
    return at + seconds


def spoken_opening(book: Book, at: float, language: str) -> str:
    """When it opens next, for a sentence: "at 9am on Monday". Empty if no opening is near."""
    opening, calendar = next_opening(book.landlord, at), _calendar(book, language)
    if opening is None:
        return ""
    days = (opening.date() - local(book.landlord, at).date()).days
    pattern = {0: calendar.today, 1: calendar.tomorrow}.get(days, calendar.weekday)
    return pattern.replace("{time}", _clock(opening, calendar)).replace("{day}", calendar.days[opening.weekday()])


def spoken_closing(book: Book, at: float, language: str) -> str:
    """When it closes, for a sentence: "5.30pm". Empty while it is shut."""
    closing = _closing(book.landlord, local(book.landlord, at))
    return _clock(closing, _calendar(book, language)) if closing else ""


def _closing(landlord: Landlord, moment: datetime) -> datetime | None:
    """The end of the range that the moment lies in. Yesterday counts, because a range may run past midnight."""
    now = moment.replace(tzinfo=None)
    days = (now.date() - timedelta(days=1), now.date())
    ends = [end for day in days for start, end in _ranges(landlord, day) if start <= now < end]
    return max(ends, default=None)


def _ranges(landlord: Landlord, day: date) -> list[tuple[datetime, datetime]]:
    if day in landlord.closed_on:
        return []
    return [_range(day, hours) for hours in landlord.opening.get(_WEEKDAYS[day.weekday()], ())]


def _range(day: date, hours: str) -> tuple[datetime, datetime]:
    begin, end = hours.split("-")
    start = datetime.combine(day, time.fromisoformat(begin))
    stop = datetime.combine(day, time.min if end == "24:00" else time.fromisoformat(end))
    return start, stop if stop > start else stop + timedelta(days=1)


def _clock(moment: datetime, calendar: Calendar) -> str:
    minutes = f".{moment.minute:02}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes}{calendar.morning if moment.hour < 12 else calendar.afternoon}"


def _calendar(book: Book, language: str) -> Calendar:
    return book.words.calendar.get(language) or book.words.calendar[BASE_LANGUAGE]
