"""The second reader: a small statistical net under the phrases, for what nobody thought to write a phrase for.

A logistic regression over hashed words and letters and, where the English encoder is installed, over the meaning of the
message. Long texts are read in overlapping windows and the most worrying one counts, since people bury the one line that
matters. It was trained on the examples in `flows/safety/examples` and nothing else. Alone it never says more than a
tentative P1, which asks a question and queues a person; what the phrases say stands.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.nlu.language import latin
from bot.nlu.normalise import Token, words
from bot.nlu.understanding import Evidence, Signal

Vector = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vector]
BUCKETS = 1 << 16
WIDTH = 384
MEANING = 2.5
"""How much the meaning weighs against words and letters; both halves of the input have length one."""
RULE = "second reader"
_WINDOW = 24
_STRIDE = 12
_SENTENCE = 4
_MOST_WINDOWS = 8
_MOST_WORDS = 2000
_MOST_TRACES = 4


class ReaderError(ValueError):
    """The trained file cannot be used; the message says what to do."""


class Net(NamedTuple):
    """One trained regression. `meaning` is empty in the variant that reads without the encoder.

    alarm: score in [0, 1] from which it raises. firm: the same where the phrases have found something and taken it back.
    """

    grams: Vector
    meaning: Vector
    bias: float
    alarm: float
    firm: float


class Reader(NamedTuple):
    """Both variants, and the hash of the examples that they were trained on."""

    full: Net
    plain: Net
    examples: str


class Trace(NamedTuple):
    """A word or piece that spoke for (above zero) or against an alarm, in log-odds."""

    text: str
    weight: float


class Reading(NamedTuple):
    """What the second reader makes of a text: the score of its most worrying window, and that window."""

    score: float
    net: Net
    window: str
    span: tuple[int, int]


def load(path: Path) -> Reader:
    """Read what `hearthline screen --train` wrote. Raises `ReaderError`."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            nets = [
                Net(
                    kept[f"{name}_grams"].astype(np.float32),
                    kept[f"{name}_meaning"].astype(np.float32),
                    *(float(number) for number in kept[f"{name}_numbers"]),
                )
                for name in ("full", "plain")
            ]
            return Reader(nets[0], nets[1], str(kept["examples"]))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as problem:
        raise ReaderError(f"{path.name} cannot be read; run `hearthline screen --train`") from problem


def pieces(text: str) -> list[str]:
    """The whole text and, if it is long, its windows: what an encoder should be given for `read`, in this order."""
    return [text[start:end] for start, end in _spans(words(text), len(text))]


def read(reader: Reader, text: str, vectors: Vector | None) -> Reading:
    """Score a text from 0 to 1.

    vectors: one row of unit length for each of `pieces(text)`, or one for the whole text alone; None without encoder.
    """
    found = words(text)
    spans = _spans(found, len(text))
    net, meanings = reader.plain, None
    if vectors is not None:
        net, meanings = reader.full, np.atleast_2d(vectors)
        spans = spans[: len(meanings)]
    best = Reading(0.0, net, "", (0, 0))
    for place, (start, end) in enumerate(spans):
        inside = [token for token in found if start <= token.start < end]
        score = _score(net, _indices(inside), None if meanings is None else meanings[place])
        if score > best.score:
            best = Reading(score, net, text[start:end], (start, end))
    return best


def doubt(reader: Reader, encode: Encode | None, messages: Sequence[str], first: Signal) -> Signal:
    """What both readers make of the last few messages of a tenant, oldest first.

    encode: of the encoder, None without one. first: what the phrases said of them. The last message is read by itself,
    and all together by their words alone, which costs no second run of the encoder. Only Latin letters are read: the
    examples are English, and the phrases know the other scripts.
    """
    last = messages[-1] if messages else ""
    if first.urgent or not latin(last):
        return first
    found = [read(reader, last, None if encode is None else encode(pieces(last)))]
    if len(messages) > 1:
        found.append(read(reader, "\n".join(messages), None)._replace(span=(0, len(last))))
    raised = (signal(reading, lowered=first.lowered) for reading in found)
    return join(first, next((one for one in raised if one.urgent), first))


