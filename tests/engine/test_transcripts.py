"""Conversations with the shipped Book, turn by turn: what tenants write, and what they and the staff then see."""

import re
from typing import Any

import pytest

from bot.engine import contact
from flows.measure import sms_segments
from flows.schema import PLACEHOLDER, Text
from flows.texts import spots
from tests.engine.talking import book, deeds, mentioned, start, texts, transcripts

ALL = transcripts()
EQUALS = ("en", "cy")
"""No less favourable: every conversation is written in both."""
FEWEST = 150


@pytest.mark.parametrize("transcript", ALL, ids=lambda item: f"{item['file']}:{item['name']}")
def test_conversation(transcript: dict[str, Any]) -> None:
    talk = start(transcript)
    for number, turn in enumerate(transcript["turns"], start=1):
        effects = talk.hear(turn.get("in"))
        said = texts(effects)
        place = f"turn {number} ({turn.get('in')!r}) said {[text.text for text in said]}"
        expected = turn.get("says", [])
        assert len(said) == len(expected), place
        for text, part in zip(said, expected, strict=True):
            assert part in text.text, place
            assert not PLACEHOLDER.search(text.text), place
            if text.purpose != "crisis" and text.language == "en" and not re.search(r"[^\x00-\x7f]", text.text):
                assert sms_segments(text.text) <= 3, place
        done = deeds(effects, talk.at)
        assert mentioned(done, turn.get("does", [])) == turn.get("does", []), place
        if "buttons" in turn:
            assert [choice.label for choice in said[-1].choices] == turn["buttons"], place
        if "menu" in turn:
            assert said[-1].menu == turn["menu"], place
        if "fields" in turn:
            handoffs = [effect for effect in effects if hasattr(effect, "fields")]
            assert handoffs[-1].fields == turn["fields"], place
    assert talk.state.language == transcript.get("language", talk.state.language)


def test_there_are_enough() -> None:
    assert len(ALL) >= FEWEST
    assert len({f"{item['file']}:{item['name']}" for item in ALL}) == len(ALL), "two transcripts share a name"


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "telegram"])
@pytest.mark.parametrize("language", EQUALS)
def test_every_channel_is_spoken_in_both_languages_of_wales(channel: str, language: str) -> None:
    assert any(language in _languages(item) for item in ALL if item.get("channel", "sms") == channel)


@pytest.mark.parametrize("language", book().landlord.languages)
def test_every_language_is_spoken(language: str) -> None:
    assert any(language in _languages(item) for item in ALL)


def _languages(transcript: dict[str, Any]) -> set[str]:
    talk = start(transcript)
    return {text.language for turn in transcript["turns"] for text in texts(talk.hear(turn.get("in")))}


@pytest.fixture(scope="module")
def everything_said() -> str:
    said: list[str] = []
    for transcript in ALL:
        talk = start(transcript)
        for turn in transcript["turns"]:
            said += [text.text for text in texts(talk.hear(turn.get("in")))]
    return "\n".join(said)


@pytest.mark.parametrize("flow", sorted(book().flows))
@pytest.mark.parametrize("language", EQUALS)
def test_every_flow_has_a_transcript(flow: str, language: str, everything_said: str) -> None:
    mine = [spot.text for spot in spots(book()) if spot.flow == flow and not spot.label]
    assert any(_opening(text, language) in everything_said for text in mine), f"write a transcript for {flow}"


@pytest.mark.parametrize("topic", sorted(book().topics))
def test_every_topic_has_a_transcript(topic: str, everything_said: str) -> None:
    entry = book().topics[topic]
    answer = book().crisis[entry.concern].text if entry.concern else entry.answer
    if entry.concern == contact.CONCERN:
        answer = book().protocol[contact.QUESTION].text
    assert _opening(answer, "en") in everything_said, f"write a transcript for {topic}"


def _opening(text: Text, language: str) -> str:
    return PLACEHOLDER.split(text[language].on("sms"))[0]
