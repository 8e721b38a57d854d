"""What is shipped reads well, costs little, keeps its word and lives in this world."""

import re
from pathlib import Path

import holidays
import phonenumbers
import pytest

from flows.load import ROOT, load_book, load_landlord
from flows.measure import is_gsm7, sms_segments
from flows.schema import PLACEHOLDER, Ask, Book
from flows.texts import Spot, filled, folded_choices, spots

PROFILES = sorted((ROOT / "landlords").glob("*.yaml"))
BOOKS = {path.stem: load_book(load_landlord(path)) for path in PROFILES}
ENGLISH = BOOKS["england-council"]
MESSAGES = [spot for spot in spots(ENGLISH) if not spot.label and not spot.where.startswith("safety.")]
SUBDIVISIONS = {"england": "ENG", "wales": "WLS", "scotland": "SCT", "northern-ireland": "NIR"}
# Ofcom, "Telephone numbers for use in TV and radio drama programmes".
DRAMA = re.compile(r"^(01632960\d{3}|02920180\d{3}|07700900\d{3}|03069990\d{3})$")


@pytest.mark.parametrize("spot", MESSAGES, ids=lambda spot: spot.where)
def test_english_is_plain_gsm7_and_short(spot: Spot) -> None:
    text = filled(ENGLISH, spot.text, "en", "sms")
    assert is_gsm7(text), sorted({char for char in text if not is_gsm7(char)})
    assert sms_segments(text) <= 2
    assert " - " not in text
    assert "!" not in text, "nobody in trouble wants to be shouted at"


@pytest.mark.parametrize("spot", list(spots(ENGLISH)), ids=lambda spot: spot.where)
def test_every_text_is_there_in_english_and_welsh_with_the_same_values(spot: Spot) -> None:
    if spot.nation not in ("", "england", "wales"):
        pytest.skip("not a nation of these profiles")
    english, welsh = (set(PLACEHOLDER.findall(spot.text[language].default)) for language in ("en", "cy"))
    assert english == welsh


@pytest.mark.parametrize("spot", MESSAGES, ids=lambda spot: spot.where)
def test_nothing_is_promised_that_nobody_can_keep(spot: Spot) -> None:
    text = spot.text["en"].default.casefold()
    for promise in (
        "guarantee",
        "i promise",
        "someone will come",
        "has been told",
        "has been alerted",
        "you will be ok",
    ):
        assert promise not in text


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_numbers_are_fictional(name: str) -> None:
    landlord = BOOKS[name].landlord
    own = {key: value for key, value in landlord.phones.items() if key != "gas_phone"}
    for number in (landlord.out_of_hours_phone, *own.values()):
        assert DRAMA.match(number.replace(" ", ""))
        assert phonenumbers.is_possible_number(phonenumbers.parse(number, "GB"))


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_closed_days_are_the_bank_holidays_on_working_days(name: str) -> None:
    landlord = BOOKS[name].landlord
    first = min(landlord.closed_on)
    calendar = holidays.country_holidays("GB", subdiv=SUBDIVISIONS[landlord.nation], years=[2026, 2027, 2028])
    assert set(landlord.closed_on) == {day for day in calendar if day >= first and day.weekday() < 5}


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_topics_are_complete(name: str) -> None:
    book: Book = BOOKS[name]
    for topic in book.faq:
        assert len(set(topic.examples["en"])) >= 12, topic.id
        assert len(set(topic.examples["cy"])) >= 4, topic.id
        assert topic.phone.strip("{}") in book.landlord.phones or topic.phone == "{out_of_hours_phone}", topic.id
        assert re.search(r"\{\w*phone\}|999", topic.answer["en"].default), f"{topic.id} has no phone fallback"


def test_examples_belong_to_one_topic() -> None:
    seen: dict[str, str] = {}
    for topic in ENGLISH.faq:
        for examples in topic.examples.values():
            for example in examples:
                assert seen.setdefault(example.casefold(), topic.id) == topic.id, example


def test_words_of_one_language_are_no_everyday_words_of_another() -> None:
    """Welsh "to" is a roof and "do" is yes, and choices are looked for in all languages at once."""
    everyday = {
        "to",
        "do",
        "i",
        "a",
        "an",
        "the",
        "in",
        "is",
        "it",
        "on",
        "of",
        "and",
        "have",
        "my",
        "me",
        "he",
        "she",
        "so",
    }
    said = {
        word
        for flow in ENGLISH.flows.values()
        for state in flow.states.values()
        if isinstance(state, Ask)
        for _, _, word in folded_choices(state)
    }
    for kind in ("yes", "no", "skip", "hello", "thanks"):
        said |= ENGLISH.words.folded(kind)
    assert not said & everyday


def test_no_data_file_names_a_real_landlord() -> None:
    for path in (path for folder in ("library", "faq", "landlords") for path in Path(ROOT / folder).glob("*.yaml")):
        content = path.read_text(encoding="utf-8").casefold()
        assert not re.search(r"leicester|united welsh|bassetlaw|derby homes", content), path.name