def signal(reading: Reading, *, lowered: bool = False) -> Signal:
    """Turn a reading into a tentative P1, or into nothing. lowered: the phrases found something and took it back."""
    if reading.score < (reading.net.firm if lowered else reading.net.alarm):
        return Signal()
    traces = [trace.text for trace in strongest(reading) if trace.weight > 0]
    phrase = ", ".join(traces) or "the whole message"
    evidence = Evidence(phrase, "despair", "en", reading.span, f"{RULE} {reading.score:.2f}")
    return Signal("P1", ("despair",), (evidence,), tentative=True)


def join(first: Signal, second: Signal) -> Signal:
    """Let the phrases win; what only the second reader raised stays tentative and keeps the phrases' evidence."""
    if first.urgent or not second.urgent:
        return first
    concerns = tuple(dict.fromkeys((*first.concerns, *second.concerns)))
    return Signal("P1", concerns, (*first.evidence, *second.evidence), first.about, tentative=True)


def strongest(reading: Reading) -> list[Trace]:
    """The words and phrases that spoke loudest in the window that decided, for people who ask why."""
    grams = _grams([token.text for token in words(reading.window)])
    each = _values(len(set(map(_bucket, grams))))
    weights = {gram[1:]: float(reading.net.grams[_bucket(gram)]) * each for gram in grams if gram[0] != "0"}
    ranked = sorted(weights.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    return [Trace(text, weight) for text, weight in ranked[:_MOST_TRACES]]


def features(text: str) -> NDArray[np.int64]:
    """Numbers of the words and pieces of words in a text, each once. Training and reading see the same."""
    return _indices(words(text))


def _indices(found: Sequence[Token]) -> NDArray[np.int64]:
    numbers = sorted({_bucket(gram) for gram in _grams([token.text for token in found[:_MOST_WORDS]])})
    return np.array(numbers, dtype=np.int64)


def _score(net: Net, numbers: NDArray[np.int64], meaning: Vector | None) -> float:
    total = net.bias + float(net.grams[numbers].sum()) * _values(len(numbers))
    if meaning is not None and len(net.meaning):
        total += MEANING * float(net.meaning @ meaning)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


def _values(count: int) -> float:
    """Every feature of a text weighs alike, and all together have length one."""
    return 1.0 / math.sqrt(count) if count else 0.0


def _grams(row: Sequence[str]) -> list[str]:
    """Single words, pairs, threes, pairs with one word between, and the three to five letter pieces of each word."""
    found = [f"1{word}" for word in row]
    found += [f"2{a} {b}" for a, b in zip(row, row[1:], strict=False)]
    found += [f"3{a} {b} {c}" for a, b, c in zip(row, row[1:], row[2:], strict=False)]
    found += [f"2{a} .. {c}" for a, c in zip(row, row[2:], strict=False)]
    for word in row:
        edged = f"<{word[:20]}>"
        found += [f"0{edged[at : at + size]}" for size in (3, 4, 5) for at in range(len(edged) - size + 1)]
    return found


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "surrogatepass")) % BUCKETS


def _spans(found: Sequence[Token], length: int) -> list[tuple[int, int]]:
    """Characters of the whole text, then of windows over its sentences or, where it has none, over its words."""
    whole = [(0, length)]
    if len(found) <= _WINDOW:
        return whole
    cuts = [place for place, token in enumerate(found) if token.gap == 2 or place == 0]
    ends = [*cuts[1:], len(found)]
    spans: list[tuple[int, int]] = []
    for first, last in zip(cuts, ends, strict=True):
        spans += _cut(first, last)
    return whole + [(found[a].start, found[b - 1].end) for a, b in _spread(spans)]


def _cut(first: int, last: int) -> Iterable[tuple[int, int]]:
    if last - first < _SENTENCE:
        return []
    if last - first <= _WINDOW + _STRIDE // 2:
        return [(first, last)]
    return [(at, min(at + _WINDOW, last)) for at in range(first, last - _STRIDE, _STRIDE)]


def _spread(spans: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Keep at most `_MOST_WINDOWS`: short neighbours are read together, whatever the text's length."""
    if len(spans) <= _MOST_WINDOWS:
        return spans
    size = math.ceil(len(spans) / _MOST_WINDOWS)
    return [(spans[at][0], spans[min(at + size, len(spans)) - 1][1]) for at in range(0, len(spans), size)]
