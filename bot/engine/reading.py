"""What an answer says: numbers, words, ordinals, buttons and misspellings read as one of the choices, in any language.

Every reader returns None when it cannot tell, and guesses only when a single choice is near.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from rapidfuzz.distance import OSA

from flows.folding import fold
from flows.schema import Words

LOOSE_WORDS = 6
"""A message longer than this, fillers aside, is a story: a label inside it is not taken for the answer."""
_EDITS = ((3, 0), (6, 1), (10, 2), (10_000, 3))
_MOST_SLIPS = max(slips for _, slips in _EDITS)
"""Letters of a word, and how many slips in it are forgiven: none in two letters, where every slip is another word."""
# A postcode's shape, after the format in the Government's Bulk Data Transfer specification (CBDS).
_POSTCODE = re.compile(r"\b([a-z]{1,2}\d[a-z\d]?)\s?(\d[abd-hjlnp-uw-z]{2})\b")
_PHONE = re.compile(r"(?:\+|00)?[\d\s().-]{9,20}")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
_NAMED_DAY = re.compile(r"\b(\d{1,2})[^\W\d]{0,4}\.?\s+(?:of\s+|o\s+|de\s+|di\s+)?([^\W\d_]{3,})(?:\s+(\d{4}))?")
_CHINESE_DAY = re.compile(r"(\d{1,2})\s*月\s*(\d{1,2})")
_HALF_A_YEAR = timedelta(days=180)
_DAY = re.compile(r"\b(\d{1,2})[/. -](\d{1,2})(?:[/. -](\d{4}|\d{2}))?\b")


@dataclass(frozen=True)
class Answer:
    """One possible answer: its id and everything that means it, folded."""

    id: str
    says: tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """The answer found. `sure` is False when the label only stood inside the message or was misspelt."""

    id: str
    sure: bool


# Approved words are few and come back all the time. What tenants write is never kept here.
_approved = lru_cache(maxsize=8192)(fold)


def answers(options: Iterable[tuple[str, Iterable[str]]]) -> tuple[Answer, ...]:
    """Options as (id, labels and other words in every language)."""
    return tuple(Answer(name, tuple(filter(None, map(_approved, says)))) for name, says in options)


def read_choice(text: str, options: Sequence[Answer], words: Words) -> Read | None:
    """Which option the tenant means, or None. The options are numbered from 1 in their order. text: folded or not."""
    said = fold(text)
    if not said or not options:
        return None
    bare = _without_fillers(said, words)
    exact = _exact(said, options) or _exact(bare, options)
    if exact:
        return Read(exact, True)
    place = _place(said, bare, len(options), words)
    if place:
        return Read(options[place - 1].id, True)
    loose = _first_word(said, options) or _inside(bare, options, words) or _misspelt(said, bare, options)
    return Read(loose, False) if loose else None


def _without_fillers(said: str, words: Words) -> str:
    fillers = words.folded("fillers")
    return " ".join(word for word in said.split() if word not in fillers)


def _exact(said: str, options: Sequence[Answer]) -> str | None:
    return _only(option.id for option in options if said in option.says)


def _place(said: str, bare: str, count: int, words: Words) -> int | None:
    """The number meant by "2)", "two", "the second one" or "last", if it is the whole message."""
    for text in (said, bare.removeprefix("no ")):
        parts = text.split()
        if len(parts) == 1:
            place = _place_of(parts[0], count, words)
            if place:
                return place
    # "option one": every word is a filler, and one of them is a number all the same.
    places = {words.place_said[word] for word in said.split() if word in words.place_said} if not bare else set()
    place = places.pop() if len(places) == 1 else 0
    return place if 1 <= place <= count else None


def _place_of(word: str, count: int, words: Words) -> int | None:
    if word in words.folded("last"):
        return count
    place = int(word) if word.isdecimal() and len(word) <= 3 else words.place_said.get(word, 0)
    return place if 1 <= place <= count else None


def _first_word(said: str, options: Sequence[Answer]) -> str | None:
    """A short answer may go on after its first word, "yes there's a baby", if it names no other choice."""
    first, *rest = said.split()
    if len(rest) >= LOOSE_WORDS:
        return None
    padded = f" {' '.join(rest)} "
    named = {option.id for option in options if any(f" {says} " in padded for says in option.says)}
    found = _only(option.id for option in options if first in option.says)
    return found if found and named <= {found} else None


def _inside(bare: str, options: Sequence[Answer], words: Words) -> str | None:
    parts = bare.split()
    if len(parts) > LOOSE_WORDS or words.folded("negations").intersection(parts):
        return None
    padded = f" {bare} "
    found = {
        option.id: max((_length(says) for says in option.says if f" {says} " in padded), default=0)
        for option in options
    }
    # The longer phrase says more: a short word of one language may be part of what was said in another.
    longest = max(found.values())
    return _only(name for name, length in found.items() if length == longest) if longest else None


def _length(phrase: str) -> int:
    return phrase.count(" ") + 1


def _misspelt(said: str, bare: str, options: Sequence[Answer]) -> str | None:
    texts = {said, bare}
    return _only(option.id for option in options if any(_near_any(text, option.says) for text in texts))


def _near_any(text: str, phrases: Iterable[str]) -> bool:
    """Whether one of many phrases is near: most are ruled out by their length, which is all that is looked at first."""
    length = len(text)
    return any(abs(length - len(says)) <= _MOST_SLIPS and _near(text, says) for says in phrases)


def _near(text: str, says: str) -> bool:
    apart, shorter = abs(len(text) - len(says)), min(len(text), len(says))
    slips = next(allowed for letters, allowed in _EDITS if shorter < letters)
    return 0 < slips >= apart and OSA.distance(text, says, score_cutoff=slips) <= slips


def _only(found: Iterable[str]) -> str | None:
    distinct = set(found)
    return distinct.pop() if len(distinct) == 1 else None


def near_phrase(text: str, phrases: Mapping[str, str]) -> str | None:
    """What a misspelt phrase means ("mneu"), if it is near to phrases of one meaning only."""
    said = fold(text)
    return _only(meaning for phrase, meaning in phrases.items() if len(phrase) > 3 and _near_any(said, (phrase,)))


def choice_inside(text: str, options: Sequence[Answer]) -> str | None:
    """The one option whose words stand in a longer text, such as a room in the description of a fault."""
    padded = f" {fold(text)} "
    return _only(option.id for option in options if any(f" {says} " in padded for says in option.says))


def is_question(text: str, words: Words) -> bool:
    """Whether the words ask something, by their mark or their first word."""
    said = fold(text).split()
    return text.rstrip().endswith(("?", "؟", "？")) or (len(said) > 2 and said[0] in words.folded("questions"))


def read_number(text: str, minimum: float | None, maximum: float | None) -> str | None:
    """The only number in the text, if it lies within the limits (both included)."""
    found = _NUMBER.findall(text)
    if len(found) != 1:
        return None
    value = float(found[0].replace(",", "."))
    below, above = minimum is not None and value < minimum, maximum is not None and value > maximum
    return None if below or above else f"{value:g}"


def read_postcode(text: str) -> str | None:
    """A United Kingdom postcode, in capitals with its space."""
    found = _POSTCODE.search(text.casefold())
    return f"{found[1]} {found[2]}".upper() if found else None


def read_phone(text: str) -> str | None:
    """A telephone number of 10 to 15 digits (E.164's most), as digits with a leading + where it was written so."""
    found = _PHONE.search(text)
    digits = re.sub(r"\D", "", found[0]) if found else ""
    if not found or not 10 <= len(digits) <= 15:
        return None
    return ("+" if found[0].strip().startswith("+") else "") + digits


_SHORTEST_DAY = 3


def read_date(text: str, today: date, words: Words) -> str | None:
    """A day as ISO 8601: "3/6", "3rd June", "tomorrow" or the next day of that weekday. today: the local date.

    Without a year it is this year's, or next year's if this one's is more than half a year ago.
    """
    found = _DAY.search(text)
    if found:
        return _calendar_day(int(found[1]), int(found[2]), found[3], today)
    named = _NAMED_DAY.search(text.casefold())
    month = _month(named[2], words) if named else None
    if named and month:
        return _calendar_day(int(named[1]), month, named[3], today)
    chinese = _CHINESE_DAY.search(text)
    if chinese:
        return _calendar_day(int(chinese[2]), int(chinese[1]), None, today)
    said = f" {fold(text)} "
    for days, near in enumerate((words.folded("today"), words.folded("tomorrow"))):
        if any(f" {word} " in said for word in near):
            return (today + timedelta(days=days)).isoformat()
    weekday = _weekday(said, words)
    return None if weekday is None else (today + timedelta(days=(weekday - today.weekday()) % 7 or 7)).isoformat()


def _weekday(said: str, words: Words) -> int | None:
    """The weekday from Monday, 0, that is named in any language: its whole name before a part of one. said: padded."""
    names = [
        (fold(name), weekday) for calendar in words.calendar.values() for weekday, name in enumerate(calendar.days)
    ]
    whole = [(len(name), weekday) for name, weekday in names if f" {name} " in said]
    if whole:
        return max(whole)[1]
    parts = said.split()
    return next((weekday for name, weekday in names if any(_is_weekday(part, name) for part in parts)), None)


def _is_weekday(part: str, name: str) -> bool:
    """Whether a word is the name of a day without its "on", or in another case ("środa" for "w środę")."""
    bare = name.split()[-1]
    if len(bare) < _SHORTEST_DAY:
        return False
    return part == bare or (len(bare) > _SHORTEST_DAY and part[:-1] == bare[:-1])


def _month(name: str, words: Words) -> int | None:
    """The month from 1 that a word of at least three letters begins, in any language."""
    start = fold(name)
    return next(
        (
            number
            for calendar in words.calendar.values()
            for number, month in enumerate(calendar.months, start=1)
            if fold(month).startswith(start)
        ),
        None,
    )


def _calendar_day(day: int, month: int, year: str | None, today: date) -> str | None:
    full = today.year if year is None else int(year) + (2000 if len(year) == 2 else 0)
    try:
        found = date(full, month, day)
        return (found.replace(year=full + 1) if year is None and today - found > _HALF_A_YEAR else found).isoformat()
    except ValueError:
        # 31/02 is a slip of the finger: the question is asked again.
        return None
