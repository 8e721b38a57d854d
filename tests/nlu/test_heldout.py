"""How much of what nobody wrote a phrase for is found: sentences kept apart, with the share each language must keep.

`heldout/*.yaml` were written after the phrases and not looked at while those were mended, but for the mending that their
first measurement led to. `floors.yaml` says what was measured then and since, and the least that a change may leave.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.nlu import second
from bot.nlu.distress import screen
from bot.nlu.phrases import Phrases, load_phrases

HERE = Path(__file__).parent
SAFETY = HERE.parents[1] / "flows" / "safety"
FLOORS: Mapping[str, Any] = yaml.safe_load((HERE / "floors.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def phrases() -> Phrases:
    return load_phrases(SAFETY / "phrases")


def sentences() -> list[tuple[str, str, str]]:
    return [
        (path.stem, concern, text)
        for path in sorted((HERE / "heldout").glob("*.yaml"))
        for concern, texts in yaml.safe_load(path.read_text("utf-8")).items()
        for text in texts
    ]


def share(found: list[bool]) -> float:
    return sum(found) / len(found)


@pytest.mark.parametrize("language", sorted(FLOORS["by_language"]))
def test_a_language_keeps_what_it_finds(language: str, phrases: Phrases) -> None:
    found = [screen([text], phrases).urgent for spoken, _, text in sentences() if spoken == language]
    assert share(found) >= FLOORS["by_language"][language]["floor"]


@pytest.mark.parametrize("concern", sorted(FLOORS["by_concern"]))
def test_a_concern_keeps_what_it_finds(concern: str, phrases: Phrases) -> None:
    found = [concern in screen([text], phrases).concerns for _, about, text in sentences() if about == concern]
    assert share(found) >= FLOORS["by_concern"][concern]["floor"]


def test_the_second_reader_adds_what_it_added(phrases: Phrases) -> None:
    reader = second.load(SAFETY / "second.npz")
    english = [text for spoken, _, text in sentences() if spoken == "en"]
    found = [second.doubt(reader, None, [text], screen([text], phrases)).urgent for text in english]
    assert share(found) >= FLOORS["both_readers_english"]["floor"]


def test_every_language_is_measured() -> None:
    assert {path.stem for path in (HERE / "heldout").glob("*.yaml")} == set(FLOORS["by_language"])
