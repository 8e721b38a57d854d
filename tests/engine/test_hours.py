"""Opening hours at their edges: minutes, midnights, holidays, and the two nights when clocks change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.hours import is_open, next_opening, spoken_closing, spoken_opening
from flows.schema import Book, Landlord
from tests.engine.talking import book, instant

ZONE = "Europe/London"
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def landlord(**opening: Any) -> Landlord:
    closed = opening.pop("closed_on", ())
    hours = {day: tuple(opening.get(day, ())) for day in WEEK}
    return book().landlord.model_copy(update={"opening": hours, "closed_on": closed, "timezone": ZONE})


def with_hours(**opening: Any) -> Book:
    return book().model_copy(update={"landlord": landlord(**opening)})


OFFICE = {"monday": ["09:00-12:00", "13:00-17:00"], "friday": ["22:00-02:00"], "saturday": ["20:00-24:00"]}


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-23 08:59", False),
        ("2026-11-23 09:00", True),
        ("2026-11-23 11:59", True),
        ("2026-11-23 12:00", False),
        ("2026-11-23 13:00", True),
        ("2026-11-23 17:00", False),
        ("2026-11-27 21:59", False),
        ("2026-11-27 22:00", True),
        ("2026-11-28 00:00", True),
        ("2026-11-28 01:59", True),
        ("2026-11-28 02:00", False),
        ("2026-11-28 23:59", True),
        ("2026-11-29 00:00", False),
    ],
)
def test_edges(local: str, expected: bool) -> None:
    assert is_open(landlord(**OFFICE), instant(local, ZONE)) is expected


@pytest.mark.parametrize(
    ("utc_hour", "expected"),
    # On 29 March 2026 clocks go from 01:00 to 02:00, so 09:00 comes at 08:00 UTC; in winter it is 09:00 UTC.
    [("2026-03-28 08:30", False), ("2026-03-28 09:30", True), ("2026-03-29 07:59", False), ("2026-03-29 08:00", True)],
)
def test_summer_time_begins(utc_hour: str, expected: bool) -> None:
    every_day = {day: ["09:00-17:00"] for day in WEEK}
    assert is_open(landlord(**every_day), instant(utc_hour, "UTC")) is expected


def test_the_repeated_hour_in_october_is_open_both_times() -> None:
    night = landlord(saturday=["22:00-02:00"])
    first, second = instant("2026-10-25 00:30", "UTC"), instant("2026-10-25 01:30", "UTC")
    assert is_open(night, first)
    assert is_open(night, second)
    assert not is_open(night, instant("2026-10-25 02:00", "UTC"))


def test_a_range_in_the_hour_that_spring_skips_is_passed_over() -> None:
    night = landlord(sunday=["01:00-02:00"])
    assert not is_open(night, instant("2026-03-29 01:00", "UTC"))
    assert next_opening(night, instant("2026-03-29 03:00", "UTC")) is not None


def test_a_closed_day_has_no_hours_and_does_not_run_past_midnight() -> None:
    christmas = landlord(thursday=["22:00-02:00"], friday=["22:00-02:00"], closed_on=(_date("2026-12-25"),))
    assert is_open(christmas, instant("2026-12-25 01:00", ZONE)), "the range of Christmas Eve runs on"
    assert not is_open(christmas, instant("2026-12-25 23:00", ZONE))
    assert not is_open(christmas, instant("2026-12-26 01:00", ZONE))


def _date(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("local", "english", "welsh"),
    [
        ("2026-11-23 08:00", "at 9am today", "am 9yb heddiw"),
        ("2026-11-23 12:30", "at 1pm today", "am 1yp heddiw"),
        ("2026-11-23 17:00", "at 10pm on Friday", "am 10yp ddydd Gwener"),
        ("2026-11-26 17:00", "at 10pm tomorrow", "am 10yp yfory"),
    ],
)
def test_when_it_opens_is_said_as_people_say_it(local: str, english: str, welsh: str) -> None:
    chosen = with_hours(**OFFICE)
    assert spoken_opening(chosen, instant(local, ZONE), "en") == english
    assert spoken_opening(chosen, instant(local, ZONE), "cy") == welsh


def test_when_it_closes_is_said_while_open() -> None:
    chosen = with_hours(monday=["09:00-17:30"], friday=["22:00-02:00"])
    assert spoken_closing(chosen, instant("2026-11-23 10:00", ZONE), "en") == "5.30pm"
    assert spoken_closing(chosen, instant("2026-11-27 23:00", ZONE), "en") == "2am"
    assert spoken_closing(chosen, instant("2026-11-23 08:00", ZONE), "en") == ""


def test_a_landlord_that_never_opens_announces_nothing() -> None:
    assert spoken_opening(with_hours(), instant("2026-11-23 10:00", ZONE), "en") == ""


@given(at=st.floats(1_700_000_000, 1_900_000_000))
def test_it_is_open_at_the_next_opening(at: float) -> None:
    office = landlord(**OFFICE)
    opening = next_opening(office, at)
    assert opening is not None
    # A wall time that spring skips does not exist; none of these ranges begins in that hour.
    assert is_open(office, instant(opening.isoformat(sep=" "), ZONE))
