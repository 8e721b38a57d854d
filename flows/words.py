"""Words that the engine understands by itself, and how each language says when."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import Field

from flows.folding import fold
from flows.wording import AlwaysWord, ConsentWord, Language, Model, Phrases

PlainWords = Literal[
    "yes", "no", "skip", "hello", "thanks", "questions", "negations", "fillers", "last", "today", "tomorrow"
]
_PLAIN: tuple[PlainWords, ...] = get_args(PlainWords)


class LanguageName(Model):
    """A language that the line speaks: its own name for itself, and the words that ask for it."""

    name: str
    words: tuple[str, ...]


class Calendar(Model):
    """How a language says when: `{time}`, `{day}`, `{number}` and `{month}` are filled. `days` begin on Monday.

    months: from January; without them a date is said in figures. on_date: a date as it may follow "by" or "on".
    """

    days: Annotated[tuple[str, ...], Field(min_length=7, max_length=7)]
    today: str
    tomorrow: str
    weekday: str
    morning: str
    afternoon: str
    months: Annotated[tuple[str, ...], Field(max_length=12)] = ()
    on_date: str = "{number} {month}"


class Words(Model):
    """Words that the engine understands by itself, in every language at once.

    positions: for each place in a list, the words that mean it ("second", "two"). fillers: words that may stand around
    a choice without changing it. negations: words that make "contains the label" mean nothing. questions: words that
    open a question.
    """

    languages: Mapping[Language, LanguageName]
    always: Mapping[AlwaysWord, Phrases]
    consent: Mapping[ConsentWord, Phrases]
    yes: Phrases
    no: Phrases
    skip: Phrases
    hello: Phrases
    thanks: Phrases
    questions: Phrases
    negations: Phrases
    fillers: Phrases
    last: Phrases
    today: Phrases
    tomorrow: Phrases
    positions: Mapping[Language, tuple[tuple[str, ...], ...]]
    calendar: Mapping[Language, Calendar]

    @cached_property
    def always_said(self) -> Mapping[str, AlwaysWord]:
        """Folded phrase to the word that always works."""
        return {fold(said): word for word, phrases in self.always.items() for said in _every(phrases)}

    @cached_property
    def consent_said(self) -> Mapping[str, ConsentWord]:
        """Folded word to its meaning for consent."""
        return {fold(said): word for word, phrases in self.consent.items() for said in _every(phrases)}

    @cached_property
    def language_said(self) -> Mapping[str, str]:
        """Folded name of a language to its tag."""
        return {
            fold(said): tag for tag, language in self.languages.items() for said in (language.name, *language.words)
        }

    def folded(self, kind: PlainWords) -> frozenset[str]:
        """One of the plain lists in all languages at once, folded."""
        return self._lists[kind]

    @cached_property
    def _lists(self) -> Mapping[str, frozenset[str]]:
        return {kind: frozenset(map(fold, _every(getattr(self, kind)))) for kind in _PLAIN}

    @cached_property
    def place_said(self) -> Mapping[str, int]:
        """Folded word to the place in a list that it means, from 1."""
        return {
            fold(said): place
            for places in self.positions.values()
            for place, words in enumerate(places, start=1)
            for said in words
        }


def _every(phrases: Phrases) -> Iterator[str]:
    for words in phrases.values():
        yield from words
