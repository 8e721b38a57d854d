"""The pattern language: each sign of it, what it refuses, and that it agrees with a plain search."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.normalise import words
from bot.nlu.patterns import END, Automaton, Lexicon, PatternError

MATCHES = [
    ("a b", "x a b y", ["a b"]),
    ("a (b|c d)", "a c d a b", ["a c d", "a b"]),
    ("a (b)? c", "a c a b c", ["a c", "a b c"]),
    ("a .. c", "a x y z c", ["a x y z c"]),
    ("a .. c", "a x y z w c", []),
    ("a ..5 c", "a x y z w c", ["a x y z w c"]),
    ("a _ c", "a b c a c", ["a b c"]),
    ("dog* cat", "dogs cat dogged cat", ["dogs cat", "dogged cat"]),
    ("cars? gone", "car gone cars gone", ["car gone", "cars gone"]),
    ("<n> go", "i go we go", ["i go", "we go"]),
    ("x|y", "x y", ["x", "y"]),
    ("a $", "a", ["a"]),
    ("我 死", "我死", ["我 死"]),
]


def found(pattern: str, text: str) -> list[str]:
    automaton = Automaton()
    automaton.add(pattern, {"n": ["i", "we"]})
    automaton.finish()
    lexicon = Lexicon(automaton, (), ())
    row = [token.text for token in words(text)] + [END]
    hits = automaton.run([lexicon.read(word) for word in row])
    return [" ".join(row[first : last + 1]).strip() for _, first, last in hits]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_each_sign(pattern: str, text: str, expected: list[str]) -> None:
    assert found(pattern, text) == expected


@pytest.mark.parametrize("pattern", ["(a", "a)", "<nobody> a", "(a)?", "", "(a|b)? (c)?", "?"])
def test_a_bad_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        found(pattern, "a")


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_agrees_with_a_plain_search(text: list[str], pattern: list[str]) -> None:
    ends = [m.start() for m in re.finditer(f"(?={''.join(pattern)})", "".join(text))]
    assert len(found(" ".join(pattern), " ".join(text))) == len(ends)


def lexicon_of(*names: str) -> Lexicon:
    automaton = Automaton()
    automaton.add(" ".join(names), {})
    return Lexicon(automaton.finish(), names, ["cooking"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("suicde", "suicide"),
        ("siucide", "suicide"),
        ("suiicide", "suicide"),
        ("su1c1de", "suicide"),
        ("suiiiicide", "suicide"),
    ],
)
def test_a_small_misspelling_is_read_through(typed: str, meant: str) -> None:
    lexicon = lexicon_of("suicide", "choking")
    assert lexicon.read(typed) == lexicon.read(meant)


@pytest.mark.parametrize("typed", ["cooking", "suite", "decide", "sui"])
def test_ordinary_words_stay_themselves(typed: str) -> None:
    assert not lexicon_of("suicide", "choking").read(typed)
