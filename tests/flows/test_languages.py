"""Every language says the same: the same values and numbers, and words to reply with that do what they say."""

import re

import pytest

from flows.folding import fold
from flows.load import ROOT, load_book, load_landlord
from flows.schema import PLACEHOLDER, Ask, Book
from flows.texts import folded_choices, spots

BOOK = load_book(load_landlord(ROOT / "landlords" / "england-council.yaml"))
LANGUAGES = [language for language in BOOK.landlord.languages if language != "en"]
WORDS = {"PERSON": "person", "MENU": "menu", "CARRY ON": "resume"}
LISTS = ("yes", "no", "skip", "hello", "thanks", "questions", "negations", "last", "today", "tomorrow")
# Numbers that are dialled: a wrong digit in one language would cost most in that language.
NUMBER = re.compile(r"\b(?:999|111|55|85258|116 123|0800 111 999|0808 [\d ]{8,9}\d)\b")
FEWEST_EXAMPLES = 4
FAQ_LANGUAGES = frozenset({"cy", "pl", "ro", "pa", "gu", "ur", "bn", "ar", "so"})
"""Languages in which every answer is approved; in the others one that is missing is given in English."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there(language: str) -> None:
    missing = [spot.where for spot in spots(BOOK) if language not in spot.text]
    if language not in FAQ_LANGUAGES:
        missing = [where for where in missing if not where.startswith("faq.")]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_and_numbers_are_those_of_the_english(language: str) -> None:
    wrong = []
    for spot in spots(BOOK):
        if language in spot.text:
            english, other = spot.text["en"].default, spot.text[language].default
            same_values = set(PLACEHOLDER.findall(english)) == set(PLACEHOLDER.findall(other))
            same_numbers = set(NUMBER.findall(english)) == set(NUMBER.findall(other))
            wrong += [] if same_values and same_numbers else [spot.where]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_to_reply_with_does_what_it_says(language: str) -> None:
    wrong = []
    for spot in spots(BOOK):
        for word, meaning in WORDS.items():
            if language in spot.text and re.search(rf"\b{word}\b", spot.text["en"].default):
                said = fold(spot.text[language].default)
                phrases = BOOK.words.always[meaning].get(language, ())  # type: ignore[index]  # a name of AlwaysWord
                wrong += [] if any(fold(phrase) in said for phrase in phrases) else [f"{spot.where}: {word}"]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_always_work_are_there(language: str) -> None:
    always = {word for word, phrases in BOOK.words.always.items() if phrases.get(language)}
    lists = {name for name in LISTS if getattr(BOOK.words, name).get(language)}
    assert always == set(BOOK.words.always)
    assert lists == set(LISTS)
    assert len(BOOK.words.positions[language]) == 10
    assert {"stop", "start"} <= BOOK.words.consent_said.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_label_of_a_choice_fits_a_list(language: str) -> None:
    # WhatsApp Business Platform, "Interactive list messages": 24 characters for the title of a row.
    labels = [
        (spot.where, text.default)
        for spot in spots(BOOK)
        if spot.label and ".choices." in spot.where and (text := spot.text.get(language))
    ]
    assert [(where, text) for where, text in labels if len(text) > 24] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_has_examples(language: str) -> None:
    few = [topic.id for topic in BOOK.faq if len(topic.examples.get(language, ())) < FEWEST_EXAMPLES]
    assert few == [] or language not in FAQ_LANGUAGES


def test_no_phrase_means_two_choices_of_one_question() -> None:
    clashes = []
    for flow in BOOK.flows.values():
        for name, state in flow.states.items():
            said: dict[str, str] = {}
            for choice, _, phrase in folded_choices(state) if isinstance(state, Ask) else ():
                if said.setdefault(phrase, choice) != choice:
                    clashes.append(f"{flow.flow}.{name}: {phrase}")
    assert clashes == []


def test_welsh_is_offered_first_in_wales() -> None:
    wales: Book = load_book(load_landlord(ROOT / "landlords" / "wales-association.yaml"))
    assert wales.landlord.greet_in[0] == "cy"
