"""Chooses among topics by the meaning of their English examples: a classifier to choose, similarity to refuse.

The classifier is a multinomial logistic regression on the encoder's layers and the text's letters; where it would answer
anything at all, the similarity to the topics' centres and to the nearest example says whether the question belongs to the
bank. How similar is enough differs from bank to bank, so each bank sets its own bar: the similarity that nearly all of its
own examples reach when they are left out in turn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.nlu.embedding import meaning

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

LETTERS = 0.15
"""Share of the letters in the similarity that the classifier works on; the rest is the encoder's."""
_PENALTY = 1 / 15
_STEPS = 40
_MOST_FEATURES, _LARGE_FEATURES = 512, 256
_LARGE = 2_000_000
_NEAREST = 1 / 3
_BAR_SHARE = 0.02
_BAR_USUAL, _BAR_USUAL_COUNTS = 0.55, 20
_BAR_LOW, _BAR_HIGH = 0.45, 0.75
_BAR_SAMPLE = 500
_SOFT = 0.08
_SEED = 7


class Meanings(NamedTuple):
    """A classifier of topics made of examples. The last class is what is not ours, if `outside` is true."""

    centre: Floats
    narrow: Floats
    weights: Floats
    bias: Floats
    examples: Floats
    centroids: Floats
    bar: float
    strangers: Floats


def learn(vectors: Floats, letters: Floats, owner: Places, topics: int) -> Meanings:
    """Learn from examples. Rows whose owner is `topics` (one past the last) show what is not ours.

    vectors: as `Encoder.read` gives them. letters: as `ngrams.hashed` gives them. owner: the topic's place, for each row.
    """
    features = _features(vectors, letters)
    centre = features.mean(axis=0)
    features -= centre
    classes = int(owner.max()) + 1
    # Past this many rows times classes every step is felt, and half the features lose a thousandth of what is right.
    narrow = _narrowed(features, _MOST_FEATURES if len(owner) * classes < _LARGE else _LARGE_FEATURES)
    weights, bias = regress(features @ narrow, owner, classes)
    ours, last = owner < topics, meaning(vectors)
    sums = np.zeros((topics, last.shape[1]), np.float32)
    np.add.at(sums, owner[ours], last[ours])
    bar = _bar(last[ours], owner[ours], sums)
    return Meanings(centre, narrow, weights, bias, last[ours], _scaled(sums), bar, last[~ours])


def scores(model: Meanings, vector: Floats, letters: Floats) -> Floats:
    """Score every topic for one question, from 0 to 1. The best one's is how surely the question belongs to the bank.

    The others stand to it as their chances do. vector: of one text, as `Encoder.read` gives it.
    """
    logits = (_features(vector[None], letters[None])[0] - model.centre) @ model.narrow @ model.weights + model.bias
    topics = len(model.centroids)
    last = meaning(vector)
    nearest = float((model.examples @ last).max())
    belongs = _belongs(float((model.centroids @ last).max()) + nearest * _NEAREST, model.bar)
    best = float(logits[:topics].max())
    if len(model.strangers):
        belongs *= _not_strange(best - float(logits[topics]), nearest - float((model.strangers @ last).max()))
    shares: Floats = np.exp(logits[:topics] - best)
    return shares * np.float32(belongs)


def _belongs(similarity: float, bar: float) -> float:
    """Half at the bar, and nearly all or nothing a little above or below it."""
    return float(1 / (1 + np.exp((bar - similarity) / _SOFT)))


def _not_strange(lead: float, nearer: float) -> float:
    """How much is left of a score. lead: of our best topic over what is not ours. nearer: by how much ours is."""
    return float(1 / (1 + np.exp(-1 - 2 * lead - 8 * nearer)))


def _features(vectors: Floats, letters: Floats) -> Floats:
    whole = [vectors * np.float32((1 - LETTERS) ** 0.5), letters * np.float32(LETTERS**0.5)]
    return np.concatenate(whole, axis=1)


def _narrowed(features: Floats, most: int) -> Floats:
    """Find the directions in which most of the features lie (randomised range finder: Halko and others, 2011)."""
    rows, columns = features.shape
    if min(rows, columns) <= most:
        return np.linalg.qr(features.T)[0] if rows < columns else np.eye(columns, dtype=np.float32)
    random = np.random.default_rng(_SEED).standard_normal((columns, most)).astype(np.float32)
    found: Floats = np.linalg.qr(features.T @ (features @ random))[0]
    return found


def regress(features: Floats, owner: Places, classes: int) -> tuple[Floats, Floats]:
    """Multinomial logistic regression by Nesterov's accelerated descent, with a fixed number of steps.

    owner: the class of each row, from 0. Returns the weights as (features, classes), and each class's bias.
    """
    rows, columns = features.shape
    step = np.float32(1 / (0.5 * _largest(features) + _PENALTY))
    weights: Floats = np.zeros((columns, classes), np.float32)
    bias: Floats = np.zeros(classes, np.float32)
    ahead, bias_ahead = weights, bias
    pace = 1.0
    for _ in range(_STEPS):
        error = _softmax(features @ ahead + bias_ahead)
        error[np.arange(rows), owner] -= 1
        slope: Floats = features.T @ error + np.float32(_PENALTY) * ahead
        stepped: Floats = ahead - step * slope
        bias_stepped: Floats = bias_ahead - step * error.sum(axis=0)
        following = (1 + (1 + 4 * pace * pace) ** 0.5) / 2
        swing = np.float32((pace - 1) / following)
        ahead = stepped + swing * (stepped - weights)
        bias_ahead = bias_stepped + swing * (bias_stepped - bias)
        weights, bias, pace = stepped, bias_stepped, following
    return weights, bias


def _largest(features: Floats) -> float:
    """The largest eigenvalue of the features' products, from above, by the power method."""
    vector = np.ones(features.shape[1], np.float32)
    size = 1.0
    for _ in range(20):
        vector = features.T @ (features @ (vector / max(float(np.linalg.norm(vector)), 1e-9)))
        size = float(np.linalg.norm(vector))
    return 1.05 * size


def _softmax(values: Floats) -> Floats:
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)
    return values


def _bar(last: Floats, owner: Places, sums: Floats) -> float:
    """The similarity that nearly all examples reach when left out; a small bank leans on what is usual."""
    chosen = np.arange(len(last))
    if len(chosen) > _BAR_SAMPLE:
        chosen = np.random.default_rng(_SEED).choice(chosen, _BAR_SAMPLE, replace=False)
    row = np.arange(len(chosen))
    near = last[chosen] @ last.T
    near[row, chosen] = -1
    central = last[chosen] @ _scaled(sums).T
    without = _scaled(sums[owner[chosen]] - last[chosen])
    central[row, owner[chosen]] = np.einsum("ij,ij->i", without, last[chosen])
    reached = central.max(axis=1) + near.max(axis=1) * np.float32(_NEAREST)
    found = float(np.quantile(reached, _BAR_SHARE))
    weighed = (len(last) * found + _BAR_USUAL_COUNTS * _BAR_USUAL) / (len(last) + _BAR_USUAL_COUNTS)
    return min(max(weighed, _BAR_LOW), _BAR_HIGH)


def _scaled(rows: Floats) -> Floats:
    found: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
    return found
