"""What a text costs as SMS, and how to cut, clean and lighten one without harming it.

A single SMS carries 140 octets: 160 characters of the GSM alphabet at seven bits, or 70 of UCS-2 at sixteen. A longer
text travels as several segments whose header leaves 153 or 67 (3GPP TS 23.040, section 9.2.3.24.1). Each is paid for.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

import regex
from msgspec import Struct

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet of 3GPP TS 23.038, section 6.2.1."""

GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
"""The extension table of the same section: each of these costs an escape and a character."""

_GSM = GSM_BASIC | GSM_EXTENSION

_LIGHTER = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\t", " "),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
        "…": "...",
        "•": "-",
        "·": "-",
        "×": "x",
        "⁄": "/",
        "\u2028": "\n",
        "\u2029": "\n",
    }
)
"""Typography that a plain phone shows just as well. Letters are never here: ŵ, ł or ç carry meaning."""

# White space that carries a combining mark is part of a grapheme, and no place to break.
_BARE = r"(?![\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}])"
_STRONG_BREAKS = tuple(regex.compile(rf"(?s).*{end}{_BARE}") for end in (r"\n\s*\n", r"\n", r"[.!?:;…。؟]\s"))
_WEAK_BREAK = regex.compile(rf"(?s).*\s{_BARE}")
_BLANK = regex.compile(rf"\s+{_BARE}")
_GRAPHEME = regex.compile(r"\X")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Segments(Struct, frozen=True):
    """What a text costs: `units` are septets for GSM-7, UTF-16 code units for UCS-2; `count` is what is paid for."""

    encoding: Literal["GSM-7", "UCS-2"]
    count: int
    units: int


def segments(text: str) -> Segments:
    """Count the SMS segments of `text`, as Twilio's own calculator does: no character or grapheme is cut in two."""
    if GSM_BASIC.issuperset(text):
        return Segments("GSM-7", _even(len(text), 160, 153), len(text))
    if _GSM.issuperset(text):
        sizes = [2 if character in GSM_EXTENSION else 1 for character in text]
        return Segments("GSM-7", _packed(sizes, 160, 153), sum(sizes))
    sizes = [units(grapheme) for grapheme in _graphemes(text)]
    return Segments("UCS-2", _packed(sizes, 70, 67), sum(sizes))


def to_gsm7(text: str) -> str:
    """Bring typography down to the GSM alphabet when that saves segments; any other text comes back as it is."""
    if GSM_BASIC.issuperset(text):
        return text
    lighter = unicodedata.normalize("NFC", text).translate(_LIGHTER)
    if _GSM.issuperset(lighter) and segments(lighter).count < segments(text).count:
        return lighter
    return text


def fold(text: str) -> str:
    """Reduce `text` to what two carriers' versions of it have in common, for comparing only."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_LIGHTER).split())


def units(text: str) -> int:
    """Count UTF-16 code units, the stricter reading of a provider's limit in "characters"."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int) -> tuple[str, ...]:
    """Cut `text` into parts of at most `limit` UTF-16 units, at paragraphs, lines, sentences, then words.

    A word longer than a part is cut between graphemes, and a grapheme longer than a part between characters. White
    space at a cut is dropped; nothing else is, and a blank text gives no part. Time is linear in the length.
    Raises ValueError if `limit` is under 2.
    """
    if limit < 2:
        raise ValueError("a part must hold at least one character of two units")
    parts, start = [], 0
    while start < len(text):
        end = _cut(text, start, limit)
        part = text[start:end]
        parts.append(part if end == len(text) and units(part) <= limit else part.rstrip())
        blank = _BLANK.match(text, end)
        start = blank.end() if blank else end
    return tuple(part for part in parts if part.strip())


def clean(text: str) -> str:
    """Take out NUL, which PostgreSQL cannot keep, and lone surrogates, which UTF-8 cannot; keep everything else."""
    if "\0" in text:
        text = text.replace("\0", "")
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _even(size: int, single: int, multi: int) -> int:
    return 1 if size <= single else -(-size // multi)


def _packed(sizes: Iterable[int], single: int, multi: int) -> int:
    """Fill segments in order, moving what does not fit whole to the next one."""
    sizes = list(sizes)
    if sum(sizes) <= single:
        return 1
    count, used = 1, 0
    for size in sizes:
        if used + size <= multi:
            used += size
        else:
            count += -(-size // multi)
            used = size % multi or multi
    return count


def _graphemes(text: str) -> Iterable[str]:
    for match in _GRAPHEME.finditer(text):
        # CR LF is one grapheme in Unicode and two characters in an SMS.
        yield from match[0] if match[0] == "\r\n" else (match[0],)


def _cut(text: str, start: int, limit: int) -> int:
    """Where the part that begins at `start` ends, before its trailing white space is dropped."""
    end = _window(text, start, limit)
    if end == len(text):
        return end
    # White space just after the window costs nothing, and lets the window end with a whole word.
    reach = end + 1 if _BLANK.match(text, end) else end
    for pattern in _STRONG_BREAKS:
        if found := pattern.match(text, start + (end - start) // 2, reach):
            return found.end()
    found = _WEAK_BREAK.match(text, start, reach)
    return found.end() if found else end


def _window(text: str, start: int, limit: int) -> int:
    """The end of the last whole grapheme within `limit` units of `start`, or of the last character if none fits."""
    chunk = text[start : start + limit]
    if len(chunk) < limit and units(chunk) <= limit:
        return len(text)
    end, room = start, limit
    for match in _GRAPHEME.finditer(text, start):
        room -= units(match[0])
        if room < 0:
            break
        end = match.end()
    if end > start:
        return end
    for character in text[start : start + limit]:
        limit -= units(character)
        if limit < 0:
            break
        end += 1
    return end


_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LEFT_TO_RIGHT = re.compile(
    r"\+?[0-9A-Za-z\u00c0-\u024f](?:[0-9A-Za-z\u00c0-\u024f ./:@&'’+#%_-]*[0-9A-Za-z\u00c0-\u024f])?"
)
LEFT_TO_RIGHT_ISOLATE, POP_ISOLATE = "\u2066", "\u2069"


def isolate(text: str) -> str:
    """Keep Latin names and numbers of several parts in their order within right-to-left text; other text is unchanged.

    Without isolates "0800 111 999" stands as "999 111 0800" in an Arabic sentence (Unicode Standard Annex 9, section 2.4).
    A number of one part keeps its order by itself, and each isolate costs an SMS a character.
    """
    if not _RIGHT_TO_LEFT.search(text) or LEFT_TO_RIGHT_ISOLATE in text:
        return text
    return _LEFT_TO_RIGHT.sub(_isolated, text)


def _isolated(found: re.Match[str]) -> str:
    run = found[0]
    return run if run.isdecimal() else f"{LEFT_TO_RIGHT_ISOLATE}{run}{POP_ISOLATE}"
