"""Every fact of our own side, as it lies in the inbox, becomes the event that the engine knows."""

import msgspec
import pytest

from bot.engine import events
from bot.service.facts import FACTS

WRITTEN = {
    "timer": {"name": "remind"},
    "delivery_failed": {"outcome": "unreachable"},
    "page_accepted": {},
    "page_acknowledged": {},
    "nobody_on_call": {},
    "nobody_came": {},
    "advisor_claimed": {},
    "advisor_replied": {"text": "Hello", "by": "3", "name": "Sam", "template": "follow-up"},
    "handoff_returned": {"level": "P2"},
    "handoff_closed": {"outcome": "answered", "survey": "true"},
    "level_set": {"level": "P1"},
}


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_a_fact_becomes_its_event(kind: str) -> None:
    event = FACTS[kind]
    said = {**WRITTEN[kind], "type": event.__name__, "at": 1.0, "id": 7}
    made = msgspec.convert(said, event, strict=False)
    assert isinstance(made, event)
    assert (made.at, made.id) == (1.0, 7)


def test_a_survey_written_as_text_is_a_survey() -> None:
    said = {"type": "HandoffClosed", "at": 1.0, "id": 7, "outcome": "answered", "survey": "true"}
    assert msgspec.convert(said, events.HandoffClosed, strict=False).survey is True
