"""Measures the understanding of messages beside simpler ways, all in the same run: `make evaluate`.

Reads the measuring data beside the project where it is present and says so where it is not. Nothing here trains what
ships. The project's own misses are printed in full; of the measuring data, which are people's words, only a row's number
and kind.
"""

import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bot import wiring
from bot.encoding import SharedEncoder
from bot.nlu import faq, language
from bot.nlu.distress import screen
from bot.nlu.phrases import Phrases, load_phrases
from bot.nlu.understanding import Candidate, Signal
from bot.settings import Settings
from tests.bench.baselines import KEYWORDS, MORE_KEYWORDS, Bank, keyword_reader, rankers, trained_reader

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
Row = Mapping[str, Any]
Second = Callable[[Sequence[str], Signal], Signal]
SAMPLE = 250
"""Rows of a kind that the slower readers are measured on."""
SHOWN = 12
"""Misses shown of each sort."""
SETTINGS = Settings(_env_file=None)


class Topic(NamedTuple):
    """One intent of a public bank, standing in for an FAQ topic."""

    id: str
    examples: Mapping[str, Sequence[str]]


def rows(path: Path) -> list[Row]:
    """Read JSON lines; nothing if the file is not there."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def table(heading: str, names: Sequence[str], lines: Iterable[tuple[str, Sequence[float]]]) -> None:
    """Print figures in columns."""
    print(f"\n{heading}\n" + f"{'':34}" + "".join(f"{name:>18}" for name in names))
    for label, figures in lines:
        print(f"{label:34}" + "".join(f"{figure:18.4f}" for figure in figures))


def share(hits: Iterable[bool]) -> float:
    """Give the share of true values, 0 for none at all."""
    values = list(hits)
    return sum(values) / len(values) if values else 0.0


SLICES: Mapping[str, Callable[[Row], bool]] = {
    "real posts": lambda row: row["label"] == "crisis" and row["tier"] == "core",
    "test phrases": lambda row: row["kind"] == "suicide_selfharm" and row["tier"] == "functional",
    "abuse": lambda row: row["kind"] == "abuse_danger",
    "weak posts": lambda row: row["label"] == "crisis" and row["tier"] == "weak",
    "false: everyday": lambda row: row["kind"] == "everyday",
    "false: adversarial": lambda row: row["kind"] == "hard_negative",
}


def distress(phrases: Phrases, second: Second) -> None:
    """Share of each kind of row that is raised to P0 or P1: recall on crisis, false alarms on the rest.

    The regression is trained on every other row, and all are measured on a sample of the others.
    """
    data = [{**row, "number": number} for number, row in enumerate(rows(DATA / "distress" / "dev.jsonl"), start=1)]
    taught, asked = data[::2], data[1::2]
    if not data:
        return
    chosen = {name: _some([row for row in asked if keep(row)]) for name, keep in SLICES.items()}
    reads: dict[str, Callable[[str], bool]] = {
        f"{len(KEYWORDS)} keywords": keyword_reader(KEYWORDS),
        f"{len(MORE_KEYWORDS)} keywords": keyword_reader(MORE_KEYWORDS),
        "TF-IDF regression": trained_reader([row["text"] for row in taught], [r["label"] == "crisis" for r in taught]),
        "Hearthline, phrases": lambda text: screen([text], phrases).urgent,
        "Hearthline": lambda text: _read(text, phrases, second).urgent,
    }
    lines = [(name, [share(read(r["text"]) for r in part) for part in chosen.values()]) for name, read in reads.items()]
    table("Distress (development rows)", list(chosen), lines)
    for name, part in chosen.items():
        wrong = [row for row in part if reads["Hearthline"](row["text"]) == name.startswith("false")]
        kinds = [f"{row['number']} ({row['kind']})" for row in wrong[:SHOWN]]
        print(f"{name}: {len(wrong)} of {len(part)} wrong" + (f": rows {', '.join(kinds)}" if kinds else ""))


def _some(every: Sequence[Row]) -> list[Row]:
    return random.Random(1).sample(list(every), min(SAMPLE, len(every)))


def _read(text: str, phrases: Phrases, second: Second) -> Signal:
    first = screen([text], phrases)
    return first if first.urgent else second([text], first)


def own_examples(phrases: Phrases) -> None:
    """The project's own examples, by language: recall, named concern, false alarms."""
    lines = []
    for path in sorted((ROOT / "tests" / "nlu" / "distress").glob("*.yaml")):
        suite = yaml.safe_load(path.read_text("utf-8"))
        urgent = [(concern, screen([text], phrases)) for concern, texts in suite["urgent"].items() for text in texts]
        calm = share(screen([text], phrases).urgent for text in suite["calm"])
        named = share(concern in signal.concerns for concern, signal in urgent)
        lines.append((path.stem, [share(signal.urgent for _, signal in urgent), named, calm]))
    table("Distress (own examples)", ["recall", "named", "false"], lines)


