"""Days as tenants and the law count them: working days, days with opening hours, and dates said aloud."""

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import holidays

from bot.engine.hours import is_open, local, next_opening
from flows.schema import BASE_LANGUAGE, Book, Landlord, Nation

_HOLIDAYS_OF: dict[Nation, str] = {"england": "ENG", "wales": "WLS", "scotland": "SCT", "northern-ireland": "NIR"}
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


@lru_cache(maxsize=64)
def bank_holidays(nation: Nation, year: int) -> frozenset[date]:
    """The bank holidays of a nation in a year, as far as they have been announced."""
    return frozenset(holidays.country_holidays("GB", subdiv=_HOLIDAYS_OF[nation], years=[year]))


def working_days_after(nation: Nation, day: date, count: int) -> date:
    """The last of so many working days after a day, which itself is not counted.

    A working day is one that is no Saturday, no Sunday and no bank holiday, as complaint policies under the Housing
    Ombudsman's Complaint Handling Code count them.
    """
    while count > 0:
        day += _ONE_DAY
        if day.weekday() < _SATURDAY and day not in bank_holidays(nation, day.year):
            count -= 1
    return day


def deadline(landlord: Landlord, name: str, at: float) -> date | None:
    """The date of one of the landlord's deadlines for what was told at an instant (POSIX seconds), if it has that."""
    count = landlord.deadlines.get(name)
    return None if count is None else working_days_after(landlord.nation, local(landlord, at).date(), count)


def spoken_date(book: Book, day: date, language: str) -> str:
    """A date for a sentence: "Thursday 26 November", or in figures where the language has no names of months."""
    calendar = book.words.calendar.get(language) or book.words.calendar[BASE_LANGUAGE]
    if not calendar.months:
        return f"{day.day}/{day.month}/{day.year}"
    said = calendar.on_date.replace("{number}", str(day.day)).replace("{month}", calendar.months[day.month - 1])
    return said.replace("{day}", calendar.days[day.weekday()])


def iso_day(text: str) -> date | None:
    """The day that ISO 8601 calls so ("2026-11-26"), or None for any other text."""
    try:
        return date.fromisoformat(text) if _ISO_DAY.fullmatch(text) else None
    except ValueError:
        # It only looked like a date, such as a reference number.
        return None


def kinds_of_day(landlord: Landlord, day: date, at: float) -> tuple[str, ...]:
    """What can be said of a day at an instant (POSIX seconds): past, today or tomorrow; and open or closed.

    Open means that some opening of the day is still to come or under way.
    """
    today = local(landlord, at).date()
    near = {today: ("today",), today + _ONE_DAY: ("tomorrow",)}.get(day, ("past",) if day < today else ())
    return (*near, "open" if _opens_on(landlord, day, today, at) else "closed")


def _opens_on(landlord: Landlord, day: date, today: date, at: float) -> bool:
    if day < today:
        return False
    if day == today and is_open(landlord, at):
        return True
    moment = at if day == today else _midnight(landlord, day, at) - 1
    opening = next_opening(landlord, moment)
    return opening is not None and opening.date() == day


def _midnight(landlord: Landlord, day: date, at: float) -> float:
    return datetime.combine(day, time.min, local(landlord, at).tzinfo).timestamp()


def eve_of(landlord: Landlord, day: date, clock: str, at: float) -> float:
    """POSIX seconds of a local time such as "16:00" on the day before a day."""
    zone = local(landlord, at).tzinfo
    return datetime.combine(day - _ONE_DAY, time.fromisoformat(clock), zone).timestamp()
