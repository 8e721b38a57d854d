"""Trains the second reader of distress from the project's own examples: `hearthline screen --train`.

A logistic regression fitted by full gradient steps, which give the same weights each time on one machine. Nothing but
`flows/safety/examples` is learnt from. What is written carries the hash of the examples, and a test compares the two, so
that nobody changes an example and ships the old weights.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from bot.errors import HearthlineError
from bot.nlu.second import BUCKETS, MEANING, Encode, Net, Reader, Vector, features

Numbers = NDArray[np.float64]

WEIGHTS = {"P0": 1.0, "P1": 1.0, "P2": 0.5, "P3": 1.5}
"""How much an example of a level counts. Distress that is not urgent lies close to what is, so it pulls less."""
ALARMS = {"full": (0.80, 0.90), "plain": (0.80, 0.86)}
"""Score from which each variant raises, and from which it does so against a negation that the phrases saw."""
STEPS = 300
_HOLD_GRAMS = 3e-4
_HOLD_MEANING = 1e-3
_CHUNK = 128


class Example(NamedTuple):
    """A message and how urgent it is."""

    text: str
    level: str
    concern: str


class NoEncoder(HearthlineError):
    """Training needs the encoder."""


def examples(folder: Path) -> list[Example]:
    """Read `<folder>/*.yaml`: groups with a concern, a level and messages, one to a line."""
    found: list[Example] = []
    for path in sorted(folder.glob("*.yaml")):
        for group in yaml.safe_load(path.read_text("utf-8")):
            lines = filter(None, map(str.strip, group["say"].splitlines()))
            found += [Example(line, group["level"], group["concern"]) for line in lines]
    return found


def fingerprint(rows: Sequence[Example]) -> str:
    """Hash of the examples."""
    whole = hashlib.sha256()
    for row in rows:
        whole.update("\x1f".join(row).encode() + b"\x1e")
    return whole.hexdigest()


def train(rows: Sequence[Example], encode: Encode | None) -> Reader:
    """Fit both variants. Raises `NoEncoder`."""
    if encode is None:
        raise NoEncoder("the second reader is trained with the encoder: run `make setup`, then try again")
    meanings = np.vstack([encode([row.text for row in rows[at : at + _CHUNK]]) for at in range(0, len(rows), _CHUNK)])
    return Reader(_fit(rows, meanings, "full"), _fit(rows, None, "plain"), fingerprint(rows))


def write(path: Path, reader: Reader) -> int:
    """Write what `bot.nlu.second.load` reads, and give its size in bytes."""
    kept: dict[str, Any] = {"examples": np.array(reader.examples)}
    for name, net in (("full", reader.full), ("plain", reader.plain)):
        kept[f"{name}_grams"] = net.grams.astype(np.float16)
        kept[f"{name}_meaning"] = net.meaning.astype(np.float16)
        kept[f"{name}_numbers"] = np.array([net.bias, net.alarm, net.firm])
    with path.open("wb") as file:
        np.savez_compressed(file, **kept)
    return path.stat().st_size


class _Problem(NamedTuple):
    """What is to be fitted: feature numbers of all texts end to end, whose they are, what each weighs, and the answers."""

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    value: Numbers
    meanings: Numbers
    urgent: Numbers
    share: Numbers

    def scores(self, grams: Numbers, meaning: Numbers, bias: float) -> Numbers:
        """Probability of urgency of each text."""
        words = np.bincount(self.row, grams[self.column] * self.value, len(self.urgent))
        found: Numbers = 1 / (1 + np.exp(-(words + MEANING * (self.meanings @ meaning) + bias)))
        return found


def _fit(rows: Sequence[Example], meanings: Vector | None, name: str) -> Net:
    numbers = [features(row.text) for row in rows]
    sizes = np.array([len(one) for one in numbers])
    used, column = np.unique(np.concatenate(numbers), return_inverse=True)
    shares = np.array([WEIGHTS[row.level] for row in rows])
    problem = _Problem(
        column,
        np.repeat(np.arange(len(rows)), sizes),
        np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes),
        np.zeros((len(rows), 0)) if meanings is None else meanings.astype(np.float64),
        np.array([row.level in ("P0", "P1") for row in rows], dtype=np.float64),
        shares / shares.sum(),
    )
    weights, meaning, bias = _descend(problem, len(used))
    grams = np.zeros(BUCKETS, np.float32)
    grams[used] = weights
    return Net(grams, meaning.astype(np.float32), bias, *ALARMS[name])


def _descend(problem: _Problem, width: int) -> tuple[Numbers, Numbers, float]:
    """Adam (Kingma and Ba 2015) over all examples at once, with a step that shrinks to nothing."""
    ends = (width, width + problem.meanings.shape[1])
    point = np.zeros(ends[1] + 1)
    hold = np.concatenate([np.full(width, _HOLD_GRAMS), np.full(ends[1] - width, _HOLD_MEANING * MEANING), [0.0]])
    mean, square = np.zeros_like(point), np.zeros_like(point)
    for step in range(1, STEPS + 1):
        grams, meaning, bias = point[: ends[0]], point[ends[0] : ends[1]], float(point[-1])
        wrong = (problem.scores(grams, meaning, bias) - problem.urgent) * problem.share
        slope = np.concatenate(
            [
                np.bincount(problem.column, wrong[problem.row] * problem.value, width),
                MEANING * (problem.meanings.T @ wrong),
                [wrong.sum()],
            ]
        )
        slope += hold * point
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        size = 0.3 * (1 - step / STEPS) + 0.01
        point -= size * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return point[: ends[0]], point[ends[0] : ends[1]], float(point[-1])