def speed(phrases: Phrases) -> None:
    """Milliseconds to screen messages, scaled to 300 characters."""
    texts = [str(row["text"]) for row in rows(DATA / "distress" / "dev.jsonl")][:4000]
    spent = []
    for text in texts:
        began = time.process_time()
        screen([text], phrases)
        spent.append((time.process_time() - began) * 1000 * 300 / max(300, len(text)))
    spent.sort()
    if spent:
        figures = [spent[len(spent) // 2], spent[int(len(spent) * 0.99)], spent[-1]]
        table("Screening, ms for 300 characters", ["p50", "p99", "most"], [("Hearthline, phrases", figures)])


def questions(name: str, shared: SharedEncoder) -> None:
    """Accuracy on a public bank with 3, 5 and 10 examples an answer, and refusal of what is out of its scope."""
    train, test = rows(DATA / "faq" / f"{name}_train.jsonl"), rows(DATA / "faq" / f"{name}_test.jsonl")
    strange = [str(row["text"]) for row in _some(rows(DATA / "faq" / "clinc150_oos_test.jsonl"))]
    by: dict[str, list[str]] = {}
    for row in train:
        if row["intent"] != "oos":
            by.setdefault(str(row["intent"]), []).append(str(row["text"]))
    asked = _some([row for row in test if row["intent"] in by])
    lines: list[tuple[str, list[float]]] = []
    for size in (3, 5, 10):
        draw = random.Random(size)
        bank = Bank({key: draw.sample(texts, min(size, len(texts))) for key, texts in by.items()})
        lines += [(f"{way}, {size}", _ranked(rank, asked)) for way, rank in rankers(bank).items()] if asked else []
        topics = [Topic(key, {"en": texts}) for key, texts in bank.examples.items()]
        for way, read in (("letters", None), ("", shared.read if shared.open() else None)):
            if asked and (way or read):
                lines.append(
                    (f"Hearthline {way}".strip() + f", {size}", _matched(faq.build(topics, read), asked, strange))
                )
    heading = ["first", "answered right", "first three", "refused at 95%", "ms"]
    table(f"FAQ: {name}", heading, lines)


def _ranked(rank: Callable[[str], list[str]], asked: Sequence[Row]) -> list[float]:
    began = time.process_time()
    found = [(rank(str(row["text"])), row["intent"]) for row in asked]
    spent = (time.process_time() - began) * 1000 / len(asked)
    first, three = share(topic == one[0] for one, topic in found), share(topic in one[:3] for one, topic in found)
    return [first, math.nan, three, math.nan, spent]


def _matched(index: faq.Index, asked: Sequence[Row], strange: Sequence[str]) -> list[float]:
    began = time.process_time()
    ranked = [(faq.candidates(index, str(row["text"]), "en"), str(row["intent"])) for row in asked]
    spent = (time.process_time() - began) * 1000 / len(asked)
    first = share(bool(found) and found[0].id == topic for found, topic in ranked)
    answered = share(faq.decide(index, found).answer == topic for found, topic in ranked)
    three = share(topic in [one.id for one in found[:3]] for found, topic in ranked)
    floor = sorted(_top(found) for found, _ in ranked)[len(ranked) // 20]
    outside = share(_top(faq.candidates(index, text, "en")) < floor for text in strange)
    return [first, answered, three, outside, spent]


def _top(found: Sequence[Candidate]) -> float:
    return found[0].score if found else 0.0


def own_questions(shared: SharedEncoder) -> None:
    """The shipped answers asked in the project's own questions, and what is wrong, in full."""
    asked, outside = rows(ROOT / "tests/nlu/faq_suite.jsonl"), rows(ROOT / "tests/nlu/faq_outside.jsonl")
    book = wiring.book(SETTINGS)
    ways = {"Hearthline letters": SharedEncoder(None, lambda: None).index(book)}
    if shared.open() is not None:
        ways["Hearthline"] = shared.index(book)
    lines, wrong = [], list[str]()
    for name, index in ways.items():
        ranked = [(faq.candidates(index, row["text"], "en"), row["id"]) for row in asked]
        right = [faq.decide(index, found).answer == topic for found, topic in ranked]
        three = [topic in [one.id for one in found[:3]] for found, topic in ranked]
        answers = [faq.match(index, row["text"], "en").answer for row in outside]
        lines.append((name, [share(right), share(three), share(answer is None for answer in answers)]))
        wrong = [f"{r['text']!r}: {r['id']}" for r, ok in zip(asked, right, strict=True) if not ok]
        wrong += [f"{r['text']!r}: {answer}, not ours" for r, answer in zip(outside, answers, strict=True) if answer]
    table("FAQ: own questions, shipped answers", ["answered right", "first three", "outside refused"], lines)
    print("Not right:\n  " + "\n  ".join(wrong))


def languages() -> None:
    """Accuracy, share said at all, and share right when said, beside each reader alone."""
    data = rows(DATA / "language" / "dev.jsonl")
    readers: dict[str, Callable[[str], str | None]] = {
        "langdetect": lambda text: language.by_langdetect(text, language.LANGUAGES),
        "py3langid": lambda text: language.by_langid(text, language.LANGUAGES),
        "Hearthline": lambda text: language.detect(text).language,
    }
    for part in sorted({str(row["slice"]) for row in data}):
        chosen = [row for row in data if row["slice"] == part]
        lines = []
        for name, read in readers.items():
            said = [(read(str(row["text"])), str(row["lang"])) for row in chosen]
            right = [one == truth for one, truth in said]
            lines.append((name, [share(right), share(one is not None for one, _ in said), _precision(said)]))
        table(f"Language: {part}", ["right", "said", "right when said"], lines)
    _short_english(readers)


def _short_english(readers: Mapping[str, Callable[[str], str | None]]) -> None:
    """The shipped example questions of one to three words, which must not be taken for another language."""
    english = [text for topic in wiring.book(SETTINGS).faq for text in topic.examples["en"] if len(text.split()) <= 3]
    lines = []
    for name, read in readers.items():
        said = [read(text) for text in english]
        lines.append((name, [share(one == "en" for one in said), share(one not in (None, "en") for one in said)]))
    table("Language: own English of 1 to 3 words", ["right", "another language"], lines)


def _precision(said: Sequence[tuple[str | None, str]]) -> float:
    return share(one == truth for one, truth in said if one is not None)


def main() -> None:
    """Print every table."""
    if not DATA.exists():
        print("The measuring data is not beside the project: only its own examples are measured.")
    phrases = load_phrases(ROOT / "flows" / "safety" / "phrases")
    print(f"{len(phrases.rules)} patterns in {len(Counter(rule.language for rule in phrases.rules))} languages")
    encoder = wiring.encoder(SETTINGS)
    if encoder().open() is None:
        print("There is no encoder here: English is matched by its letters alone.")
    distress(phrases, wiring.second_reader(encoder))
    own_examples(phrases)
    speed(phrases)
    own_questions(encoder())
    for name in ("clinc150", "hwu64"):
        questions(name, encoder())
    languages()


if __name__ == "__main__":
    main()
