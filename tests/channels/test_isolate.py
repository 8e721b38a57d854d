"""Numbers and Latin names keep their order in right-to-left text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.text import LEFT_TO_RIGHT_ISOLATE, POP_ISOLATE, isolate


def marked(text: str) -> str:
    return text.replace(LEFT_TO_RIGHT_ISOLATE, "<").replace(POP_ISOLATE, ">")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call 0800 111 999 now.", "Call 0800 111 999 now."),
        ("", ""),
        ("اتصل على 0800 111 999 الآن.", "اتصل على <0800 111 999> الآن."),
        ("اتصل على 999 الآن.", "اتصل على 999 الآن."),
        ("هذا مساعد Marlbeck Council الآلي", "هذا مساعد <Marlbeck Council> الآلي"),
        ("اتصل +44 20 7946 0000.", "اتصل <+44 20 7946 0000>."),
        ("www.marlbeck.example/rent پر جائیں", "<www.marlbeck.example/rent> پر جائیں"),
        ("Samaritans: 116 123، مجانًا", "<Samaritans: 116 123>، مجانًا"),
        ("جواب دیں PERSON", "جواب دیں <PERSON>"),
    ],
)
def test_runs_are_isolated(text: str, expected: str) -> None:
    assert marked(isolate(text)) == expected


@given(st.text())
def test_nothing_is_lost_and_twice_is_once(text: str) -> None:
    once = isolate(text)
    assert isolate(once) == once
    if LEFT_TO_RIGHT_ISOLATE not in text:
        assert once.replace(LEFT_TO_RIGHT_ISOLATE, "").replace(POP_ISOLATE, "") == text.replace(POP_ISOLATE, "")
        assert once.count(LEFT_TO_RIGHT_ISOLATE) == once.count(POP_ISOLATE) - text.count(POP_ISOLATE)
