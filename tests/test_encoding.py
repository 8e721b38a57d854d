"""The encoder of a process: opened once, done without where it is missing, and after an edit only the new is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from structlog.testing import capture_logs

from bot.encoding import SharedEncoder
from bot.nlu import faq
from bot.nlu.embedding import DEPTH, Encoder, Floats
from bot.settings import Settings
from bot.wiring import book
from flows.schema import Book


class Counting:
    """An encoder of made-up vectors that remembers how many texts it read."""

    def __init__(self) -> None:
        self.texts = 0

    def read(self, texts: Sequence[str]) -> Floats:
        self.texts += len(texts)
        rows = [np.random.default_rng(len(text)).standard_normal(DEPTH) for text in texts]
        found: Floats = (np.stack(rows) / DEPTH**0.5).astype(np.float32)
        return found


@pytest.fixture(scope="module")
def small() -> Book:
    whole = book(Settings(_env_file=None))
    return whole.model_copy(update={"faq": whole.faq[:3]})


def shared(cache: Path | None, counting: Counting) -> SharedEncoder:
    return SharedEncoder(cache, lambda: cast(Encoder, counting))


def test_without_an_encoder_it_says_so_once_and_matches_by_letters(small: Book) -> None:
    missing = SharedEncoder(None, lambda: None)
    with capture_logs() as logs:
        index = missing.index(small)
        missing.warm(["one", "two"])
    assert [line["event"] for line in logs] == ["encoder_missing"]
    assert index.read is None
    assert faq.match(index, "I need a grab rail", "en").answer == "adaptations"


def test_the_next_process_reads_nothing_again(tmp_path: Path, small: Book) -> None:
    first, second = Counting(), Counting()
    shared(tmp_path, first).index(small)
    index = shared(tmp_path, second).index(small)
    assert first.texts > 100
    assert second.texts == 0
    assert index.read is not None


def test_after_an_edit_only_the_new_is_read(tmp_path: Path, small: Book) -> None:
    shared(tmp_path, Counting()).index(small)
    topic = small.faq[0]
    examples: dict[str, Any] = {**topic.examples, "en": (*topic.examples["en"], "please fit a hoist over my bed")}
    edited = small.model_copy(update={"faq": (topic.model_copy(update={"examples": examples}), *small.faq[1:])})
    counting = Counting()
    shared(tmp_path, counting).index(edited)
    assert counting.texts == 1


def test_many_texts_come_back_in_order() -> None:
    texts = ["x" * n for n in range(1, 100)]
    counting = Counting()
    assert np.array_equal(shared(None, counting).read(texts), Counting().read(texts))
