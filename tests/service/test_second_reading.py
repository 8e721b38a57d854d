"""What the workers read beside the phrases: the encoder many texts at once, the second reader those not urgent already."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bot.nlu.understanding import Signal
from bot.service.converse import converse
from bot.service.parts import Parts
from channels.messages import Inbound

Say = Callable[..., Inbound]


class Second:
    """A second reader that doubts one word, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, ...]] = []

    def __call__(self, messages: Sequence[str], first: Signal) -> Signal:
        self.shown.append(tuple(messages))
        doubted = "wistful" in " ".join(messages)
        return Signal(level="P1", concerns=("despair",), tentative=True) if doubted else first


@pytest.fixture
def second() -> Second:
    return Second()


def levels(parts: Parts) -> list[str]:
    """Of the handoffs that were opened."""
    with parts.database.connection() as connection:
        return [str(row[0]) for row in connection.execute("SELECT level FROM handoffs").fetchall()]


def test_texts_of_a_batch_are_read_together_but_not_taps_or_other_scripts(parts: Parts, say: Say) -> None:
    warmed: list[str] = []
    say("how do I pay my rent?", address="+447700900001")
    say("my tap drips", address="+447700900002")
    say("Rent", choice="rent", address="+447700900003")
    say("میرا نل", address="+447700900004")
    say("12345", address="+447700900005")
    converse(replace(parts, warm=warmed.extend))
    assert sorted(warmed) == ["how do I pay my rent?", "my tap drips"]


def test_a_doubt_asks_for_a_person_once(parts: Parts, say: Say, second: Second) -> None:
    reading = replace(parts, second=second)
    say("feeling wistful, my cat has a new home")
    converse(reading)
    say("and the plants")
    converse(reading)
    assert second.shown[1][-2:] == ("feeling wistful, my cat has a new home", "and the plants")
    assert levels(parts) == ["P1"]


def test_what_the_phrases_have_raised_is_not_doubted(parts: Parts, say: Say, second: Second) -> None:
    say("dolorous")
    converse(replace(parts, second=second))
    assert second.shown == []
    assert levels(parts) == ["P1"]
