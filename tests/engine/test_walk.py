"""Every kind of state at work, and every way in which an author can be wrong."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.engine import effects as fx
from bot.engine.turn import MOST_TEXTS
from bot.engine.walk import _VISITS
from flows.schema import Call, Flow, Table
from flows.source import read
from flows.upgrade import upgrade
from tests.engine.talking import Talk, book, deeds, instant, texts

FLOWS = Path(__file__).parent / "flows"
MISTAKES = yaml.safe_load((FLOWS / "mistakes.yaml").read_text(encoding="utf-8"))
OFFICERS = Table(columns=("postcode", "name"), rows=(("LE1 1AA", "Sam Okoro"),))
MONDAY = instant("2026-11-23 10:00", "Europe/London")


def flow(name: str) -> Flow:
    return Flow.model_validate(upgrade(read(FLOWS / f"{name}.yaml", FLOWS).data))


def talk(channel: str = "sms", **extra: Any) -> Talk:
    """A conversation whose menu leads straight into the flow of all kinds."""
    entrance = {"flow": "menu", "title": {"en": "Menu"}, "start": "a", "states": {}}
    entrance["states"] = {"a": {"do": "call", "flow": "kinds", "to": "end"}}
    flows = {**book().flows, "menu": Flow.model_validate(entrance), "kinds": flow("all_kinds"), "inner": flow("inner")}
    tables = {"officers": OFFICERS}
    return Talk(book().model_copy(update={"flows": flows, "tables": tables, **extra}), channel, MONDAY)


def said(effects: list[fx.Effect]) -> list[str]:
    return [text.text for text in texts(effects)]


def test_all_kinds_in_one_conversation() -> None:
    chat = talk()
    assert said(chat.hear("menu"))[1:] == ["Hello from Marlbeck Council.", "How old are you?"]
    assert said(chat.hear("7"))[-1] == "How old are you?", "below the limit"
    assert said(chat.hear("I am 45")) == ["Which day?"]
    assert said(chat.hear("next monday")) == ["Which postcode?"]
    assert said(chat.hear("le11aa")) == ["Your officer is Sam Okoro.", "Which number?"]
    assert said(chat.hear("07700 900123")) == ["Is that right?"]
    effects = chat.hear("yeah")
    assert said(effects) == ["You text us.", "Which language?"]
    assert deeds(effects, chat.at) == ["field age_given=45", "timer kinds.nudge +2h"]
    effects = chat.hear({"text": "Cymraeg"})
    assert said(effects) == ["You speak Welsh.", "No answer was found.", "Passed on."]
    assert deeds(effects, chat.at) == ["language cy", "cancel kinds.nudge", "handoff general P2 all-kinds"]
    handoff = next(effect for effect in effects if isinstance(effect, fx.OpenHandoff))
    assert handoff.fields["officer"] == "Sam Okoro"
    assert handoff.fields["day"] == "2026-11-30"
    assert chat.state.stack == ()


def test_another_channel_an_unknown_postcode_and_an_answer_from_the_faq() -> None:
    chat = talk("telegram")
    for line in ("menu", "45", "3/12"):
        chat.hear(line)
    assert said(chat.hear("LE9 9ZZ")) == ["I do not know your officer.", "Which number?"]
    chat.hear("07700900123")
    assert said(chat.hear({"text": "Skip", "choice": "kinds.sure:skip"})) == ["Which language?"]
    effects = chat.hear({"text": "english", "faq": "pay-rent"})
    assert said(effects)[0] == "You speak English."
    assert "You can pay your rent" in said(effects)[1]
    assert said(effects)[2] == "Passed on."


def test_a_flow_s_own_timer_speaks_when_nothing_else_goes_on() -> None:
    chat = talk()
    effects = chat.hear({"timer": "kinds.nudge"})
    assert [(text.text, text.purpose) for text in texts(effects)] == [("Still there?", "proactive")]
    chat.hear("menu")
    effects = chat.hear({"timer": "kinds.nudge"})
    assert deeds(effects, chat.at) == ["timer kinds.nudge +1h"], "a question is waiting, so it tries again later"
    assert said(chat.hear({"timer": "kinds.nudge", "after": "24h"})) == ["Still there?"], "nobody is talking any more"


def test_nothing_is_started_of_our_own_accord_after_stop_or_in_a_crisis() -> None:
    for before in ({"text": "stop", "consent": "stop"}, {"text": "x", "signal": "P1 suicide"}):
        chat = talk()
        chat.hear(before)
        assert chat.hear({"timer": "kinds.nudge"}) == []


def test_every_kind_of_state_is_used_here_or_shipped() -> None:
    used = {type(state) for name in ("all_kinds", "inner") for state in flow(name).states.values()}
    used |= {type(state) for each in book().flows.values() for state in each.states.values()}
    assert used == {*_VISITS, Call}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda item: item["name"])
def test_an_author_s_mistake_is_a_safe_answer_a_person_and_a_report(mistake: dict[str, Any]) -> None:
    flows = {**book().flows, "menu": Flow.model_validate(mistake["flow"])}
    chat = Talk(book().model_copy(update={"flows": flows}), at=MONDAY)
    effects = chat.hear("menu")
    assert "something went wrong on our side" in said(effects)[-1]
    assert len(said(effects)) <= MOST_TEXTS + 3
    assert [line.split()[0] for line in deeds(effects, chat.at)] == ["handoff", "author-error"]
    report = effects[-1]
    assert isinstance(report, fx.ReportAuthorError)
    assert report.problem
    assert chat.state.stack == ()
    assert said(chat.hear({"text": "how do I pay rent", "faq": "pay-rent"}))[-1].startswith("You can pay your rent")


def test_what_the_tenant_wrote_is_quoted_briefly_and_never_expanded() -> None:
    chat = Talk(book(), at=MONDAY)
    for line in ("menu", "1", "1", "{repairs_phone} " * 20, "kitchen", "today", "skip"):
        chat.hear(line)
    summary = said(chat.hear("no one"))[0]
    assert "{repairs_phone}" in summary
    assert "01632" not in summary
    assert "..." in summary


def test_an_advisor_is_never_talked_over() -> None:
    import msgspec

    chat = Talk(book(), at=MONDAY)
    chat.hear("hi")
    chat.state = msgspec.structs.replace(chat.state, mode="advisor")
    assert chat.hear("menu") == []
    assert chat.hear({"media": ["voice"]}) == []
    raised = chat.hear({"text": "i have taken them", "signal": "P0 overdose"})
    assert said(raised) == []
    assert deeds(raised, chat.at) == ["handoff crisis P0 overdose"]
    assert chat.state.level == "P0"
    assert deeds(chat.hear({"text": "STOP", "consent": "stop"}), chat.at) == ["stopped", "handoff crisis P0 stop-word"]
