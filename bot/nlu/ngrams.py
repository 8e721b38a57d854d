"""What a short text is made of: weighted words, word pairs and letter groups, as a sparse vector of length one.

Letter groups forgive misspelling and endings and need no word lists, so one vector space serves every language.
"""

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from bot.nlu.normalise import words

_WORD, _PAIR, _LETTERS = 1.0, 0.6, 0.35
_LETTER_SIZES = (3, 4, 5)
MAX_WORDS = 60
HASHED = 512
"""Numbers in a vector of `hashed`."""


def parts(text: str) -> dict[str, float]:
    """Count the parts of a text, each kind with its weight. Reads the first `MAX_WORDS` words only."""
    tokens = [token.text for token in words(text[:2000])][:MAX_WORDS]
    found: Counter[str] = Counter()
    for token in tokens:
        found["w" + token] += 1
        padded = f" {token} "
        for size in _LETTER_SIZES:
            for start in range(len(padded) - size + 1):
                found["c" + padded[start : start + size]] += 1
    found.update(f"b{a} {b}" for a, b in zip(["^", *tokens], [*tokens, "$"], strict=True))
    return {part: _weight(part) * (1 + math.log(count)) for part, count in found.items()}


def _weight(part: str) -> float:
    return {"w": _WORD, "b": _PAIR}.get(part[0], _LETTERS)


def rarity(documents: Iterable[Iterable[str]]) -> dict[str, float]:
    """Give each part a weight that grows with its rarity (smoothed inverse document frequency, Spärck Jones 1972)."""
    seen: Counter[str] = Counter()
    total = 0
    for document in documents:
        seen.update(set(document))
        total += 1
    return {part: math.log((1 + total) / (1 + count)) + 1 for part, count in seen.items()}


def rarest(idf: Mapping[str, float]) -> float:
    """The weight of a part that no document has."""
    return max(idf.values(), default=1.0)


def unit(counts: Mapping[str, float], idf: Mapping[str, float], strange: float) -> dict[str, float]:
    """Weigh by rarity and scale to length one; parts never seen count towards the length, so nonsense stays far.

    strange: what a part never seen weighs, usually `rarest(idf)`, which is worked out once.
    """
    weighed = {part: count * idf.get(part, strange) for part, count in counts.items()}
    length = math.sqrt(sum(value * value for value in weighed.values())) or 1.0
    return {part: value / length for part, value in weighed.items() if part in idf}


def hashed(vector: Mapping[str, float], size: int = HASHED) -> NDArray[np.float32]:
    """Press a sparse vector into `size` numbers that keep most of its similarities (Weinberger and others, 2009)."""
    hashes = [zlib.crc32(part.encode("utf-8", "replace")) for part in vector]
    found = np.zeros(size, np.float32)
    signed = [-value if code & 0x80000000 else value for code, value in zip(hashes, vector.values(), strict=True)]
    np.add.at(found, [code % size for code in hashes], signed)
    return found
