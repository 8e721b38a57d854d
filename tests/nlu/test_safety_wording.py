"""What the crisis wording must and must not say, and what every helpline entry must state."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.nlu.phrases import CONCERNS
from flows.translations import read

SAFETY = Path(__file__).parents[2] / "flows" / "safety"
CONTENT = yaml.safe_load((SAFETY / "texts.yaml").read_text("utf-8"))
read(SAFETY.parent).lay(CONTENT)
TEXTS = CONTENT["texts"]
HELPLINES = yaml.safe_load((SAFETY / "helplines.yaml").read_text("utf-8"))["helplines"]
TWO_SEGMENTS = 306
"""Characters in two GSM-7 segments."""
METHODS = ("tablet", "pill", "overdose", "hang", "jump", "cut ", "blade", "knife", "rope", "drown", "commit suicide")
PROMISES = (
    "will be ok",
    "be okay",
    "someone will come",
    "will call you",
    "has been told",
    "we promise",
    "secret",
    "alerted",
)


def wordings(language: str) -> list[tuple[str, str, str]]:
    found = []
    for entry in TEXTS:
        for text in (entry["text"], *entry.get("nations", {}).values()):
            said: Any = text.get(language)
            variants = said if isinstance(said, dict) else {"default": said} if said else {}
            spoken = [variants[name] for name in ("default", "sms", "whatsapp", "telegram") if name in variants]
            found += [(entry["id"], entry["level"], words) for words in spoken]
    return found


def test_every_concern_and_level_has_words_in_english_and_welsh() -> None:
    ids = {entry["id"] for entry in TEXTS}
    assert ids == CONCERNS | {"P0", "P1", "P2"}
    assert all({"en", "cy"} <= entry["text"].keys() for entry in TEXTS)


@pytest.mark.parametrize(("name", "level", "words"), wordings("en"))
def test_english_wording(name: str, level: str, words: str) -> None:
    spoken = words.casefold()
    assert len(words.replace("{out_of_hours_phone}", "0" * 13)) <= TWO_SEGMENTS
    assert "automated" in spoken
    assert not [method for method in METHODS if method in spoken]
    assert not [promise for promise in PROMISES if promise in spoken]
    if level == "P0":
        assert "999" in words


def test_shout_is_named_as_sms_only_outside_sms() -> None:
    for entry in TEXTS:
        for text in (entry["text"], *entry.get("nations", {}).values()):
            for said in text.values():
                if "SHOUT" in str(said):
                    assert "SMS" in said["default"]
                    assert "SHOUT" in said["sms"]


@pytest.mark.parametrize("line", HELPLINES, ids=lambda line: str(line["id"]))
def test_every_helpline_states_its_source_and_is_off_until_verified(line: dict[str, Any]) -> None:
    assert line["source"]
    assert line["reachable_by"]
    assert line["nations"]
    assert bool(line["verified_on"]) == line["enabled"]
    assert set(line["concerns"]) <= CONCERNS | {"any"}
