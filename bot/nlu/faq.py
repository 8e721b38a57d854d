"""Which approved answer fits a question: a classifier chooses, similarity refuses.

`build` turns the bank of example questions into an index; `match` reads it. English is matched by meaning where an encoder
is given (`bot.nlu.meanings`). Every other language, and English without an encoder, meets the examples of all languages by
their letter groups, because people mix. Nothing here writes words: the outcome is the id of an approved answer, two or
three near ones to choose between, or nothing.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.nlu import meanings
from bot.nlu.language import latin
from bot.nlu.letters import indexed, ridge
from bot.nlu.ngrams import hashed
from bot.nlu.understanding import Candidate, FaqMatch

Floats = NDArray[np.float32]
Read = Callable[[Sequence[str]], Floats]
"""`Encoder.read`."""

ANSWER_AT = 0.5
"""Score from which a question surely belongs to the bank."""
CONCERN_AT = 0.7
"""The same for a topic whose answer is a crisis text: a wrong one frightens."""
NEAR_AT = 0.2
"""Score below which nothing is offered."""
LEVEL = 0.9
"""Two topics whose scores are nearer than this are asked about: the better one is right little more than half the time."""
NEAR_SHARE = 0.4
NEAR_MOST = 3
ENGLISH = "en"
OUTSIDE = Path(__file__).parent / "outside.yaml"
_OTHER_LANGUAGE = 0.85
_LETTERS_BAR = 0.42
_LETTERS_SOFT, _FEW_EXAMPLES_SOFT = 0.1, 0.16
_LETTERS_SHARE = 0.4
_LIKE = 0.02


class Topic(Protocol):
    """What the matcher needs of an FAQ topic: its id, and example questions by language. It may have a `concern`."""

    @property
    def id(self) -> str:
        """Name of the answer."""

    @property
    def examples(self) -> Mapping[str, Sequence[str]]:
        """Example questions by BCP 47 language."""


class Row(NamedTuple):
    """One example: the place of its topic, its language and its words."""

    place: int
    language: str
    text: str


class Index:
    """Example questions made ready for matching. Build it with `build`; it never changes afterwards."""

    def __init__(self, topics: Sequence[Topic], rows: Sequence[Row], read: Read | None) -> None:
        """Index `rows`; those of the place after the last topic show what is not ours."""
        self.topics = tuple(topic.id for topic in topics)
        self.grave = frozenset(topic.id for topic in topics if _is_grave(topic))
        self.owner = np.array([row.place for row in rows], dtype=np.int64)
        languages = sorted({row.language for row in rows})
        self.language = np.array([languages.index(row.language) for row in rows], dtype=np.int64)
        self.languages = {name: place for place, name in enumerate(languages)}
        self.letters, weighed = indexed([row.text for row in rows])
        self.meanings = _meanings(len(self.topics), rows, weighed, read) if read is not None else None
        self.read = read if self.meanings is not None else None
        solved = [name for name in languages if self.read is None or name != ENGLISH]
        groups = [np.flatnonzero(self.language == self.languages[name]).tolist() for name in solved]
        self.dual = ridge(self.letters, groups, self.owner, len(self.topics) + 1)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the encoder out: whoever keeps an index gives it one again."""
        return {**self.__dict__, "read": None}


def _meanings(
    topics: int, rows: Sequence[Row], weighed: Sequence[Mapping[str, float]], read: Read
) -> meanings.Meanings | None:
    """Learn the English examples, and the strangers among them; None if no topic has any."""
    english = [place for place, row in enumerate(rows) if row.language == ENGLISH]
    owner = np.array([rows[place].place for place in english], dtype=np.int64)
    if not (owner < topics).any():
        return None
    letters = np.stack([hashed(weighed[place]) for place in english])
    return meanings.learn(read([rows[place].text for place in english]), letters, owner, topics)


def _is_grave(topic: Topic) -> bool:
    """Whether a wrong answer would do harm: it gives crisis words, or always brings a person at once."""
    rules = getattr(topic, "escalate_on", ())
    return bool(getattr(topic, "concern", None)) or any(rule.level in ("P0", "P1") and not rule.words for rule in rules)


