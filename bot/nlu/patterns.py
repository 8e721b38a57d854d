"""A small pattern language over words, and the automaton that finds every pattern in one pass.

A pattern is a row of words: `(a|b c)` is a choice, `(a)?` may be missing, `words?` may lack its last letter, `word*`
begins so, `<name>` is a named choice, `..` stands for up to three words, `..5` for up to five, `_` for exactly one. `^`
begins a sentence and `$` ends it. All patterns of all languages become one automaton that reads each word once and goes
back never, so no input can make it slower than linear.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from bot.nlu.normalise import words

ANY = -1
_OTHER = frozenset({-3})
"""Stands for any word that no pattern names at a stage."""
END = "\n"
"""Written `$` in a pattern; whoever runs the automaton puts this word at the end of each sentence."""
GAP = 3
_MOST_KEPT = 600_000
"""Ways from stage to stage, and nodes of stages, that are remembered: 8 MiB of everyday words, 32 of hostile ones."""
_WORDS_KEPT = 20000
_LEXEMES = re.compile(r"<[\w-]+>|\.\.\d*|[()|?_^$]|[^\s()|?<>^$]+\??")


@lru_cache(maxsize=65536)
def spelt(text: str) -> tuple[str, ...]:
    """Cut a piece of a pattern into words, folded as messages are."""
    return tuple(token.text for token in words(text))


class PatternError(ValueError):
    """A pattern is not well written; the message says which and how."""


class Point(NamedTuple):
    """Where a pattern can stand after a word: by which words it goes on, whether any word will do, what ended here."""

    steps: dict[int, tuple[int, ...]]
    any: tuple[int, ...]
    done: tuple[int, ...]


class Stage(NamedTuple):
    """All that patterns begun at one word can still become. `ahead` remembers the stages after each word met so far."""

    steps: tuple[dict[int, tuple[int, ...]], ...]
    any: tuple[int, ...]
    done: tuple[int, ...]
    ahead: "dict[frozenset[int], Stage | None]"


class Automaton:
    """All patterns as one automaton over symbols. `add` them all, then `finish`, then `run`."""

    def __init__(self) -> None:
        """Start empty."""
        self.symbols: dict[str, int] = {}
        self.stems: dict[str, int] = {}
        self.heads: list[int] = []
        self.opening: list[bool] = []
        self.free: list[list[int]] = []
        self._steps: list[dict[int, tuple[int, ...]]] = []
        self._accepts: dict[int, int] = {}
        self._points: dict[int, Point] = {}
        self._root = Stage((), (), (), {})
        self._stages: dict[frozenset[int], Stage] = {}
        self._kept = 0
        self._end = -2

    def node(self) -> int:
        """Make one more node."""
        self._steps.append({})
        self.free.append([])
        return len(self._steps) - 1

    def symbol(self, word: str) -> int:
        """Number of a word, or of a beginning written `word*`."""
        table = self.stems if word.endswith("*") else self.symbols
        return table.setdefault(word.rstrip("*"), len(self.symbols) + len(self.stems))

    def link(self, start: int, symbol: int, end: int) -> None:
        """Let `symbol` lead from one node to another."""
        self._steps[start][symbol] = (*self._steps[start].get(symbol, ()), end)

    def add(self, pattern: str, names: Mapping[str, Sequence[str]]) -> int:
        """Add a pattern and give its number. Raises `PatternError`."""
        number = len(self.heads)
        body = pattern.strip()
        self.opening.append(body.startswith("^"))
        head = self.node()
        end = _Reader(self, body.lstrip("^ "), names).read(head)
        self.heads.append(head)
        self._accepts[end] = number
        if end in self._closure(head):
            raise PatternError(f"pattern {pattern!r} can match nothing at all: make one word of it required")
        return number

    def _closure(self, node: int) -> set[int]:
        """All nodes reached without reading a word."""
        seen, waiting = {node}, [node]
        while waiting:
            for other in self.free[waiting.pop()]:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return seen

    def finish(self) -> "Automaton":
        """Fold the steps that read no word into the points between words. Call once, after the last `add`."""
        shared: dict[tuple[int, ...], dict[int, tuple[int, ...]]] = {}
        ends = {end for steps in self._steps for targets in steps.values() for end in targets}
        self._points = {node: self._point(self._closure(node), shared) for node in ends | set(self.heads)}
        first = self._point(set().union(*(self._closure(head) for head in self.heads)), shared)
        self._root = _stage([first])
        self._end = self.symbols.get(END, -2)
        self._steps.clear()
        self.free.clear()
        return self

    def _point(self, nodes: set[int], shared: dict[tuple[int, ...], dict[int, tuple[int, ...]]]) -> Point:
        live = tuple(sorted(node for node in nodes if self._steps[node].keys() - {ANY}))
        if live not in shared:
            merged: dict[int, set[int]] = {}
            for node in live:
                for symbol, targets in self._steps[node].items():
                    if symbol != ANY:
                        merged.setdefault(symbol, set()).update(targets)
            shared[live] = {symbol: tuple(sorted(targets)) for symbol, targets in merged.items()}
        wild = {end for node in nodes for end in self._steps[node].get(ANY, ())}
        done = {self._accepts[node] for node in nodes if node in self._accepts}
        return Point(shared[live], tuple(sorted(wild)), tuple(sorted(done)))

    def run(self, row: Sequence[frozenset[int]]) -> list[tuple[int, int, int]]:
        """Find (pattern, place of its first word, place of its last) in a row of words.

        Where a pattern may have begun at several places, the earliest counts. Nothing is found across an `END`.
        """
        found: list[tuple[int, int, int]] = []
        live: list[tuple[int, Stage]] = []
        for place, word in enumerate(row):
            after: list[tuple[int, Stage]] = []
            done: dict[int, int] = {}
            for start, stage in [*live, (place, self._root)]:
                ahead = stage.ahead[word] if word in stage.ahead else self._ahead(stage, word)
                if ahead is not None:
                    after.append((start, ahead))
                    for number in ahead.done:
                        done.setdefault(number, start)
            found.extend((number, start, place) for number, start in sorted(done.items()))
            live = [] if self._end in word else after
        return found

    def _ahead(self, stage: Stage, word: frozenset[int]) -> Stage | None:
        """The stage after one more word, worked out when it is first asked for, None if no pattern goes on."""
        if self._kept >= _MOST_KEPT:
            self._forget()
        self._kept += 1
        named = [table[symbol] for symbol in word for table in stage.steps if symbol in table]
        if named or _OTHER not in stage.ahead:
            nodes = frozenset(stage.any).union(*named)
            stage.ahead[word if named else _OTHER] = self._stage(nodes) if nodes else None
        found = stage.ahead[word] = stage.ahead[word if named else _OTHER]
        return found

    def _stage(self, nodes: frozenset[int]) -> Stage:
        known = self._stages.get(nodes)
        if known is None:
            self._kept += len(nodes)
            known = self._stages[nodes] = _stage([self._points[node] for node in nodes])
        return known

    def _forget(self) -> None:
        """Start afresh, so that no row of messages can fill the memory. A run under way keeps the stages that it has."""
        self._stages, self._kept = {}, 0
        self._root = self._root._replace(ahead={})


def _stage(points: Iterable[Point]) -> Stage:
    points = list(points)
    tables = {id(point.steps): point.steps for point in points if point.steps}
    return Stage(
        tuple(tables.values()),
        tuple({target for point in points for target in point.any}),
        tuple({number for point in points for number in point.done}),
        {},
    )


class _Reader:
    """Recursive descent over one pattern, building nodes as it reads."""

    def __init__(self, automaton: Automaton, pattern: str, names: Mapping[str, Sequence[str]]) -> None:
        self.automaton = automaton
        self.pattern = pattern
        self.names = names
        self.lexemes = _LEXEMES.findall(pattern)
        self.place = 0

    def read(self, start: int) -> int:
        end = self._choice(start)
        if self.place != len(self.lexemes):
            raise PatternError(f"pattern {self.pattern!r}: {self.lexemes[self.place]!r} is not expected there")
        return end

    def _peek(self) -> str:
        return self.lexemes[self.place] if self.place < len(self.lexemes) else ""

    def _choice(self, start: int) -> int:
        end = self.automaton.node()
        while True:
            self.automaton.free[self._row(start)].append(end)
            if self._peek() != "|":
                return end
            self.place += 1

    def _row(self, start: int) -> int:
        while self._peek() not in ("", "|", ")"):
            start = self._maybe(start)
        return start

    def _maybe(self, start: int) -> int:
        # A fresh node on either side keeps the free step of `?` from leaking into its neighbours.
        begin = self.automaton.node()
        self.automaton.free[start].append(begin)
        end = self._one(begin)
        if self._peek() == "?":
            self.place += 1
            after = self.automaton.node()
            self.automaton.free[end].append(after)
            self.automaton.free[begin].append(after)
            return after
        return end

    def _one(self, start: int) -> int:
        lexeme = self._peek()
        self.place += 1
        if lexeme == "(":
            end = self._choice(start)
            if self._peek() != ")":
                raise PatternError(f"pattern {self.pattern!r}: a bracket is not closed")
            self.place += 1
            return end
        if lexeme.startswith(".."):
            return self._gap(start, int(lexeme[2:] or GAP))
        if lexeme == "_":
            return self._step(start, ANY)
        if lexeme == "$":
            return self._step(start, self.automaton.symbol(END))
        if lexeme.startswith("<"):
            return self._named(start, lexeme[1:-1])
        return self._words(start, lexeme)

    def _named(self, start: int, name: str) -> int:
        if name not in self.names:
            raise PatternError(f"pattern {self.pattern!r}: there is no list called {name!r}")
        end = self.automaton.node()
        for member in self.names[name]:
            inner = _Reader(self.automaton, member, self.names).read(self._spur(start))
            self.automaton.free[inner].append(end)
        return end

    def _spur(self, start: int) -> int:
        node = self.automaton.node()
        self.automaton.free[start].append(node)
        return node

    def _gap(self, start: int, size: int) -> int:
        end = self.automaton.node()
        self.automaton.free[start].append(end)
        for _ in range(size):
            start = self._step(start, ANY)
            self.automaton.free[start].append(end)
        return end

    def _step(self, start: int, symbol: int) -> int:
        end = self.automaton.node()
        self.automaton.link(start, symbol, end)
        return end

    def _words(self, start: int, text: str) -> int:
        if text.endswith("?"):
            end = self.automaton.node()
            for form in (text[:-1], text[:-2]):
                self.automaton.free[self._words(self._spur(start), form)].append(end)
            return end
        stem = text.endswith("*")
        cut = spelt(text.rstrip("*"))
        if not cut:
            raise PatternError(f"pattern {self.pattern!r}: {text!r} holds no word")
        for word in cut[:-1]:
            start = self._step(start, self.automaton.symbol(word))
        return self._step(start, self.automaton.symbol(cut[-1] + ("*" if stem else "")))


class Lexicon:
    """Reads a word as the symbols it stands for, through digits, repeated letters and small misspellings."""

    def __init__(self, automaton: Automaton, fuzzy: Iterable[str], ordinary: Iterable[str]) -> None:
        """Know the automaton's words. `fuzzy` may be misspelt; `ordinary` words are never taken for another."""
        self.automaton = automaton
        self.ordinary = frozenset(ordinary)
        self.sizes = sorted({len(stem) for stem in automaton.stems})
        self.squeezed: dict[str, set[str]] = {}
        for word in automaton.symbols:
            if len(word) > 2:
                self.squeezed.setdefault(_squeeze(word), set()).add(word)
        self.deletions: dict[str, set[str]] = {}
        for word in fuzzy:
            for shorter in _deletions(word):
                self.deletions.setdefault(shorter, set()).add(word)
        self._known: dict[str, frozenset[int]] = {}

    def read(self, word: str) -> frozenset[int]:
        """Give the symbols a word stands for, none if it means nothing to any pattern."""
        known = self._known.get(word)
        if known is None:
            if len(self._known) >= _WORDS_KEPT:
                self._known.clear()
            known = self._known[word] = self._work_out(word)
        return known

    def knows(self, word: str) -> bool:
        """Whether a word is written exactly so in some pattern."""
        return word in self.automaton.symbols

    def _work_out(self, word: str) -> frozenset[int]:
        readings: tuple[Callable[[str], Iterable[str]], ...] = (
            _same,
            _letters_for_digits,
            self._unrepeated,
            self._misspelt,
        )
        for reading in readings:
            found = frozenset(symbol for form in reading(word) for symbol in self._exact(form))
            if found:
                return found
        return frozenset()

    def _exact(self, word: str) -> Iterable[int]:
        if word in self.automaton.symbols:
            yield self.automaton.symbols[word]
        for size in self.sizes:
            if size > len(word):
                return
            if word[:size] in self.automaton.stems:
                yield self.automaton.stems[word[:size]]

    def _unrepeated(self, word: str) -> Iterable[str]:
        if not re.search(r"(.)\1\1", word):
            return ()
        return sorted(self.squeezed.get(_squeeze(word), ()))

    def _misspelt(self, word: str) -> Iterable[str]:
        if len(word) < 4 or len(word) > 24 or word in self.ordinary:
            return ()
        near = {w for shorter in _deletions(word) for w in self.deletions.get(shorter, ()) if _one_off(word, w)}
        return sorted(near)


def _same(word: str) -> Iterable[str]:
    return (word,)


def _letters_for_digits(word: str) -> Iterable[str]:
    from bot.nlu.normalise import undigit

    plain = undigit(word)
    return () if plain == word else (plain, plain.replace("i", "l", 1))


def _squeeze(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _deletions(word: str) -> set[str]:
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def _one_off(a: str, b: str) -> bool:
    """Whether two words differ by one letter added, lost, changed or swapped with its neighbour (Damerau 1964)."""
    if a[0] != b[0] or abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    if len(a) > len(b):
        return rest_a[1:] == rest_b
    if len(a) < len(b):
        return rest_a == rest_b[1:]
    swapped = rest_a[1:2] + rest_a[:1] + rest_a[2:] == rest_b
    return swapped or rest_a[1:] == rest_b[1:]
