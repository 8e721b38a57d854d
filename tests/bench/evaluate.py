"""Measures the understanding of messages beside simpler ways, all in the same run: `make evaluate`.

Reads the measuring data beside the project where it is present and says so where it is not. Nothing here trains what
ships, and no row's text is ever printed: rows are people's words.
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

from bot.nlu import faq, language
from bot.nlu.distress import screen
from bot.nlu.ngrams import parts, rarest, rarity, unit
from bot.nlu.phrases import Phrases, load_phrases

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
Row = Mapping[str, Any]
KEYWORDS = (
    "kill myself", "killing myself", "suicide", "suicidal", "end my life", "ending my life", "want to die", "self harm",
    "self-harm", "cut myself", "hurt myself", "overdose", "end it all", "take my own life", "better off dead",
    "no reason to live", "kms",
)  # fmt: skip


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


def distress(phrases: Phrases) -> None:
    """Share of each kind of row that is raised to P0 or P1: recall on crisis, false alarms on the rest."""
    slices: dict[str, Callable[[Row], bool]] = {
        "real posts": lambda row: row["label"] == "crisis" and row["tier"] == "core",
        "weak posts": lambda row: row["label"] == "crisis" and row["tier"] == "weak",
        "test phrases": lambda row: row["kind"] == "suicide_selfharm" and row["tier"] == "functional",
        "abuse": lambda row: row["kind"] == "abuse_danger",
        "false: everyday": lambda row: row["kind"] == "everyday",
        "false: adversarial": lambda row: row["kind"] == "hard_negative",
    }
    data = rows(DATA / "distress" / "dev.jsonl")
    chosen = {name: [str(row["text"]) for row in data if keep(row)] for name, keep in slices.items()}
    readers: dict[str, Callable[[str], bool]] = {
        f"{len(KEYWORDS)} keywords": lambda text: any(word in text.casefold() for word in KEYWORDS),
        "Hearthline, phrases": lambda text: screen([text], phrases).urgent,
    }
    lines = [(name, [share(map(read, texts)) for texts in chosen.values()]) for name, read in readers.items()]
    table("Distress (development rows)", list(chosen), lines if data else [])


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


def questions(name: str) -> None:
    """Accuracy of the matcher and of plain nearest example on a public bank, with 3, 5 and 10 examples an answer."""
    train, test = rows(DATA / "faq" / f"{name}_train.jsonl"), rows(DATA / "faq" / f"{name}_test.jsonl")
    strange = [str(row["text"]) for row in rows(DATA / "faq" / f"{name}_oos_test.jsonl")]
    by: dict[str, list[str]] = {}
    for row in train:
        if row["intent"] != "oos":
            by.setdefault(str(row["intent"]), []).append(str(row["text"]))
    asked = [row for row in test if row["intent"] in by]
    asked = random.Random(1).sample(asked, min(800, len(asked)))
    lines = []
    for size in (3, 5, 10):
        draw = random.Random(size)
        bank = [Topic(key, {"en": draw.sample(texts, min(size, len(texts)))}) for key, texts in by.items()]
        lines.append((f"nearest TF-IDF, {size}", [*_nearest(bank, asked), math.nan, math.nan]))
        lines.append((f"Hearthline, {size}", _matched(bank, asked, strange)))
    table(f"FAQ: {name}", ["first", "first three", "refused at 95%", "ms"], lines if asked else [])


def _matched(bank: Sequence[Topic], asked: Sequence[Row], strange: Sequence[str]) -> list[float]:
    index = faq.build(bank)
    began = time.process_time()
    ranked = [faq.candidates(index, str(row["text"]), "en") for row in asked]
    spent = (time.process_time() - began) * 1000 / len(asked)
    first = share(bool(found) and found[0].id == row["intent"] for found, row in zip(ranked, asked, strict=True))
    three = share(row["intent"] in [one.id for one in found[:3]] for found, row in zip(ranked, asked, strict=True))
    scores = sorted(found[0].score if found else 0.0 for found in ranked)
    floor = scores[len(scores) // 20]
    outside = [faq.candidates(index, text, "en") for text in strange]
    return [first, three, share((found[0].score if found else 0.0) < floor for found in outside), spent]


def _nearest(bank: Sequence[Topic], asked: Sequence[Row]) -> list[float]:
    owned = [(topic.id, parts(example)) for topic in bank for example in topic.examples["en"]]
    idf = rarity(count for _, count in owned)
    strange = rarest(idf)
    vectors = [(owner, unit(count, idf, strange)) for owner, count in owned]
    right = []
    for row in asked[:200]:
        vector = unit(parts(str(row["text"])), idf, strange)
        best = max(vectors, key=lambda pair: sum(value * pair[1].get(part, 0.0) for part, value in vector.items()))
        right.append(best[0] == row["intent"])
    # Only its first answer is measured.
    return [share(right), math.nan]


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


def _precision(said: Sequence[tuple[str | None, str]]) -> float:
    return share(one == truth for one, truth in said if one is not None)


def main() -> None:
    """Print every table."""
    if not DATA.exists():
        print("The measuring data is not beside the project: only its own examples are measured.")
    phrases = load_phrases(ROOT / "flows" / "safety" / "phrases")
    print(f"{len(phrases.rules)} patterns in {len(Counter(rule.language for rule in phrases.rules))} languages")
    distress(phrases)
    own_examples(phrases)
    speed(phrases)
    for name in ("clinc150", "hwu64"):
        questions(name)
    languages()


if __name__ == "__main__":
    main()
