"""Warnings about wording: longer, harder or less sure than a tenant deserves."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import phonenumbers

from flows.measure import reading_age, sms_segments
from flows.schema import BASE_LANGUAGE, FAQ_SMS_CHARACTERS, Book
from flows.texts import Spot, filled, spots

_QUANTITY = re.compile(r"\b\d{1,3}[.,]\d{3}\b")
"""Thousands, which other languages part with a point, and which are no telephone numbers."""

Finding = tuple[str, str, str]
"""Kind, where, remedy."""

MOST_SEGMENTS = 3
MOST_READING_AGE = 9.0
"""GOV.UK writes for a reading age of nine (Service Manual, "Writing for user interfaces")."""
READING_SLACK = 1.0
"""The measure is rough on two short sentences, so a text must be clearly above to be reported."""
FEWEST_EXAMPLES = 12
FEWEST_TRANSLATED_EXAMPLES = 4
VERIFIED_FOR = timedelta(days=90)
_SHORT_NUMBERS = frozenset({"999", "111", "101", "116 123", "85258", "55"})
"""Emergency and support numbers that nobody rents: they may stand in any text."""


def long_answers(book: Book) -> Iterator[Finding]:
    """FAQ answers of more than two full segments of plain text."""
    for topic in book.faq:
        answer = topic.answer_in(book.landlord.nation)
        for language in answer:
            length = len(filled(book, answer, language, "sms"))
            if length > FAQ_SMS_CHARACTERS:
                remedy = f"{length} characters in {language}: cut it to {FAQ_SMS_CHARACTERS}, at least for `sms`"
                yield "long-sms-answer", f"faq.{topic.id}.answer", remedy


def many_segments(book: Book) -> Iterator[Finding]:
    """Texts that cost more than three SMS segments, as accents and other scripts soon do."""
    for spot in _messages(book):
        for language in spot.text:
            count = sms_segments(filled(book, spot.text, language, "sms"))
            if count > MOST_SEGMENTS:
                remedy = f"{count} SMS segments in {language}: shorten it, or give it an `sms` variant"
                yield "many-segments", spot.where, remedy


def hard_to_read(book: Book) -> Iterator[Finding]:
    """English above the reading age of nine."""
    for spot in _messages(book):
        if BASE_LANGUAGE in spot.text:
            age = reading_age(filled(book, spot.text, BASE_LANGUAGE, "sms"))
            if age > MOST_READING_AGE + READING_SLACK:
                yield "hard-to-read", spot.where, f"reading age {age:.0f}: use shorter sentences and plainer words"


def unknown_phones(book: Book) -> Iterator[Finding]:
    """Telephone numbers that are neither the landlord's, nor a helpline's, nor an emergency number."""
    known = {_digits(number) for number in _directory(book)}
    for spot in spots(book):
        for language in spot.text:
            for number in _numbers(filled(book, spot.text, language, "sms")):
                if _digits(number) not in known:
                    remedy = f"a number in {language} is nobody's we know: use a placeholder, or add a helpline"
                    yield "unknown-phone", spot.where, remedy


def few_examples(book: Book) -> Iterator[Finding]:
    """Topics that the matcher has too little to learn from."""
    for topic in book.faq:
        for language in book.landlord.languages:
            needed = FEWEST_EXAMPLES if language == BASE_LANGUAGE else FEWEST_TRANSLATED_EXAMPLES
            count = len(topic.examples.get(language, ()))
            if count < needed:
                yield "few-examples", f"faq.{topic.id}", f"{count} examples in {language}: write at least {needed}"


def overdue(book: Book, today: date) -> Iterator[Finding]:
    """Answers past their review, and helplines that nobody has verified for 90 days."""
    for topic in book.faq:
        if topic.review_date < today:
            remedy = f"its review was due on {topic.review_date.isoformat()}: ask {topic.owner}"
            yield "review-overdue", f"faq.{topic.id}", remedy
    for line in book.helplines:
        if line.enabled and (line.verified_on is None or today - line.verified_on > VERIFIED_FOR):
            yield "helpline-unverified", f"helplines.{line.id}", "call it or read its own page, then set `verified_on`"


def _messages(book: Book) -> Iterator[Spot]:
    return (spot for spot in spots(book) if not spot.label)


def _directory(book: Book) -> Iterator[str]:
    yield from _SHORT_NUMBERS
    yield from (book.landlord.out_of_hours_phone, *book.landlord.phones.values())
    for line in book.helplines:
        yield from line.reachable_by.values()


def _numbers(text: str) -> Iterator[str]:
    text = _QUANTITY.sub("", text)
    for found in phonenumbers.PhoneNumberMatcher(text, "GB", leniency=phonenumbers.Leniency.POSSIBLE):
        # Nobody has a number of four digits; years and quantities do.
        if len(_digits(found.raw_string)) != 4:
            yield found.raw_string


def _digits(number: str) -> str:
    return "".join(char for char in number if char.isdecimal())
