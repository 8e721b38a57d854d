"""The second reader: what it may say, what it may not, and that the weights are those of the examples."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import second as training
from bot.commands.second import Example
from bot.nlu import second
from bot.nlu.second import Net, Reader, ReaderError, Reading
from bot.nlu.understanding import Evidence, Signal

SAFETY = Path(__file__).parents[2] / "flows" / "safety"
LEAST_EXAMPLES, LEAST_BY_HAND = 3000, 0.5


@pytest.fixture(scope="module")
def reader() -> Reader:
    return second.load(SAFETY / "second.npz")


def test_the_weights_were_learnt_from_these_examples(reader: Reader) -> None:
    assert reader.examples == training.fingerprint(training.examples(SAFETY / "examples")), (
        "the examples have changed: run `hearthline screen --train`"
    )
    assert (SAFETY / "second.npz").stat().st_size < 1_500_000


def test_there_are_thousands_of_examples_and_none_twice() -> None:
    rows = training.examples(SAFETY / "examples")
    assert len(rows) >= LEAST_EXAMPLES
    assert [text for text, times in Counter(row.text.lower() for row in rows).items() if times > 1] == []
    assert {row.level for row in rows} == {"P0", "P1", "P2", "P3"}
    groups = [
        group for path in (SAFETY / "examples").glob("*.yaml") for group in yaml.safe_load(path.read_text("utf-8"))
    ]
    by_hand = sum(len(group["say"].splitlines()) for group in groups if group["written"] == "hand")
    assert by_hand >= LEAST_BY_HAND * len(rows)


def test_it_says_what_the_thresholds_in_the_code_say(reader: Reader) -> None:
    for net, name in ((reader.full, "full"), (reader.plain, "plain")):
        assert (net.alarm, net.firm) == training.ALARMS[name]


RAISED = [
    "i have been giving my things away because i wont be needing them",
    "my head's telling me tonight's the night and i'm starting to listen",
    "i've no reason to get up and i don't want another year of this",
    "he goes through my bag when i come in and times how long i was out",
]
QUIET = [
    "how do i pay my rent",
    "the lift is broken again and i'm on the fifth floor",
    "my phone died, can you text tomorrow",
    "thanks so much for fixing the tap",
    "this damp is killing me",
    "",
    "👍",
    "12345",
]


@pytest.mark.parametrize("text", RAISED)
def test_oblique_words_raise_a_question_and_no_more(text: str, reader: Reader) -> None:
    found = second.doubt(reader, None, [text], Signal())
    assert (found.level, found.tentative) == ("P1", True)
    assert found.evidence[0].rule.startswith(second.RULE)
    start, end = found.evidence[0].span
    assert 0 <= start < end <= len(text)


@pytest.mark.parametrize("text", QUIET)
def test_everyday_words_raise_nothing(text: str, reader: Reader) -> None:
    assert second.doubt(reader, None, [text], Signal()) == Signal()


def test_one_line_in_a_long_message_is_found(reader: Reader) -> None:
    calm = "The tap in the kitchen still drips. I rang on Monday and nobody came. My neighbour has the same trouble."
    text = f"{calm} {calm} {RAISED[2].capitalize()}. {calm} {calm}"
    reading = second.read(reader, text, None)
    assert "another year" in reading.window
    assert second.doubt(reader, None, [text], Signal()).tentative


def test_messages_are_read_together_too(reader: Reader) -> None:
    halves = ["i have been giving", "my things away because", "i wont be needing them"]
    together = second.doubt(reader, None, halves, Signal())
    assert together.tentative
    assert second.doubt(reader, None, halves[-1:], Signal()) == Signal()


EVIDENCE = (Evidence("words", "despair", "en", (0, 5), "words"),)
FIRSTS = [
    Signal("P0", ("suicide",), EVIDENCE),
    Signal("P1", ("domestic-abuse",), EVIDENCE, "other"),
    Signal("P2", ("despair",), EVIDENCE),
    Signal("P2", ("grief",), EVIDENCE, "child", lowered=True),
    Signal(),
]
SECONDS = [Signal(), Signal("P1", ("despair",), EVIDENCE, tentative=True)]


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("other", SECONDS)
def test_what_the_phrases_say_stands(first: Signal, other: Signal) -> None:
    joined = second.join(first, other)
    assert joined.level == min(first.level, other.level)
    assert joined.tentative == (other.tentative and not first.urgent)
    assert joined.about == first.about
    assert set(first.concerns) <= set(joined.concerns)
    assert joined == first if first.urgent else True


def net(alarm: float, firm: float) -> Net:
    return Net(np.zeros(second.BUCKETS, np.float32), np.zeros(0, np.float32), 0.0, alarm, firm)


@pytest.mark.parametrize(
    ("score", "lowered", "raised"), [(0.7, False, True), (0.7, True, False), (0.9, True, True), (0.5, False, False)]
)
def test_words_taken_back_need_more(score: float, lowered: bool, raised: bool) -> None:
    reading = Reading(score, net(0.6, 0.8), "some words", (0, 10))
    assert second.signal(reading, lowered=lowered).urgent == raised


@settings(max_examples=100)
@given(st.text(max_size=400), st.booleans())
def test_any_text_gives_a_score_twice_the_same(text: str, with_meaning: bool) -> None:
    kept = small()
    vectors = np.ones((len(second.pieces(text)), second.WIDTH), np.float32) if with_meaning else None
    reading = second.read(kept, text, vectors)
    assert reading == second.read(kept, text, vectors)
    assert 0 <= reading.score <= 1
    assert text[slice(*reading.span)] == reading.window


def small(cache: list[Reader] = []) -> Reader:  # noqa: B006 - one load for all of hypothesis's examples
    if not cache:
        cache.append(second.load(SAFETY / "second.npz"))
    return cache[0]


def test_a_long_text_is_cut_into_few_pieces() -> None:
    assert second.pieces("short") == ["short"]
    for text in ("word " * 5000, "A short line. " * 3000, "x" * 60000):
        assert 1 <= len(second.pieces(text)) <= 12
        assert second.pieces(text)[0] == text


def test_training_learns_and_is_repeatable(tmp_path: Path) -> None:
    rows = [Example(f"danger number {n} please", "P1", "suicide") for n in range(30)]
    rows += [Example(f"sunny day {n} thanks", "P3", "none") for n in range(30)]

    def encode(texts: Sequence[str]) -> second.Vector:
        return np.array([[float("danger" in text), *[0.0] * 383] for text in texts], np.float32)

    made = training.train(rows, encode)
    assert np.array_equal(made.full.grams, training.train(rows, encode).full.grams)
    assert training.write(tmp_path / "second.npz", made) > 0
    kept = second.load(tmp_path / "second.npz")
    for text, urgent in (("danger again", True), ("a sunny morning", False)):
        assert (second.read(kept, text, None).score > 0.5) == urgent
        assert (second.read(kept, text, encode([text])).score > 0.5) == urgent
    assert kept.examples == training.fingerprint(rows)


def test_without_an_encoder_it_cannot_be_trained() -> None:
    with pytest.raises(training.NoEncoder, match="make setup"):
        training.train([], None)


def test_a_broken_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "second.npz"
    for content in (b"", b"nonsense"):
        path.write_bytes(content)
        with pytest.raises(ReaderError, match="--train"):
            second.load(path)


def test_traces_name_words(reader: Reader) -> None:
    traces = second.strongest(second.read(reader, RAISED[0], None))
    assert traces
    assert all(trace.text and math.isfinite(trace.weight) for trace in traces)
