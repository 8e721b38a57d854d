"""The matcher: right topic, near topics, honest refusal, and speed. Its bank is its own, not the shipped answers."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from bot.nlu.faq import Index, build, candidates, match

DATA = yaml.safe_load((Path(__file__).parent / "faq.yaml").read_text("utf-8"))


class Topic(NamedTuple):
    id: str
    examples: Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def index() -> Index:
    return build([Topic(name, examples) for name, examples in DATA["bank"].items()])


@pytest.mark.parametrize(("question", "topic"), [(q, t) for t, qs in DATA["answered"].items() for q in qs])
def test_tenants_own_words_are_answered(question: str, topic: str, index: Index) -> None:
    assert match(index, question, "en").answer == topic


@pytest.mark.parametrize(("question", "topic"), [(q, t) for t, qs in DATA["among"].items() for q in qs])
def test_unclear_words_are_among_the_first_three(question: str, topic: str, index: Index) -> None:
    assert topic in [one.id for one in candidates(index, question)[:3]]


@pytest.mark.parametrize("question", DATA["refused"])
def test_what_is_not_ours_is_refused(question: str, index: Index) -> None:
    found = match(index, question, "en")
    assert found.answer is None


def test_scores_are_in_order_and_in_range(index: Index) -> None:
    ranked = candidates(index, "my heating and rent and a leak", None)
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    assert all(0 <= one.score <= 1 for one in ranked)


def test_an_empty_bank_never_answers() -> None:
    assert match(build([]), "how do I pay my rent?", "en").answer is None


@pytest.mark.parametrize("text", ["", "?", "\x00", "👍", "a" * 65536, "rent " * 9000])
def test_odd_input_is_no_trouble(text: str, index: Index) -> None:
    match(index, text, None)


def test_fast_enough_for_every_message() -> None:
    topics = [
        Topic(f"t{n}", {"en": [f"question {n} number {m} about thing {n * m}" for m in range(12)]}) for n in range(60)
    ]
    big = build(topics)
    match(big, "a question about thing 7", "en")
    began = time.process_time()
    for _ in range(50):
        match(big, "could you please tell me about thing number 7", "en")
    assert (time.process_time() - began) / 50 < 0.015
