"""Counting, splitting, lightening and cleaning text: examples, Twilio's own calculator, and what must always hold."""

import json
import time
import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from channels.text import GSM_BASIC, GSM_EXTENSION, Segments, clean, fold, segments, split, to_gsm7, units
from tests.channels.twilio_world import PROVIDERS

ANY = st.text(st.characters(codec=None), max_size=300)
WHOLE = st.text(max_size=300)
WORDY = st.lists(
    st.sampled_from(["gwres", "ŵ", " ", "\n", "\n\n", ". ", "🚿", "👨‍👩‍👧‍👦", "🇬🇧", "e\u0301", " \u0308", "\r\n"])
).map("".join)
FAMILY = "👨‍👩‍👧‍👦"


def vectors() -> list[dict[str, object]]:
    path = PROVIDERS / "sms_segments.json"
    return json.loads(path.read_text())["vectors"] if path.exists() else []


@pytest.mark.skipif(not vectors(), reason="the shared measuring data is not here")
def test_agrees_with_twilios_calculator() -> None:
    for vector in vectors():
        plain = vector["plain"]
        assert isinstance(plain, dict)
        counted = segments(str(vector["text"]))
        bits = counted.units * (7 if counted.encoding == "GSM-7" else 16)
        assert (counted.encoding, counted.count, bits) == (plain["encoding"], plain["segments"], plain["bits"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 1, 0)),
        ("a" * 160, Segments("GSM-7", 1, 160)),
        ("a" * 161, Segments("GSM-7", 2, 161)),
        ("a" * 306, Segments("GSM-7", 2, 306)),
        ("a" * 307, Segments("GSM-7", 3, 307)),
        ("£" * 80 + "€" * 40, Segments("GSM-7", 1, 160)),
        # The escape of the 153rd septet would be parted from its character.
        ("a" * 152 + "€" + "a" * 152, Segments("GSM-7", 3, 306)),
        ("ŵ" * 70, Segments("UCS-2", 1, 70)),
        ("ŵ" * 71, Segments("UCS-2", 2, 71)),
        ("ŵ" * 66 + "🚿" + "ŵ" * 66, Segments("UCS-2", 3, 134)),
        ("🚿" * 10_000, Segments("UCS-2", 304, 20_000)),
        ("ç", Segments("UCS-2", 1, 1)),
    ],
)
def test_segments(text: str, expected: Segments) -> None:
    assert segments(text) == expected


@given(WHOLE)
def test_segments_are_enough_and_not_wasteful(text: str) -> None:
    counted = segments(text)
    room = 153 if counted.encoding == "GSM-7" else 67
    assert counted.count == 1 or counted.units <= counted.count * room
    assert (counted.encoding == "GSM-7") == set(text).issubset(GSM_BASIC | GSM_EXTENSION)


QUOTED = "‘Don’t’ – “wait”… 9–5 •\u00a0now\u200b " * 5


@pytest.mark.parametrize(
    ("text", "lighter"),
    [
        ("It’s here", "It’s here"),
        (QUOTED, "'Don't' - \"wait\"... 9-5 - now " * 5),
        ("caffe\u0300" + "’" * 80, "caff\u00e8" + "'" * 80),
        ("ŵ" + QUOTED, "ŵ" + QUOTED),
        ("Zgłoś " + QUOTED, "Zgłoś " + QUOTED),
        ("ઘર " + QUOTED, "ઘર " + QUOTED),
        ("ç" + QUOTED, "ç" + QUOTED),
        ("1½ rooms " + QUOTED, "1½ rooms " + QUOTED),
        ("plain", "plain"),
    ],
    ids=lambda value: value[:12],
)
def test_typography_comes_down_only_where_that_saves(text: str, lighter: str) -> None:
    assert to_gsm7(text) == lighter


@given(st.text(st.sampled_from("aé€’“–…ŵł🚿\u00a0\u200b\n "), max_size=400))
def test_lightening_keeps_every_letter_and_never_costs(text: str) -> None:
    lighter = to_gsm7(text)
    assert segments(lighter).count <= segments(text).count
    assert to_gsm7(lighter) == lighter
    assert [c for c in lighter if c.isalpha()] == [c for c in unicodedata.normalize("NFC", text) if c.isalpha()]
    assert fold(lighter) == fold(text)


@given(st.one_of(WHOLE, WORDY), st.integers(2, 80))
@example(FAMILY * 3, 20)
@example("a" + "\u0301" * 50, 8)
@example("word \u0308 word", 5)
def test_split_loses_nothing_and_fits(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(part.strip() and units(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.one_of(WHOLE, WORDY), st.integers(24, 80))
def test_split_keeps_graphemes_and_words_whole(text: str, limit: int) -> None:
    graphemes = regex.findall(r"\X", text)
    if any(units(one) > limit for one in graphemes):
        return
    parts = split(text, limit)
    kept = [one for part in parts for one in regex.findall(r"\X", part) if not one.isspace()]
    assert kept == [one for one in graphemes if not one.isspace()]
    words = text.split()
    if all(units(word) <= limit for word in words) and not regex.search(r"\s[\p{GCB=Extend}\p{GCB=ZWJ}]", text):
        assert [word for part in parts for word in part.split()] == words


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 10, ()),
        (" \n ", 10, ()),
        ("short", 10, ("short",)),
        ("one two three", 8, ("one two", "three")),
        ("one two. three four", 14, ("one two.", "three four")),
        ("1 Leak inside\n2 Damp and mould", 20, ("1 Leak inside", "2 Damp and mould")),
        ("a paragraph\n\nanother one", 20, ("a paragraph", "another one")),
        ("abcdefghij", 4, ("abcd", "efgh", "ij")),
        ("🚿🚿🚿", 4, ("🚿🚿", "🚿")),
        ("  indented", 20, ("  indented",)),
    ],
)
def test_split_chooses_the_best_place(text: str, limit: int, parts: tuple[str, ...]) -> None:
    assert split(text, limit) == parts


@pytest.mark.parametrize(
    "text", ["🚿" * 10_000, FAMILY * 5_000, "a" + "\u0301" * 30_000, "\n" * 60_000, " \u0301" * 30_000]
)
def test_split_is_quick_on_hostile_text(text: str) -> None:
    began = time.perf_counter()
    split(text, 1600)
    assert time.perf_counter() - began < 1.0


def test_split_refuses_a_limit_that_cannot_work() -> None:
    with pytest.raises(ValueError, match="two units"):
        split("🚿", 1)


@given(ANY)
@example("a\0b\ud83d\ude00\ud83dc\udc00")
def test_clean_can_always_be_stored(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    cleaned.encode()
    assert clean(cleaned) == cleaned


@given(WHOLE)
def test_clean_leaves_good_text_alone(text: str) -> None:
    assert clean(text) == text.replace("\0", "")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("gas\0 leak", "gas leak"),
        ("a\ud83db", "ab"),
        ("end\udc00", "end"),
        ("\ud83d\ude00", "😀"),
        ("\u202eabc\u202c\u200f", "\u202eabc\u202c\u200f"),
        ("\u0007\u001b[1m", "\u0007\u001b[1m"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
