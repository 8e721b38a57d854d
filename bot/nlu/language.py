"""Which language a message is in, or that it cannot be known. A wrong language is worse than none.

The script decides where only one of our languages is written in it. Otherwise two independent readers, langdetect
(Naive Bayes over Wikipedia, seeded and kept to our languages) and py3langid, must agree; where they do not, or the
words are too few, nothing is said and the conversation keeps its language. Models load at first use, never at import.
"""

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory
    from py3langid.langid import LanguageIdentifier

LANGUAGES = (
    "en", "cy", "pl", "ro", "pa", "gu", "ur", "bn", "ar", "so", "pt", "es", "fr", "it", "lt", "tr", "fa", "ta", "hi",
    "uk", "zh",
)  # fmt: skip
LATIN = ("en", "cy", "pl", "ro", "so", "pt", "es", "fr", "it", "lt", "tr")
ARABIC = ("ar", "fa", "ur")
MOST_CHARACTERS = 600
FEWEST_SPACES = 2
"""A Latin message of fewer than three words says too little to offer somebody another language."""
_SEED = 20
_BY_SCRIPT = {
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "DEVANAGARI": "hi",
    "CJK": "zh",
}
_NOT_UKRAINIAN = frozenset("ыэъё")


class Detected(NamedTuple):
    """A language (BCP 47) or None, and how sure from 0 to 1."""

    language: str | None
    confidence: float


UNKNOWN = Detected(None, 0.0)


def detect(text: str) -> Detected:
    """Tell the language of a message, or None where it cannot be known. Reads the first `MOST_CHARACTERS` only."""
    plain = _plain(text[:MOST_CHARACTERS])
    script = _script(plain)
    if script is None:
        return UNKNOWN
    if script in _BY_SCRIPT:
        return Detected(_BY_SCRIPT[script], 0.99)
    if script == "CYRILLIC":
        return UNKNOWN if _NOT_UKRAINIAN & set(plain.casefold()) else Detected("uk", 0.9)
    if script == "ARABIC":
        return _agree(plain, ARABIC)
    if script == "LATIN":
        return _latin(plain)
    return UNKNOWN


def other_than(text: str, current: str) -> str | None:
    """A language that a message is in if it is surely not `current`, else None.

    Asks the quick reader first: when it says `current`, the slow one could not change the outcome.
    """
    plain = _plain(text[:MOST_CHARACTERS])
    if _script(plain) == "LATIN" and (plain.count(" ") < FEWEST_SPACES or _langid(plain, LATIN) == current):
        return None
    found = detect(text).language
    return None if found == current else found


def _plain(text: str) -> str:
    """Leave out addresses, numbers and marks: they say nothing of the language, and upset the readers."""
    text = re.sub(r"(?:https?://|www\.)\S+|\S+@\S+", " ", text)
    kept = "".join(char if unicodedata.category(char)[0] in "LM" or char in "'’-" else " " for char in text)
    return " ".join(kept.split())


@lru_cache(maxsize=8192)
def _script_of(char: str) -> str | None:
    return unicodedata.name(char, "").split(" ")[0] or None if char.isalpha() else None


def _script(text: str) -> str | None:
    """Name the script of most letters; None if there are no letters."""
    counts = Counter(script for script in map(_script_of, text) if script)
    return counts.most_common(1)[0][0] if counts else None


def _latin(text: str) -> Detected:
    return _agree(text, LATIN)


def _agree(text: str, allowed: tuple[str, ...]) -> Detected:
    first, second = _langdetect(text, allowed), _langid(text, allowed)
    return Detected(first, 0.9) if first == second and first is not None else UNKNOWN


@cache
def _factory() -> "DetectorFactory":
    """Load langdetect's profiles of our languages only: a fifth of the memory, and no Slovak to mistake for English."""
    import langdetect
    from langdetect.detector_factory import DetectorFactory

    profiles = Path(langdetect.__file__).parent / "profiles"
    factory = DetectorFactory()
    factory.load_json_profile([(profiles / _profile(name)).read_text("utf-8") for name in LANGUAGES])
    factory.set_seed(_SEED)
    return factory


def _profile(language: str) -> str:
    return "zh-cn" if language == "zh" else language


def _langdetect(text: str, allowed: tuple[str, ...]) -> str | None:
    from langdetect.lang_detect_exception import LangDetectException

    detector = _factory().create()
    detector.set_prior_map(dict.fromkeys(map(_profile, allowed), 1.0))
    detector.append(text.lower())
    try:
        return str(detector.detect())
    except LangDetectException:
        return None


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def _langid(text: str, allowed: tuple[str, ...]) -> str | None:
    return next((name for name, _ in _identifier().rank(text.lower()) if name in allowed), None)
