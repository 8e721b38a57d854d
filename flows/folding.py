"""Words made comparable, so that "Siŵr!", "siwr" and "SIWR" are the same answer."""

import unicodedata
from functools import lru_cache

_APOSTROPHES = frozenset("'’‘ʼ`´")
_WITHOUT_ACCENT = {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ґ": "г"}
"""Letters that Unicode does not take apart, and that people type without their mark."""
_KEPT = frozenset({"Ll", "Lu", "Lt", "Lo", "Lm", "Nd", "Nl", "No", "Mc", "So"})


@lru_cache(maxsize=8192)
def _folded(char: str) -> str:
    plain = _WITHOUT_ACCENT.get(char.casefold(), char.casefold())
    return "".join(_part(part) for part in unicodedata.normalize("NFKD", plain))


def _part(char: str) -> str:
    category = unicodedata.category(char)
    if char in _APOSTROPHES or category in ("Me", "Cf") or "\ufe00" <= char <= "\ufe0f":
        return ""
    if category == "Mn":
        # An accent may go, but in Indic and Arabic scripts a mark above ASCII's neighbours can be a vowel.
        return "" if "\u0300" <= char <= "\u036f" else char
    if category == "Nd":
        return str(unicodedata.digit(char))
    if "\u4e00" <= char <= "\u9fff":
        # Chinese puts no spaces between words, so each character stands alone and a phrase is found inside a sentence.
        return f" {char} "
    return char.casefold() if category in _KEPT else " "


@lru_cache(maxsize=1 << 15)
def fold(text: str) -> str:
    """Lower case without accents, apostrophes or punctuation, digits of every script as 0 to 9, single spaces.

    Chinese characters are words of their own.
    """
    return " ".join("".join(_folded(char) for char in text).split())
