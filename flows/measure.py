"""How long and how hard a text is: SMS segments, and the age at which people read it with ease."""

import re
from functools import lru_cache

import pyphen  # type: ignore[import-untyped]  # it ships no types

# 3GPP TS 23.038, table 6.2.1 and its extension table.
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")
_SENTENCE = re.compile(r"[.!?:\n]+(?:\s|$)")
_WORD = re.compile(r"[A-Za-z][A-Za-z']*")


def is_gsm7(text: str) -> bool:
    """Whether the text fits the alphabet that gives 160 characters to a segment."""
    return all(char in _GSM7 or char in _GSM7_EXTENSION for char in text)


def sms_segments(text: str) -> int:
    """How many SMS segments a text takes: 160 then 153 units in GSM-7, 70 then 67 in UCS-2 (3GPP TS 23.040)."""
    if is_gsm7(text):
        units, alone, joined = sum(2 if char in _GSM7_EXTENSION else 1 for char in text), 160, 153
    else:
        units, alone, joined = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= alone else -(-units // joined)


def reading_age(text: str) -> float:
    """The age in years at which an English text is easy: the Flesch-Kincaid grade (Kincaid and others, 1975) plus five.

    Names, numbers and words in capitals (PERSON, MENU) say nothing about difficulty and are left out.
    """
    sentences = [words for part in _SENTENCE.split(text) if (words := _words(part))]
    count = sum(map(len, sentences))
    if count == 0:
        return 5.0
    syllables = sum(_syllables(word) for words in sentences for word in words)
    return 0.39 * count / len(sentences) + 11.8 * syllables / count - 15.59 + 5


def _words(sentence: str) -> list[str]:
    return [word for word in _WORD.findall(sentence) if not (word.isupper() and len(word) > 1)]


@lru_cache(maxsize=4096)
def _syllables(word: str) -> int:
    return len(_dictionary().positions(word.lower())) + 1


@lru_cache(maxsize=1)
def _dictionary() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="en_GB", left=1, right=1)
