"""The encoder as a process has it: opened at the first need, once, and not at all where its package is missing.

Also the FAQ's index made with it. Learning two thousand examples takes seconds, so an index is kept on disk, and so are
the examples' vectors: after an edit only the new examples are encoded.
"""

import hashlib
import inspect
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot import keeping
from bot.log import get
from bot.nlu import embedding, faq, letters, meanings, ngrams, normalise
from bot.nlu.embedding import Encoder, Floats

if TYPE_CHECKING:
    from flows.schema import Book

CHUNK = 32
"""Texts encoded at a time, so that a message does not wait for a whole Book."""
REMEDY = "questions are matched by their letters alone; run make setup again"
Vectors = dict[bytes, NDArray[np.float16]]

log = get(__name__)


class SharedEncoder:
    """One encoder for a process, safe for several threads."""

    def __init__(
        self, cache: Path | None = None, opened: Callable[[], Encoder | None] = embedding.open_encoder
    ) -> None:
        """cache: where indexes and vectors are kept; None keeps nothing. opened: opens the encoder."""
        self._cache, self._open = cache, opened
        self._lock = threading.RLock()
        self._encoder: Encoder | None = None
        self._tried = False

    def open(self) -> Encoder | None:
        """The encoder, or None; the reason is logged once."""
        with self._lock:
            if not self._tried:
                self._tried, self._encoder = True, self._open()
                if self._encoder is None:
                    log.warning("encoder_missing", reason=embedding.why_not() or "switched off", remedy=REMEDY)
            return self._encoder

    def read(self, texts: Sequence[str]) -> Floats:
        """As `Encoder.read`. Raises `LookupError` where there is no encoder."""
        encoder = self.open()
        if encoder is None:
            raise LookupError("there is no encoder here")
        found = []
        for begin in range(0, len(texts), CHUNK):
            with self._lock:
                found.append(encoder.read(texts[begin : begin + CHUNK]))
        return np.concatenate(found) if found else np.zeros((0, embedding.DEPTH), np.float32)

    def encode(self, texts: Sequence[str]) -> Floats:
        """As `Encoder.encode`. Raises `LookupError` where there is no encoder."""
        return embedding.meaning(self.read(texts))

    def warm(self, texts: Sequence[str]) -> None:
        """Read texts together, so that each is at hand when it is read alone. Does nothing without an encoder."""
        if len(texts) > 1 and self.open() is not None:
            self.read(texts)

    def index(self, book: "Book") -> faq.Index:
        """The index of a Book's FAQ, by meaning where there is an encoder."""
        read = self.read if self.open() is not None else None
        outside = faq.strangers()
        print_ = fingerprint(book, outside, by_meaning=read is not None)
        index = keeping.kept(
            self._cache, "faq", print_, faq.Index, lambda: self._build(book, outside, read is not None)
        )
        index.read = read if index.meanings is not None else None
        return index

    def _build(self, book: "Book", outside: Sequence[str], by_meaning: bool) -> faq.Index:
        return faq.build(book.faq, self._remembering if by_meaning else None, outside)

    def _remembering(self, texts: Sequence[str]) -> Floats:
        """Read examples, most of which were read when the Book was last changed."""
        kinds = embedding.WEIGHTS_SHA256[:16] + hashlib.sha256(_source(embedding)).hexdigest()[:16]
        known: Vectors = keeping.look(self._cache, "vectors", kinds, dict) or {}
        keys = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        fresh = dict(zip(missing, self.read(list(missing.values())).astype(np.float16), strict=True))
        if fresh:
            known = {key: fresh[key] if key in fresh else known[key] for key in keys}
            keeping.keep(self._cache, "vectors", kinds, known)
        return np.stack([known[key] for key in keys]).astype(np.float32)


def fingerprint(book: "Book", outside: Sequence[str], *, by_meaning: bool) -> str:
    """Hash of everything that an index is made from: the examples, the code, the weights and the Python."""
    whole = hashlib.sha256(f"{sys.version}{np.__version__}{by_meaning}{embedding.WEIGHTS_SHA256}".encode())
    for module in (embedding, faq, letters, meanings, ngrams, normalise):
        whole.update(_source(module))
    for topic in book.faq:
        whole.update(repr((topic.id, topic.concern, sorted(topic.examples.items()))).encode())
    whole.update(repr(outside).encode())
    return whole.hexdigest()[:32]


def _source(module: object) -> bytes:
    return Path(inspect.getfile(module)).read_bytes()  # type: ignore[arg-type]  # a module is given
