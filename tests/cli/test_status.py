"""`hearthline status`: what an overview is told as, and what it makes somebody look at."""

import dataclasses

import pytest

from bot.commands.status import alarms, concerns, lines, span
from bot.service.rota import Person
from bot.service.status import Overview
from bot.store.due import Counts

WELL = Overview(
    now=1000.0,
    counts=Counts(0, None, 0, None, 0, 0, 0),
    processes={f"worker-{queue}": 1 for queue in ("urgent", "talk", "send", "media")} | {"web": 2, "clock": 1},
    handoffs=[],
    failures=[],
    author_errors=0,
    spooled=0,
)


def changed(**fields: object) -> Overview:
    return dataclasses.replace(WELL, **fields)  # type: ignore[arg-type]  # the names are checked by replace itself


def test_a_line_that_is_well_gives_nothing_to_look_at() -> None:
    assert list(concerns(WELL)) == []
    assert "2 web" in "\n".join(lines(WELL))


@pytest.mark.parametrize(
    ("overview", "worry"),
    [
        (changed(processes={"web": 1, "worker-urgent": 1, "worker-send": 1, "worker-media": 1}), "the queue talk"),
        (changed(counts=Counts(3, 900.0, 0, None, 0, 0, 0)), "waited more than a minute"),
        (changed(author_errors=2), "a flow was wrong"),
    ],
)
def test_what_is_not_well_is_something_to_look_at(overview: Overview, worry: str) -> None:
    (said,) = concerns(overview)
    assert worry in said


def test_everything_that_waits_or_failed_is_told() -> None:
    seen = changed(
        counts=Counts(3, 990.0, 4, 940.0, 5, 6, 7),
        failures=[("unreachable", "30003", 6)],
        handoffs=[("repairs", "P2", 2, 400.0)],
        spooled=8,
    )
    said = "\n".join(lines(seen))
    for words in ("3 unanswered, the oldest for 10 seconds", "4 queued", "5 being sent", "6 failed", "7 waiting"):
        assert words in said
    assert "6 unreachable (30003)" in said
    assert "2 in repairs at P2, the oldest for 10 minutes" in said
    assert "8 webhooks on disk" in said


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_spans_are_told_in_their_largest_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


SAM = Person(1, "Sam", sms="+447700900101")


def test_a_line_on_which_somebody_can_be_paged_is_not_red() -> None:
    assert list(alarms(WELL, [SAM])) == []


@pytest.mark.parametrize(
    ("overview", "on_rota", "red"),
    [(changed(untold=2), [SAM], "for 2 at P0 no page"), (WELL, [], "nobody is on call")],
)
def test_danger_that_nobody_would_hear_of_is_red(overview: Overview, on_rota: list[Person], red: str) -> None:
    (said,) = alarms(overview, on_rota)
    assert said.startswith("RED: ")
    assert red in said