def build(bank: Iterable[Topic], read: Read | None = None, outside: Sequence[str] = ()) -> Index:
    """Make an index of the topics' example questions. An empty bank gives an index that never answers.

    read: of an encoder, to match English by meaning. outside: English questions that no topic answers.
    """
    topics = list(bank)
    rows = [
        Row(place, language, example)
        for place, topic in enumerate(topics)
        for language, examples in topic.examples.items()
        for example in examples
    ]
    return Index(topics, rows + [Row(len(topics), ENGLISH, text) for text in outside] if rows else [], read)


@cache
def strangers() -> tuple[str, ...]:
    """What tenants write that none of the shipped answers is for, to `build` with."""
    import yaml

    data: Mapping[str, Sequence[str]] = yaml.load(OUTSIDE.read_text("utf-8"), Loader=yaml.BaseLoader)
    return tuple(text for texts in data.values() for text in texts)


def candidates(index: Index, text: str, language: str | None = None, most: int = 5) -> list[Candidate]:
    """Rank topics for a question, best first; scores run from 0 to 1.

    language: BCP 47 tag of the question, or None when it is not known; other languages' examples count a little less.
    """
    if not len(index.owner):
        return []
    weighed = index.letters.weigh(text)
    score = _by_letters(index, text, weighed, language)
    if index.meanings is not None and index.read is not None and reads_as_english(text, language):
        score = np.maximum(score, meanings.scores(index.meanings, index.read([text])[0], hashed(weighed)))
    best = np.argsort(-score, kind="stable")[:most]
    return [Candidate(index.topics[place], round(float(score[place]), 4)) for place in best if score[place] > 0]


def reads_as_english(text: str, language: str | None) -> bool:
    """Whether the encoder may be asked: it knows English only. language: of the text, None when it is not known."""
    return language in (None, ENGLISH) and latin(text)


def _by_letters(index: Index, text: str, weighed: Mapping[str, float], language: str | None) -> Floats:
    """Score topics by letter groups. What is English to the eye, and matched by meaning, has no say here."""
    similar = index.letters.similarity(weighed)
    if language in index.languages:
        similar = np.where(index.language == index.languages[language], similar, similar * np.float32(_OTHER_LANGUAGE))
    if index.meanings is not None and reads_as_english(text, language):
        english = index.language == index.languages[ENGLISH]
        foreign = np.where(english, np.float32(0), similar)
        similar = foreign if foreign.max() > np.where(english, similar, np.float32(0)).max() else foreign * 0
    # Other languages have a few examples each, so that even what belongs is far from all of them: there we ask sooner.
    return _scored(index, similar, _LETTERS_SOFT if language in (None, ENGLISH) else _FEW_EXAMPLES_SOFT)


def _scored(index: Index, similar: Floats, soft: float) -> Floats:
    """Turn likeness to the examples into scores: half by the classifier, half by the nearest example."""
    near = np.flatnonzero(similar > _LIKE)
    closest = np.zeros(len(index.topics) + 1, dtype=np.float32)
    np.maximum.at(closest, index.owner[near], similar[near])
    every = 0.5 * np.clip(similar[near] @ index.dual[near], 0, 1) + 0.5 * closest
    score, strange = every[:-1], float(every[-1])
    best = float(score.max(initial=0.0))
    belongs = 1 / (1 + math.exp((_LETTERS_BAR - best) / soft))
    if strange > 0:
        belongs /= 1 + math.exp((strange - best) / _LETTERS_SOFT)
    found: Floats = np.where(score > 0, belongs * np.exp((score - best) / _LETTERS_SHARE), 0).astype(np.float32)
    return found


def match(index: Index, text: str, language: str | None = None) -> FaqMatch:
    """Decide what to do with a question: one answer, two or three near ones, or neither."""
    return decide(index, candidates(index, text, language))


def decide(index: Index, ranked: Sequence[Candidate]) -> FaqMatch:
    """Decide from the ranked topics, as `candidates` gives them."""
    if not ranked or ranked[0].score < NEAR_AT:
        return FaqMatch(score=ranked[0].score if ranked else 0.0)
    top, second = ranked[0], ranked[1].score if len(ranked) > 1 else 0.0
    grave = top.id in index.grave
    if top.score >= (CONCERN_AT if grave else ANSWER_AT) and second <= LEVEL * top.score:
        return FaqMatch(answer=top.id, score=top.score)
    near = [one for one in ranked[:NEAR_MOST] if one.score >= NEAR_SHARE * top.score]
    kept = tuple(one for one in near if one.id not in index.grave or one.score >= ANSWER_AT)
    return FaqMatch(score=top.score, near=kept)
