"""Which of many example texts a text resembles letter by letter: an inverted index of their parts, in a few arrays.

Works in every language and script without a word list, forgives misspelling, and tells nothing of meaning.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bot.nlu.ngrams import parts, rarest, rarity, unit

Floats = NDArray[np.float32]
_RIDGE = 0.7
_RIDGE_MOST = 3000


class Letters:
    """Examples indexed by their parts. It never changes once made."""

    def __init__(self, idf: Mapping[str, float], vectors: Sequence[Mapping[str, float]]) -> None:
        """Made by `indexed`; the order of the vectors is that of every answer."""
        self.idf = idf
        self.strange = rarest(idf)
        self.size = len(vectors)
        self._place = {part: place for place, part in enumerate(idf)}
        self._starts, self._rows, self._weights = _inverted(vectors, self._place)

    def weigh(self, text: str) -> dict[str, float]:
        """Weigh a text's parts; only those that some example has."""
        return unit(parts(text), self.idf, self.strange)

    def similarity(self, vector: Mapping[str, float]) -> Floats:
        """Cosine between a text that `weigh` has weighed and every example."""
        places = [self._place[part] for part in vector]
        if not places:
            return np.zeros(self.size, np.float32)
        spans = [slice(self._starts[place], self._starts[place + 1]) for place in places]
        lengths = [span.stop - span.start for span in spans]
        rows = np.concatenate([self._rows[span] for span in spans])
        weights = np.concatenate([self._weights[span] for span in spans])
        weights *= np.repeat(np.array(list(vector.values()), np.float32), lengths)
        return np.bincount(rows, weights, self.size).astype(np.float32)

    def dense(self, chosen: Sequence[int]) -> Floats:
        """The cosines among some of the examples."""
        inside = np.full(self.size, -1)
        inside[list(chosen)] = np.arange(len(chosen))
        kept = np.flatnonzero(inside[self._rows] >= 0)
        part = np.repeat(np.arange(len(self._starts) - 1), np.diff(self._starts))[kept]
        names = np.unique(part, return_inverse=True)[1]
        table = np.zeros((len(chosen), int(names.max(initial=-1)) + 1), np.float32)
        table[inside[self._rows[kept]], names] = self._weights[kept]
        found: Floats = table @ table.T
        return found


def indexed(texts: Sequence[str]) -> tuple[Letters, list[dict[str, float]]]:
    """Index texts, and give each as `Letters.weigh` would."""
    counts = [parts(text) for text in texts]
    idf = rarity(counts)
    strange = rarest(idf)
    vectors = [unit(count, idf, strange) for count in counts]
    return Letters(idf, vectors), vectors


def _inverted(
    vectors: Sequence[Mapping[str, float]], place: Mapping[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """For each part, where its rows begin; then the rows and weights of all parts, one part after the other."""
    parts_ = np.array([place[part] for vector in vectors for part in vector], np.int64)
    rows = np.repeat(np.arange(len(vectors), dtype=np.int32), [len(vector) for vector in vectors])
    weights = np.array([weight for vector in vectors for weight in vector.values()], np.float32)
    order = np.argsort(parts_, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(parts_, minlength=len(place)))]).astype(np.int64)
    return starts, rows[order], weights[order]


def ridge(letters: Letters, groups: Sequence[Sequence[int]], owner: NDArray[np.int64], classes: int) -> Floats:
    """Solve kernel ridge regression of classes on examples, one group of examples at a time.

    groups: places of examples, for instance those of one language. In a group too large to solve the nearest example
    will decide. Returns, for each example, what it says for each class.
    """
    dual = np.zeros((letters.size, classes), np.float32)
    for group in groups:
        goal = np.zeros((len(group), classes))
        goal[np.arange(len(group)), owner[list(group)]] = 1.0
        kernel = letters.dense(group).astype(np.float64) if len(group) <= _RIDGE_MOST else None
        dual[list(group)] = goal if kernel is None else np.linalg.solve(kernel + _RIDGE * np.eye(len(group)), goal)
    return dual
