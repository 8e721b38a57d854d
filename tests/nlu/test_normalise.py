"""Folding: what looks alike becomes alike, and every piece still knows where it came from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.normalise import normalise, squeeze, undigit, words

CASES = [
    ("Don’t PANIC", ["dont", "panic"]),
    ("dÉpressed", ["depressed"]),
    ("sui\u200bcidal", ["suicidal"]),
    ("ѕuісіdе", ["suicide"]),
    ("хочу", ["хочу"]),
    ("nie chcę żyć", ["nie", "chce", "zyc"]),
    ("a\nb, c", ["a", "b", "c"]),
    ("我想死", ["我", "想", "死"]),
    ("ok💊💊", ["ok", "💊", "💊"]),
    ("میں", ["مين"]),
    ("मैं मरना", ["मैं", "मरना"]),
    ("ＡＢＣ", ["abc"]),
    ("\x00\ud800", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_words_are_folded(text: str, expected: list[str]) -> None:
    assert [token.text for token in words(text)] == expected


@given(st.text(max_size=200))
def test_spans_lie_in_the_message_and_in_order(text: str) -> None:
    last = 0
    for token in words(text):
        assert last <= token.start < token.end <= len(text)
        last = token.start


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing(text: str) -> None:
    once = normalise(text).text
    assert [t.text for t in words(once)] == [t.text for t in words(text)]


def test_gaps_tell_commas_from_sentence_ends() -> None:
    assert [token.gap for token in words("no, I am not. Help")] == [0, 1, 0, 0, 2]


@pytest.mark.parametrize(
    ("word", "plain"), [("k1ll", "kill"), ("su1c1de", "suicide"), ("2024", "2024"), ("kill", "kill")]
)
def test_digits_stand_for_letters_only_among_letters(word: str, plain: str) -> None:
    assert undigit(word) == plain


def test_repeats_are_squeezed() -> None:
    assert squeeze("diiiie") == "die"
