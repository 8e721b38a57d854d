"""Working days over weekends and bank holidays, days with somebody there, dates said aloud, and rows of tables."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.days import bank_holidays, deadline, eve_of, iso_day, kinds_of_day, spoken_date, working_days_after
from flows.schema import Flow, Nation, Table
from tests.engine.talking import Talk, book, instant, texts

ZONE = "Europe/London"
LANDLORD = book().landlord


@pytest.mark.parametrize(
    ("nation", "day", "count", "expected"),
    [
        ("england", "2026-11-23", 5, "2026-11-30"),
        ("england", "2026-11-21", 5, "2026-11-27"),
        ("england", "2026-11-22", 1, "2026-11-23"),
        ("england", "2026-11-23", 0, "2026-11-23"),
        # Christmas, the Monday for Boxing Day, and New Year.
        ("england", "2026-12-21", 5, "2026-12-30"),
        ("england", "2026-12-21", 15, "2027-01-14"),
        ("wales", "2026-12-21", 5, "2026-12-30"),
        # Scotland keeps 2 January too (in 2027 the Monday after it), and no Easter Monday.
        ("scotland", "2026-12-21", 15, "2027-01-15"),
        ("scotland", "2027-03-25", 1, "2027-03-29"),
        ("england", "2027-03-25", 1, "2027-03-30"),
        # Northern Ireland keeps Saint Patrick's Day and the Twelfth.
        ("northern-ireland", "2027-03-16", 1, "2027-03-18"),
        ("northern-ireland", "2027-07-09", 1, "2027-07-13"),
    ],
)
def test_working_days(nation: Nation, day: str, count: int, expected: str) -> None:
    assert working_days_after(nation, date.fromisoformat(day), count).isoformat() == expected


@given(
    st.sampled_from(("england", "wales", "scotland", "northern-ireland")),
    st.dates(date(2026, 1, 1), date(2030, 12, 31)),
    st.integers(1, 60),
)
def test_a_deadline_is_a_working_day_with_as_many_before_it(nation: Nation, day: date, count: int) -> None:
    last = working_days_after(nation, day, count)
    between = [day + timedelta(days=number) for number in range(1, (last - day).days + 1)]
    worked = [each for each in between if each.weekday() < 5 and each not in bank_holidays(nation, each.year)]
    assert len(worked) == count
    assert worked[-1] == last


def test_a_deadline_counts_from_the_day_where_the_tenant_is() -> None:
    # 23:30 on Sunday in summer is still Sunday in England, and already past midnight nowhere here.
    sunday_night = instant("2027-06-06 23:30", ZONE)
    assert deadline(LANDLORD, "complaint_ack_by", sunday_night) == date(2027, 6, 11)
    assert deadline(LANDLORD, "complaint_ack_by", sunday_night + 3600) == date(2027, 6, 14)
    assert deadline(LANDLORD, "rent_phone", sunday_night) is None


@pytest.mark.parametrize(
    ("day", "now", "expected"),
    [
        ("2026-11-22", "2026-11-23 10:00", ("past", "closed")),
        ("2026-11-23", "2026-11-23 06:00", ("today", "open")),
        ("2026-11-23", "2026-11-23 17:29", ("today", "open")),
        ("2026-11-23", "2026-11-23 17:30", ("today", "closed")),
        ("2026-11-24", "2026-11-23 17:30", ("tomorrow", "open")),
        ("2026-11-28", "2026-11-23 10:00", ("closed",)),
        ("2026-12-25", "2026-11-23 10:00", ("closed",)),
        ("2026-12-29", "2026-11-23 10:00", ("open",)),
        ("2027-03-28", "2027-03-27 10:00", ("tomorrow", "closed")),
    ],
)
def test_kinds_of_a_day(day: str, now: str, expected: tuple[str, ...]) -> None:
    assert kinds_of_day(LANDLORD, date.fromisoformat(day), instant(now, ZONE)) == expected


def test_dates_are_said_in_words_or_in_figures() -> None:
    day = date(2026, 12, 3)
    assert spoken_date(book(), day, "en") == "Thursday 3 December"
    assert spoken_date(book(), day, "cy") == "3 Rhagfyr"
    english = book().words.calendar["en"].model_copy(update={"months": ()})
    words = book().words.model_copy(update={"calendar": {"en": english}})
    assert spoken_date(book().model_copy(update={"words": words}), day, "en") == "3/12/2026"


@pytest.mark.parametrize("text", ["", "20261203", "2026-13-01", "2026-W49-4", "job 2026-12-03", "3/12/2026"])
def test_other_words_are_no_date(text: str) -> None:
    assert iso_day(text) is None


def test_the_eve_keeps_its_hour_when_the_clocks_change() -> None:
    before = instant("2027-03-01 10:00", ZONE)
    assert eve_of(LANDLORD, date(2027, 3, 29), "16:00", before) == instant("2027-03-28 16:00", ZONE)


PLACES = Table(
    columns=("postcode", "date", "place", "place_cy"),
    rows=(
        ("ZM1", "2026-12-01", "first", "cyntaf"),
        ("ZM1", "2026-11-23", "today", "heddiw"),
        ("ZM1", "2026-11-22", "yesterday", "ddoe"),
        ("ZM1 4", "2026-12-24", "nearer", "nes"),
        ("ZM12", "2026-11-24", "another town", "tref arall"),
    ),
)
FIND = {
    "flow": "menu",
    "title": {"en": "Menu"},
    "start": "where",
    "slots": {"home": "Home", "place": "Place"},
    "states": {
        "where": {"do": "ask", "expects": "postcode", "slot": "home", "text": {"en": "Where?"}, "to": "find"},
        "find": {
            "do": "lookup",
            "table": "places",
            "slot": "home",
            "by_start": True,
            "upcoming": "date",
            "into": {"place": "place"},
            "found": "said",
            "missing": "none",
        },
        "said": {"do": "say", "text": {"en": "At {place}.", "cy": "Yn {place}."}, "to": "end"},
        "none": {"do": "say", "text": {"en": "Nowhere."}, "to": "end"},
    },
}


@pytest.mark.parametrize(
    ("home", "language", "expected"),
    [
        ("zm1 9ab", "", "At today."),
        ("ZM14AB", "", "At nearer."),
        ("zm12 3ab", "", "At another town."),
        ("ZM2 4AB", "", "Nowhere."),
        ("zm1 9ab", "cymraeg", "Yn heddiw."),
    ],
)
def test_the_nearest_row_that_is_still_to_come(home: str, language: str, expected: str) -> None:
    flows = {**book().flows, "menu": Flow.model_validate(FIND)}
    chosen = book().model_copy(update={"flows": flows, "tables": {**book().tables, "places": PLACES}})
    talk = Talk(chosen, at=instant("2026-11-23 22:00", ZONE))
    for line in filter(None, (language, "menu")):
        talk.hear(line)
    assert texts(talk.hear(home))[-1].text == expected
