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
FEWEST_WORDS = 3
"""A Latin message of fewer words says too little to offer somebody another language."""
_SEED = 20
_FEW_WORDS = 2
_SHORT = 3
_FAIRLY_SURE, _SURE, _VERY_SURE = 0.8, 0.6, 0.95
_SENTENCE = 5
_BY_SCRIPT = {
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "DEVANAGARI": "hi",
    "CJK": "zh",
}
# In this order: Urdu has Persian's letters too, and Persian most of Arabic's.
_ONLY_IN = {"ur": frozenset("ٹڈڑےںھہ"), "fa": frozenset("پچژگیک"), "ar": frozenset("ةىيكأإؤئ")}
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


def latin(text: str) -> bool:
    """Whether most letters of a text are Latin; False if it has none. Reads the first 200 characters only."""
    letters = [char for char in text[:200] if char.isalpha()]
    return sum(char < "\u0250" for char in letters) * 2 > len(letters)


def other_than(text: str, current: str) -> str | None:
    """A language that a message is in if it is surely not `current`, else None.

    Looks at everyday words first, then asks the quick reader: when it says `current`, the slow one could not change the
    outcome.
    """
    plain = _plain(text[:MOST_CHARACTERS])
    said = plain.casefold().split()
    if _plainly(said, current):
        return None
    if _script(plain) == "LATIN" and (len(said) < FEWEST_WORDS or by_langid(plain, LATIN) == current):
        return None
    found = detect(text).language
    return None if found == current else found


def _plainly(words: list[str], language: str) -> bool:
    """Whether a third of the words, and two at least, are everyday words of a language, and fewer are of any other."""
    hits = {name: sum(word in known for word in words) for name, known in _common().items()}
    ours = hits.pop(language, 0)
    return ours * 3 >= max(6, len(words)) and ours > max(hits.values())


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
    """Weigh both readers against the short words of each language, and stay silent on a doubt."""
    words = [word.strip("'-").replace("’", "'") for word in text.casefold().split()]
    hits = {name: sum(word in known for word in words) for name, known in _common().items()}
    first, second = by_langdetect(text, LATIN), by_langid(text, LATIN)
    if len(words) <= _FEW_WORDS:
        return _few(words, hits, first, second)
    chosen = first if first == second else _better(first, second, words, hits)
    agreed = first == second and len(words) >= _SENTENCE and _sure(text) >= _VERY_SURE
    if chosen is None or not (_borne_out(chosen, words, hits) or (agreed and chosen != "so" and not hits["roman"])):
        return UNKNOWN
    return Detected(chosen, 0.98 if hits[chosen] else 0.9)


def _few(words: list[str], hits: dict[str, int], first: str | None, second: str | None) -> Detected:
    """Two or three words are known only by words that no other language shares with them."""
    best = max(LATIN, key=lambda name: hits[name])
    alone = hits[best] > max((hits[name] for name in hits if name != best), default=0)
    if best == "en" and alone and hits["en"] == len(words):
        return Detected("en", 0.9)
    if alone and best in (first, second) and hits[best] * 2 >= len(words) and not hits["en"]:
        return Detected(best, 0.85)
    agreed = first is not None and first == second and len(words) > 1
    if agreed and first is not None and not hits["en"] and not hits["roman"] and first not in ("so", "en"):
        marked = any(ord(char) > 127 for word in words for char in word)
        return Detected(first, 0.7) if marked or _sure(" ".join(words)) >= _FAIRLY_SURE else UNKNOWN
    return UNKNOWN


def _better(first: str | None, second: str | None, words: list[str], hits: dict[str, int]) -> str | None:
    """Where the readers differ, follow the one whose short words are there; in a sentence, py3langid on a draw."""
    if first is None or second is None:
        return None
    if hits[first] == hits[second]:
        return second if len(words) >= _SENTENCE or _sure(" ".join(words)) >= _SURE else None
    winner = first if hits[first] > hits[second] else second
    return winner if hits[winner] >= max(hits[name] for name in LATIN) else None


def _borne_out(language: str, words: list[str], hits: dict[str, int]) -> bool:
    """A few languages are taken for others so often that they must show their own words."""
    if hits["roman"] > hits[language] and hits["roman"] * 4 >= len(words):
        return False
    marked = any(ord(char) > 127 for word in words for char in word)
    unproven = language != "en" and not hits[language] and not marked
    if len(words) <= _SHORT and unproven and _sure(" ".join(words)) < _SURE:
        return False
    if language == "so" or (language == "cy" and hits["en"]):
        return hits[language] > hits["en"]
    return language == "en" or hits["en"] <= hits[language] or (hits["en"] * 2 < len(words) and len(words) > _SHORT)


@cache
def _common() -> dict[str, frozenset[str]]:
    import yaml

    data = yaml.load((Path(__file__).parent / "common_words.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)
    return {name: frozenset(str(words).casefold().split()) for name, words in data.items()}


def _agree(text: str, allowed: tuple[str, ...]) -> Detected:
    first, second = by_langdetect(text, allowed), by_langid(text, allowed)
    if second is not None and (first == second or len(text.split()) > _SENTENCE):
        return Detected(second, 0.9)
    alone = next((name for name, letters in _ONLY_IN.items() if letters & set(text)), None)
    return Detected(alone, 0.8) if alone in (first, second) and alone is not None else UNKNOWN


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


def by_langdetect(text: str, allowed: tuple[str, ...]) -> str | None:
    """Ask langdetect alone, among the `allowed` languages; None where it finds nothing to go by."""
    from langdetect.lang_detect_exception import LangDetectException

    detector = _factory().create()
    detector.set_prior_map(dict.fromkeys(map(_profile, allowed), 1.0))
    detector.append(text.lower())
    try:
        return str(detector.detect()).removesuffix("-cn")
    except LangDetectException:
        return None


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def _sure(text: str) -> float:
    return float(_identifier().rank(text)[0][1])


def by_langid(text: str, allowed: tuple[str, ...]) -> str | None:
    """Ask py3langid alone, among the `allowed` languages."""
    return next((name for name, _ in _identifier().rank(text.lower()) if name in allowed), None)
