"""Text made comparable: what a person meant to type, whatever the keyboard, script or disguise.

Each character is folded by itself (case, width, accents, look-alikes, invisible marks), so the work is linear and every
folded character remembers where in the message it came from. The same folding is applied to approved phrases and
example questions, so both sides of every comparison look alike.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

# Letters of one language that others write differently: Arabic, Persian and Urdu share words but not code points.
_SAME = {
    **dict.fromkeys("أإآٱا", "ا"),
    **dict.fromkeys("ىيیئېے", "ي"),
    **dict.fromkeys("كکڪ", "ك"),
    **dict.fromkeys("هہھەةۀۂۃ", "ه"),
    "ؤ": "و",
    "ں": "ن",
    **dict.fromkeys("’‘ʼ`´ʹ′＇", "'"),
    "ı": "i",
    "ł": "l",
    "đ": "d",
    "ø": "o",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ґ": "г",
    "І": "і",
}
# Cyrillic and Greek letters that pass for Latin ones; used only in a word that has Latin letters too.
_LOOKALIKES = dict(zip("аеорсухіїјѕһԁԛԝкмтвнαεικνορτυχηωωаӏ", "aeopcyxiijshdqwkmtbhaeiknoptuxnwwal", strict=True))
_DROPPED = {"Cf", "Cc", "Mn", "Me", "Sk", "Cs", "Co"}
# In these scripts a mark is a vowel, not an accent.
_VOWEL_SIGNS = ("DEVANAGARI", "GUJARATI", "GURMUKHI", "BENGALI", "TAMIL")
_JOINERS = "'"
_IDEOGRAPH = ("CJK UNIFIED", "HIRAGANA", "KATAKANA")
# Over a row of kinds: a word with the joiners inside it, a lone sign, an ending, a pause.
_RUNS = re.compile(r"w(?:j*w)*|e|\.+|,+")
_REMEMBERED = 16384


class Token(NamedTuple):
    """One word or emoji. `start` and `end` are characters of the original; `gap` is what stood before it.

    gap: 0 nothing but space, 1 a comma or dash, 2 the end of a sentence or of a line.
    """

    text: str
    start: int
    end: int
    gap: int


class Normal(NamedTuple):
    """A folded text; `origin[i]` is the place in the original that folded character `i` came from."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the folded text back to the original, both in characters, end excluded."""
        if start >= end:
            return (0, 0)
        return (self.origin[start], self.origin[end - 1] + 1)


def fold(char: str) -> str:
    """Fold one character to nothing, one or a few; line ends and spaces become `\\n` and a space."""
    if char in "\n\r\x0b\x0c\u2028\u2029":
        return "\n"
    if char.isspace() or char == "\u00a0":
        return " "
    if char in _SAME:
        return _SAME[char]
    return "".join(_fold_part(part) for part in unicodedata.normalize("NFKD", char.casefold()))


def _fold_part(char: str) -> str:
    category = unicodedata.category(char)
    if category in _DROPPED and not _is_vowel_sign(char, category):
        return ""
    return _SAME.get(char, char.casefold())


def _is_vowel_sign(char: str, category: str) -> bool:
    return (
        category == "Mn"
        and unicodedata.name(char, "").startswith(_VOWEL_SIGNS)
        and "NUKTA" not in unicodedata.name(char, "")
    )


class _Table(dict[str, str]):
    """What a function gives for each character, remembered: a look into a dictionary is quicker than any cache's call."""

    def __init__(self, work: Callable[[str], str]) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, char: str) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[char] = self._work(char)
        return found


def normalise(text: str) -> Normal:
    """Fold a text of any length in linear time, keeping the way back to the original."""
    pieces = [_FOLDS[char] for char in text]
    sizes = list(map(len, pieces))
    if sizes.count(1) == len(sizes):
        return Normal("".join(pieces), tuple(range(len(pieces))))
    return Normal("".join(pieces), tuple(place for place, size in enumerate(sizes) for _ in range(size)))


def _kind(char: str) -> str:
    """Class of a folded character: w word, j joiner, e emoji or ideograph, . sentence end, `,` weak break, space."""
    if char in _JOINERS:
        return "j"
    if char in ".!?\n;…؟۔।॥。！？":
        return "."
    if char in ' /_*~\\"|':
        return " "
    category = unicodedata.category(char)
    if unicodedata.name(char, "").startswith(_IDEOGRAPH) or category == "So":
        return "e"
    if category[0] in "LMN" or char in "@$":
        return "w"
    return ","


_FOLDS = _Table(fold)
_KINDS = _Table(_kind)


def tokens(text: str, *, origin: tuple[int, ...] | None = None) -> list[Token]:
    """Cut a folded text into words, single ideographs and single emoji. Apostrophes vanish: "don't" is "dont".

    origin: as in `Normal`; without it spans are those of the folded text.
    """
    found: list[Token] = []
    gap = 0
    kinds = "".join([_KINDS[char] for char in text])
    for run in _RUNS.finditer(kinds):
        begin, end = run.span()
        kind = kinds[begin]
        if kind in "we":
            word = text[begin:end].replace("'", "")
            found.append(Token(_unmask(word) if kind == "w" else word, begin, end, gap))
            gap = 0
        else:
            gap = max(gap, 2 if kind == "." else 1)
    if origin is None:
        return found
    return [Token(t.text, origin[t.start], origin[t.end - 1] + 1, t.gap) for t in found]


def _unmask(word: str) -> str:
    """Give a word of mixed scripts its Latin letters back ("ѕuicide" in Cyrillic dze)."""
    if word.isascii() or not any("a" <= char <= "z" for char in word):
        return word
    return "".join(_LOOKALIKES.get(char, char) for char in word)


def words(text: str) -> list[Token]:
    """Normalise and cut in one go; spans are those of the original."""
    normal = normalise(text)
    return tokens(normal.text, origin=normal.origin)


@lru_cache(maxsize=8192)
def squeeze(word: str) -> str:
    """Shorten every run of one character to a single one: "diiiie" and "die" meet at "die"."""
    return "".join(char for place, char in enumerate(word) if place == 0 or char != word[place - 1])


_DIGITS = str.maketrans("013457@$", "oieasta" + "s")


def undigit(word: str) -> str:
    """Read digits as the letters they stand for ("su1c1de", "k1ll"); a word without letters is left alone."""
    if word.isalpha() or not any(char.isalpha() for char in word):
        return word
    return word.translate(_DIGITS)
