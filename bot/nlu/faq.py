"""Which approved answer fits a question: a classifier chooses, similarity refuses.

`build` turns the bank of example questions into an index; `match` reads it. A question in any language meets the
examples of that language by their letter groups, and English examples besides, because people mix. Nothing here writes
words: the outcome is the id of an approved answer, two or three near ones to choose between, or nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.nlu.ngrams import parts, rarest, rarity, unit
from bot.nlu.understanding import Candidate, FaqMatch

Floats = NDArray[np.float32]

ANSWER_AT = 0.42
ANSWER_LEAD = 0.08
NEAR_AT = 0.3
NEAR_SPREAD = 0.16
NEAR_MOST = 3
_OTHER_LANGUAGE = 0.85
_RIDGE = 0.7


class Topic(Protocol):
    """What the matcher needs of an FAQ topic: its id, and example questions by language."""

    @property
    def id(self) -> str:
        """Name of the answer."""

    @property
    def examples(self) -> Mapping[str, Sequence[str]]:
        """Example questions by BCP 47 language."""


class Index:
    """Example questions made ready for matching. Build it with `build`; it never changes afterwards."""

    def __init__(self, topics: Sequence[str], rows: Sequence[tuple[int, str, str]]) -> None:
        """Index `rows` of (place in topics, language, example question)."""
        self.topics = tuple(topics)
        self.owner = np.array([row[0] for row in rows], dtype=np.int64)
        languages = sorted({row[1] for row in rows})
        self.language = np.array([languages.index(row[1]) for row in rows], dtype=np.int64)
        self.languages = {name: place for place, name in enumerate(languages)}
        counts = [parts(row[2]) for row in rows]
        self.idf = rarity(counts)
        self.strange = rarest(self.idf)
        vectors = [unit(count, self.idf, self.strange) for count in counts]
        self.postings = _postings(vectors)
        self.dual = _ridge(self, vectors)

    def similarity(self, text: str) -> Floats:
        """Cosine between a text and every example, in the order of the rows."""
        return self._similarity(unit(parts(text), self.idf, self.strange))

    def _similarity(self, vector: Mapping[str, float]) -> Floats:
        found = np.zeros(len(self.owner), dtype=np.float32)
        for part, weight in vector.items():
            rows, weights = self.postings[part]
            found[rows] += weights * np.float32(weight)
        return found


def _postings(vectors: Sequence[Mapping[str, float]]) -> dict[str, tuple[NDArray[np.int64], Floats]]:
    rows: dict[str, list[int]] = {}
    weights: dict[str, list[float]] = {}
    for place, vector in enumerate(vectors):
        for part, value in vector.items():
            rows.setdefault(part, []).append(place)
            weights.setdefault(part, []).append(value)
    return {part: (np.array(rows[part], dtype=np.int64), np.array(weights[part], dtype=np.float32)) for part in rows}


def _ridge(index: Index, vectors: Sequence[Mapping[str, float]]) -> Floats:
    """Solve kernel ridge regression of topics on examples, one language at a time (they share few parts)."""
    dual = np.zeros((len(vectors), len(index.topics)), dtype=np.float32)
    for language in index.languages.values():
        mine: list[int] = np.flatnonzero(index.language == language).tolist()
        kernel = np.stack([index._similarity(vectors[row])[mine] for row in mine]).astype(np.float64)
        goal = np.zeros((len(mine), len(index.topics)))
        goal[np.arange(len(mine)), index.owner[mine]] = 1.0
        dual[mine] = np.linalg.solve(kernel + _RIDGE * np.eye(len(mine)), goal)
    return dual


def build(bank: Iterable[Topic]) -> Index:
    """Make an index of the topics' example questions. An empty bank gives an index that never answers."""
    topics = list(bank)
    rows = [
        (place, language, example)
        for place, topic in enumerate(topics)
        for language, examples in topic.examples.items()
        for example in examples
    ]
    return Index([topic.id for topic in topics], rows)


def candidates(index: Index, text: str, language: str | None = None, most: int = 5) -> list[Candidate]:
    """Rank topics for a question, best first; scores run from 0 to 1.

    language: BCP 47 tag, or None when it is not known; other languages' examples count a little less.
    """
    if not index.topics or not len(index.owner):
        return []
    similar = index.similarity(text)
    if language in index.languages:
        similar = np.where(index.language == index.languages[language], similar, similar * np.float32(_OTHER_LANGUAGE))
    near = np.flatnonzero(similar > 0.02)
    if not len(near):
        return []
    chosen = similar[near] @ index.dual[near]
    closest = np.zeros(len(index.topics), dtype=np.float32)
    np.maximum.at(closest, index.owner, similar)
    score = np.clip(0.5 * np.clip(chosen, 0, 1) + 0.5 * closest, 0, 1)
    best = np.argsort(-score, kind="stable")[:most]
    return [Candidate(index.topics[place], round(float(score[place]), 4)) for place in best if score[place] > 0]


def match(index: Index, text: str, language: str | None = None) -> FaqMatch:
    """Decide what to do with a question: one answer, two or three near ones, or neither."""
    ranked = candidates(index, text, language)
    if not ranked:
        return FaqMatch()
    top = ranked[0].score
    lead = top - (ranked[1].score if len(ranked) > 1 else 0.0)
    if top >= ANSWER_AT and lead >= ANSWER_LEAD:
        return FaqMatch(answer=ranked[0].id, score=top)
    if top < NEAR_AT:
        return FaqMatch(score=top)
    near = tuple(c for c in ranked[:NEAR_MOST] if c.score >= max(NEAR_AT * 0.75, top - NEAR_SPREAD))
    return FaqMatch(score=top, near=near)
