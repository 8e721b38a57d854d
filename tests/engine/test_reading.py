"""Answers as tenants really give them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine import reading
from bot.engine.reading import answers, read_choice
from tests.engine.talking import book

WORDS = book().words
ROOMS = answers(
    [
        ("kitchen", ["Kitchen", "Cegin", "the kitchen sink"]),
        ("bathroom", ["Bathroom", "Ystafell ymolchi", "toilet"]),
        ("none", ["None of these", "Dim un o'r rhain"]),
    ]
)
YES_NO = answers([("yes", ["Yes", "Ie", *WORDS.folded("yes")]), ("no", ["No", "Na", *WORDS.folded("no")])])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", "kitchen"),
        ("2)", "bathroom"),
        ("2.", "bathroom"),
        ("#2", "bathroom"),
        ("no. 2", "bathroom"),
        ("number two please", "bathroom"),
        ("option one", "kitchen"),
        ("one", "kitchen"),
        ("the second one", "bathroom"),
        ("2nd", "bathroom"),
        ("the last one", "none"),
        ("2️⃣", "bathroom"),
        ("٢", "bathroom"),
        ("२", "bathroom"),
        ("yr ail", "bathroom"),
        ("Kitchen", "kitchen"),
        ("KITCHEN!!!", "kitchen"),
        ("it's the kitchen", "kitchen"),
        ("kichen", "kitchen"),
        ("kitcehn", "kitchen"),
        ("bathrom", "bathroom"),
        ("ystafell ymolchi", "bathroom"),
        ("cegin", "kitchen"),
        ("in the bathroom upstairs", "bathroom"),
        ("dim un or rhain", "none"),
        ("none of these", "none"),
        ("4", None),
        ("0", None),
        ("", None),
        ("?", None),
        ("1 and 2", None),
        ("kitchen and bathroom", None),
        ("not the kitchen", None),
        ("purple", None),
        ("my boiler has been making a noise in the kitchen since last tuesday morning", None),
        ("999", None),
    ],
)
def test_choices(text: str, expected: str | None) -> None:
    found = read_choice(text, ROOMS, WORDS)
    assert (found.id if found else None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yeh", "yes"),
        ("Yes please", "yes"),
        ("yup", "yes"),
        ("ydw", "yes"),
        ("yes there is a baby", "yes"),
        ("y", "yes"),
        ("nope", "no"),
        ("no thank you", "no"),
        ("nac oes", "no"),
        ("N", "no"),
        ("maybe", None),
        ("yes and no", None),
        ("do i have to", None),
        ("please can you tell me more", None),
    ],
)
def test_yes_and_no(text: str, expected: str | None) -> None:
    found = read_choice(text, YES_NO, WORDS)
    assert (found.id if found else None) == expected


def test_an_exact_answer_is_sure_and_a_guess_is_not() -> None:
    assert read_choice("kitchen", ROOMS, WORDS) == reading.Read("kitchen", True)
    assert read_choice("kichen", ROOMS, WORDS) == reading.Read("kitchen", False)


@given(text=st.text(max_size=300))
def test_any_text_is_read_without_failing(text: str) -> None:
    found = read_choice(text, ROOMS, WORDS)
    assert found is None or found.id in {"kitchen", "bathroom", "none"}
    reading.read_number(text, None, None)
    reading.read_postcode(text)
    reading.read_phone(text)
    reading.read_date(text, date(2026, 11, 22), WORDS)
    reading.is_question(text, WORDS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", "3"),
        ("about 3 rooms", "3"),
        ("2.5", "2.5"),
        ("2,5", "2.5"),
        ("11", None),
        ("0", None),
        ("1 or 2", None),
        ("x", None),
    ],
)
def test_numbers(text: str, expected: str | None) -> None:
    assert reading.read_number(text, 1, 10) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("le1 1aa", "LE1 1AA"),
        ("SW1A2AA", "SW1A 2AA"),
        ("I live at CF10 3AT.", "CF10 3AT"),
        ("LE1", None),
        ("hello", None),
    ],
)
def test_postcodes(text: str, expected: str | None) -> None:
    assert reading.read_postcode(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("07700 900123", "07700900123"), ("call +44 7700 900123", "+447700900123"), ("12345", None), ("no", None)],
)
def test_phones(text: str, expected: str | None) -> None:
    assert reading.read_phone(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3/12", "2026-12-03"),
        ("03.12.2027", "2027-12-03"),
        ("3-12-27", "2027-12-03"),
        ("monday", "2026-11-23"),
        ("on Sunday please", "2026-11-29"),
        ("ddydd Mawrth", "2026-11-24"),
        ("31/02", None),
        ("soon", None),
        ("today", "2026-11-22"),
        ("tomorrow morning", "2026-11-23"),
        ("yfory", "2026-11-23"),
        ("3 de diciembre", "2026-12-03"),
        ("12月3日", "2026-12-03"),
        ("środa", "2026-11-25"),
        ("we środę", "2026-11-25"),
        ("سه‌شنبه", "2026-11-24"),
        ("星期一", "2026-11-23"),
        ("一", None),
        ("mercoledì", "2026-11-25"),
        ("mañana", "2026-11-23"),
        ("明天下午", "2026-11-23"),
    ],
)
def test_dates(text: str, expected: str | None) -> None:
    assert reading.read_date(text, date(2026, 11, 22), WORDS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("how do I pay", True), ("is it?", True), ("sut ydw i'n talu", True), ("the tap leaks", False), ("who", False)],
)
def test_questions(text: str, expected: bool) -> None:
    assert reading.is_question(text, WORDS) is expected
