"""Screening: the examples of every language, the grammar that changes meaning, and hostile input."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.nlu.distress import screen
from bot.nlu.phrases import PhraseError, Phrases, load_phrases

ROOT = Path(__file__).parents[2]
FILES = sorted((Path(__file__).parent / "distress").glob("*.yaml"))
LANGUAGES = {"en", "cy", "pl", "ro", "pa", "gu", "ur", "bn", "ar", "so", "pt", "es", "fr", "it", "lt", "tr", "fa", "ta"}
LANGUAGES |= {"hi", "uk", "zh"}
ASKED = {"suicide", "self-harm", "overdose", "domestic-abuse", "violence-now", "child-at-risk", "fire", "gas"}
ASKED |= {"homeless-tonight"}
LEAST_URGENT, LEAST_CALM = 40, 20


def read(path: Path) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def phrases() -> Phrases:
    return load_phrases(ROOT / "flows" / "safety" / "phrases")


SUITE = {path.stem: read(path) for path in FILES}
URGENT = [
    pytest.param(concern, texts, id=f"{language}-{concern}")
    for language, suite in SUITE.items()
    for concern, texts in suite["urgent"].items()
]


@pytest.mark.parametrize(("concern", "texts"), URGENT)
def test_danger_is_noticed_and_named(concern: str, texts: list[str], phrases: Phrases) -> None:
    found = {text: screen([text], phrases) for text in texts}
    assert [text for text, signal in found.items() if not signal.urgent] == []
    assert [text for text, signal in found.items() if concern not in signal.concerns] == []


@pytest.mark.parametrize("language", SUITE)
def test_ordinary_messages_raise_nobody(language: str, phrases: Phrases) -> None:
    assert [text for text in SUITE[language]["calm"] if screen([text], phrases).urgent] == []


def test_every_language_has_phrases_and_enough_examples() -> None:
    assert {path.stem for path in (ROOT / "flows" / "safety" / "phrases").glob("*.yaml")} == LANGUAGES
    assert {path.stem for path in FILES} == LANGUAGES
    for path in FILES:
        rows = read(path)
        assert rows["urgent"].keys() >= ASKED, path.stem
        assert sum(map(len, rows["urgent"].values())) >= LEAST_URGENT, path.stem
        assert len(rows["calm"]) >= LEAST_CALM, path.stem


ENGLISH = read(Path(__file__).parent / "distress" / "en.yaml")


@pytest.mark.parametrize("text", ENGLISH["at_least_p2"])
def test_distress_is_seen_though_not_urgent(text: str, phrases: Phrases) -> None:
    assert screen([text], phrases).level in ("P0", "P1", "P2")


@pytest.mark.parametrize("messages", ENGLISH["split"])
def test_a_sentence_split_over_messages_counts(messages: list[str], phrases: Phrases) -> None:
    assert screen(messages, phrases).urgent


@pytest.mark.parametrize(("who", "text"), [(who, text) for who, texts in ENGLISH["about"].items() for text in texts])
def test_who_is_meant(who: str, text: str, phrases: Phrases) -> None:
    assert screen([text], phrases).about == who


LEVELS = [
    ("I can smell gas", "P0"),
    ("I've taken an overdose", "P0"),
    ("I want to die", "P1"),
    ("this damp is killing me. I want to die", "P1"),
    ("this damp is killing me", "P3"),
    ("I'm hopeless and there's no one to turn to", "P1"),
    ("I feel hopeless about everything", "P2"),
    ("I do not want to die, I just need a nap", "P2"),
    ("im not ok i want to die", "P1"),
    ("never thought of killing myself", "P2"),
    ("not going to work today. i want to kill myself", "P1"),
    ("everyone asks if i'm not suicidal and i keep lying, i want to kill myself", "P1"),
    ("kms lol", "P2"),
    ("in the film he says i want to die", "P3"),
    ("how do I pay my rent?", "P3"),
    ("", "P3"),
    ("👍", "P3"),
    ("12345", "P3"),
]


@pytest.mark.parametrize(("text", "level"), LEVELS)
def test_levels(text: str, level: str, phrases: Phrases) -> None:
    assert screen([text], phrases).level == level


STORY = [
    ("i've got money trouble and the bailiffs have written", "P2"),
    ("it's hopeless, i can't see a way out of this", "P1"),
    ("it all feels hopeless", "P2"),
    ("i just want it to make it all go away", "P1"),
    ("i've been saving up my tablets", "P1"),
]


@pytest.mark.parametrize(("text", "level"), STORY)
def test_one_customers_story_is_noticed_at_each_of_its_words(text: str, level: str, phrases: Phrases) -> None:
    assert screen([text], phrases).level == level


@pytest.mark.parametrize(
    ("text", "lowered"),
    [
        ("i no longer want to die", True),
        ("i want to die", False),
        ("thanks", False),
        ("in the film he says i want to die", True),
    ],
)
def test_what_was_taken_back_is_said(text: str, lowered: bool, phrases: Phrases) -> None:
    assert screen([text], phrases).lowered == lowered


NEAR = [
    ("someone in my house to look at the boiler", False),
    ("there's someone in my house", True),
    ("Mae'r giat wedi torri", False),
    ("need a refuge", True),
    ("he broke the non molestation order", True),
    ("eggy smell from the hob", True),
    ("where can I sleep tonight", True),
    ("i had a fight with my husband and i want to kill myself", True),
    ("ive never wanted to kill myself more than tonight", True),
    ("what would happen if i took all my tablets", True),
    ("i take my tablets with breakfast", False),
    ("j'ai un petit peu faim", False),
    ("c'était vraiment bon marché", False),
    ("mae hi'n bwrw glaw", False),
]


@pytest.mark.parametrize(("text", "urgent"), NEAR)
def test_near_things_are_told_apart(text: str, urgent: bool, phrases: Phrases) -> None:
    assert screen([text], phrases).urgent == urgent


def test_evidence_points_at_the_words(phrases: Phrases) -> None:
    text = "Hello. Honestly I want to DIE, sorry"
    evidence = screen([text], phrases).evidence[0]
    assert text[slice(*evidence.span)].lower().endswith("want to die")
    assert evidence.language == "en"
    assert evidence.concern == "suicide"


@pytest.mark.parametrize(
    "disguise", [str.upper, str.title, lambda t: "  ".join(t.split()), lambda t: t.replace("i", "і")]
)
def test_disguises_change_nothing(disguise: Any, phrases: Phrases) -> None:
    assert screen([disguise("i am thinking of suicide")], phrases).level == "P1"


@settings(max_examples=150)
@given(st.lists(st.text(max_size=120), max_size=5))
def test_any_input_gives_a_signal_twice_the_same(messages: list[str]) -> None:
    loaded = _small()
    first = screen(messages, loaded)
    assert first == screen(messages, loaded)
    for one in first.evidence:
        assert 0 <= one.span[0] < one.span[1]


def _small(cache: list[Phrases] = []) -> Phrases:  # noqa: B006 - one load for all of hypothesis's examples
    if not cache:
        cache.append(load_phrases(ROOT / "flows" / "safety" / "phrases"))
    return cache[0]


@pytest.mark.parametrize(
    "piece", ["kill myself ", "a ", "i want to ", "💊", "not ", "k i l l ", "want .. ((( ", "ééé\u200b", "suiciiide "]
)
def test_hostile_input_stays_linear(piece: str, phrases: Phrases) -> None:
    def spent(size: int) -> float:
        text = (piece * size)[:size]
        began = time.process_time()
        screen([text], phrases)
        return time.process_time() - began

    # Eight times the text: 8 is linear, 64 quadratic. The best of three, because a busy machine only ever adds.
    small = max(min(spent(8192) for _ in range(3)), 0.01)
    assert min(spent(65536) for _ in range(3)) < 24 * small


def test_a_cry_after_much_padding_is_still_heard(phrases: Phrases) -> None:
    padding = "not never used to but the song film lol. " * 1000
    assert screen([padding + "That was it. Sorry. I want to kill myself"], phrases).urgent


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("signals: [{concern: sadness, level: P1, say: [x]}]", "concern"),
        ("signals: [{concern: suicide, level: P9, say: [x]}]", "level"),
        ("signals: [{concern: suicide, level: P1, about: cat, say: [x]}]", "nobody"),
        ("signals: [{concern: suicide, level: P1, say: ['(x']}]", "bracket"),
        ("contexts: {mood: [x]}", "context"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(body: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "xx.yaml").write_text(f"language: xx\n{body}\n", "utf-8")
    with pytest.raises(PhraseError, match=f"xx.yaml: .*{says}"):
        load_phrases(tmp_path)


def test_no_files_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhraseError, match="no phrase files"):
        load_phrases(tmp_path)
