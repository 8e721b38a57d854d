"""Every conversation that is shipped is patient, keeps a way out, and is short when all of its values stand in it."""

import re

import pytest

from flows.folding import fold
from flows.load import ROOT, load_book, load_landlord
from flows.measure import is_gsm7
from flows.schema import FAQ_SMS_CHARACTERS, PLACEHOLDER, AlwaysWord, Ask, Book, Handoff
from flows.texts import Spot, spots

BOOKS = {path.stem: load_book(load_landlord(path)) for path in sorted((ROOT / "landlords").glob("*.yaml"))}
BOOK = BOOKS["england-council"]
ASKED = [(flow, name, state) for flow in BOOK.flows.values() for name, state in flow.states.items()]
QUESTIONS = [(flow.flow, name, state) for flow, name, state in ASKED if isinstance(state, Ask)]
HANDOFFS = [(flow.flow, name, state) for flow, name, state in ASKED if isinstance(state, Handoff)]
LONG_VALUES = {
    "hours": "We are closed now and open at 8.30am on Wednesday.",
    "opens": "at 8.30am on Wednesday",
    "closes": "5.30pm",
    "officer": "Tomasz Zielinski",
    "patch": "Mill Lane and Canal Side",
    "day": "Wednesday 30 December",
    "time": "9.30am to 12.30pm",
    "place": "Marlbeck Library in Market Street",
    "access": "step-free",
}
"""Values that only a conversation knows, as long as the shipped ones get."""
LONGEST_MENU = 6
WITHOUT_PATIENCE = {"menu", "language", "person", "contact", "pay-rent"}
"""Flows that lose nothing when they are left: a reminder of them would only be in the way."""


@pytest.mark.parametrize(("flow", "name", "state"), QUESTIONS, ids=lambda part: part if isinstance(part, str) else "")
def test_a_question_is_put_differently_the_second_time_and_names_a_way_out(flow: str, name: str, state: Ask) -> None:
    if flow == "language":
        pytest.skip("the names of languages cannot be put more simply")
    assert state.again is not None, "a tenant who did not understand it once will not the second time"
    person = any(choice.id == "person" for choice in state.choices)
    for language, wording in state.again.items():
        assert wording.default != state.text[language].default
        assert person or says_word("person", wording.default, language), f"{language}: {wording.default}"


def says_word(word: AlwaysWord, text: str, language: str) -> bool:
    """Whether a text names one of the words that do what the tenant is told they do."""
    return any(fold(phrase) in fold(text) for phrase in BOOK.words.always[word].get(language, ()))


@pytest.mark.parametrize("flow", sorted(BOOK.flows))
def test_a_conversation_waits_kindly(flow: str) -> None:
    asks = any(of == flow for of, _, _ in QUESTIONS)
    patience = BOOK.flows[flow].patience
    assert (patience is not None) == (asks and flow not in WITHOUT_PATIENCE)
    if patience is not None:
        assert patience.remind_after_hours < 24, "later than that WhatsApp needs a template"
        assert not re.search(r"expire|close[ds]?\b|timed out", patience.text["en"].default)


@pytest.mark.parametrize("landlord", sorted(BOOKS))
@pytest.mark.parametrize("spot", [spot for spot in spots(BOOK) if spot.flow and not spot.label], ids=lambda s: s.where)
def test_english_fits_two_messages_with_its_values(spot: Spot, landlord: str) -> None:
    said = with_values(BOOKS[landlord], spot)
    assert is_gsm7(said)
    assert len(said) <= FAQ_SMS_CHARACTERS, said


def with_values(book: Book, spot: Spot) -> str:
    deadlines = dict.fromkeys(book.landlord.deadlines, "Wednesday 30 December")
    known = {**LONG_VALUES, **deadlines}
    return PLACEHOLDER.sub(
        lambda found: known.get(found[1]) or book.landlord.value(found[1], "en") or "", spot.text["en"].on("sms")
    )


def test_the_menu_is_short() -> None:
    menu = BOOK.flows["menu"]
    first = menu.states[menu.start]
    assert isinstance(first, Ask)
    assert len(first.choices) <= LONGEST_MENU
    # WhatsApp shows no more than ten rows in a list (Meta, Cloud API, "Interactive list messages").
    assert all(len(state.choices) + (state.skip is not None) <= 10 for _, _, state in QUESTIONS)


@pytest.mark.parametrize(("flow", "name", "state"), HANDOFFS, ids=lambda part: part if isinstance(part, str) else "")
def test_handing_over_says_that_it_happens_and_never_that_it_has(flow: str, name: str, state: Handoff) -> None:
    assert state.text is not None
    said = state.text["en"].default
    assert re.search(r"\bI am (also )?(passing|asking)|I have added", said), said
    assert not re.search(r"\b(I|we) have (passed|told|asked|alerted)|will (come|call|ring|visit)\b", said), said


@pytest.mark.parametrize("name", ["hate-crime", "asb"])
def test_somebody_who_is_not_safe_to_write_to_gets_no_telling_words(name: str) -> None:
    telling = re.compile(r"hate|threat|police|neighbour|afraid|violence|101", re.IGNORECASE)
    flow = BOOK.flows[name]
    quiet = [state for key, state in flow.states.items() if key.endswith("quiet") and isinstance(state, Handoff)]
    assert quiet
    for text in (*(state.text for state in quiet), flow.patience and flow.patience.text):
        assert text
        assert not telling.search(text["en"].default)
