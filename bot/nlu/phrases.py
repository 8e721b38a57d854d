"""Distress phrases, hazards and the grammar that changes their meaning, read from one YAML file per language.

Authors write patterns (see `bot.nlu.patterns`) under a concern and a level, and contexts (negation, the past, a film)
that lower what they stand beside. All languages are read into one automaton, since distress is never gated by the
language a tenant is thought to write in.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

import yaml

from bot.nlu.patterns import Automaton, Lexicon, PatternError, spelt
from bot.nlu.understanding import About, Level

Context = Literal["shield", "negation", "past", "recovery", "now", "quoted", "supposed", "joke", "turn"]
CONCERNS = frozenset(
    [
        "suicide",
        "self-harm",
        "overdose",
        "domestic-abuse",
        "sexual-violence",
        "child-at-risk",
        "adult-at-risk",
        "threat-to-others",
        "violence-now",
        "hate-crime-now",
        "gas",
        "fire",
        "electrical",
        "medical-emergency",
        "trapped",
        "homeless-tonight",
        "cold-hungry",
        "despair",
        "panic",
        "grief",
        "loneliness",
        "destitution",
    ]
)

# Every scalar stays a string: "no", "on" and "off" are words here, not truth values.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Rule(NamedTuple):
    """What one pattern means: a concern with its level, or a context (then `context` is set).

    firm: said whatever stands around it. weight: how much a P2 rule adds when several are found together. negators: the
    negations that the pattern itself may hold ("don't want to live"): a find with one in it is not lowered by one.
    starters: words with which the language begins a new clause, and which a negation does not pass.
    """

    name: str
    language: str
    concern: str = ""
    level: Level = "P3"
    about: About = "self"
    firm: bool = False
    weight: float = 1.0
    negators: frozenset[str] = frozenset()
    starters: frozenset[str] = frozenset()
    context: Context | None = None


class Phrases(NamedTuple):
    """Every rule of every language, made ready for `bot.nlu.distress.screen`."""

    automaton: Automaton
    lexicon: Lexicon
    rules: tuple[Rule, ...]


class PhraseError(ValueError):
    """A phrase file is not well written; the message names the file and says what to change."""


def load_phrases(root: Path) -> Phrases:
    """Read `<root>/*.yaml` (usually `flows/safety/phrases`). Raises `PhraseError`."""
    paths = sorted(root.glob("*.yaml"))
    if not paths:
        raise PhraseError(f"{root} holds no phrase files: without them no distress can be noticed")
    automaton, rules = Automaton(), list[Rule]()
    fuzzy, ordinary = set[str](), set[str]()
    for path in paths:
        data = yaml.load(path.read_text("utf-8"), Loader=_LOADER)
        try:
            _take(data, automaton, rules)
        except (PatternError, KeyError, TypeError) as problem:
            raise PhraseError(f"{path.name}: {problem}") from problem
        fuzzy.update(_folded(data.get("fuzzy", ())))
        ordinary.update(_folded(data.get("ordinary", ())))
    automaton.finish()
    return Phrases(automaton, Lexicon(automaton, fuzzy & automaton.symbols.keys(), ordinary), tuple(rules))


def _folded(entries: Iterable[str]) -> Iterable[str]:
    return (word for entry in entries for word in spelt(str(entry)))


def _take(data: Mapping[str, Any], automaton: Automaton, rules: list[Rule]) -> None:
    language, names = str(data["language"]), data.get("names", {})
    denials = frozenset(_folded(data.get("negators", ())))
    starters = frozenset(_folded(data.get("starters", ())))
    for group in data.get("signals", ()):
        _check(group)
        for pattern in group["say"]:
            rule = Rule(
                name=str(pattern),
                language=language,
                concern=group["concern"],
                level=group["level"],
                about=group.get("about", "self"),
                firm=group.get("firm", "false") == "true",
                weight=float(group.get("weight", 1.0)),
                negators=denials & _words_of([pattern], names),
                starters=starters,
            )
            _add(automaton, rules, rule, names)
    for context, patterns in data.get("contexts", {}).items():
        if context not in get_args(Context):
            raise PatternError(f"{context!r} is no context; use one of {', '.join(get_args(Context))}")
        for pattern in patterns:
            _add(automaton, rules, Rule(str(pattern), language, context=cast(Context, context)), names)


def _words_of(patterns: Iterable[str], names: Mapping[str, Any]) -> frozenset[str]:
    """All words that patterns mention, through named lists too."""
    found: set[str] = set()
    for pattern in patterns:
        for name in re.findall(r"<([\w-]+)>", pattern):
            found |= _words_of(names.get(name, ()), names)
        found.update(_folded([re.sub(r"<[\w-]+>|[()|?^$_]|\.\.\d*", " ", pattern)]))
    return frozenset(found)


def _check(group: Mapping[str, Any]) -> None:
    if group["concern"] not in CONCERNS:
        raise PatternError(f"{group['concern']!r} is no concern; use one of {', '.join(sorted(CONCERNS))}")
    if group["level"] not in get_args(Level):
        raise PatternError(f"{group['level']!r} is no level; use P0, P1, P2 or P3")
    if group.get("about", "self") not in get_args(About):
        raise PatternError(f"{group['about']!r} is nobody; use self, other or child")


def _add(automaton: Automaton, rules: list[Rule], rule: Rule, names: Mapping[str, Any]) -> None:
    number = automaton.add(rule.name, names)
    if number != len(rules):
        raise PatternError(f"pattern {rule.name!r} lost its number")
    rules.append(rule)
