"""Translations are laid over the English, tell when it has moved on, and a bad spreadsheet loses nothing."""

from pathlib import Path
from typing import Any

import pytest

from flows.translations import Row, Translations, english, fingerprint, is_list, read, rows_of, write

FLOW: dict[str, Any] = {
    "flow": "hello",
    "title": {"en": "Hello"},
    "patience": {"text": {"en": "Carry on?"}},
    "states": {
        "ask": {
            "text": {"en": {"default": "Which?", "sms": "Which one?"}},
            "choices": [{"id": "cat", "label": {"en": "A cat"}, "words": {"en": ["cat", "kitten"]}}],
        },
        "look": {"words": {"pets": {"en": ["dog"]}}},
    },
}
TOPIC: dict[str, Any] = {
    "id": "pets",
    "flow": "hello",
    "title": {"en": "Pets"},
    "examples": {"en": ["can i have a dog"]},
    "answer": {"en": "Ask us."},
    "nations": {"wales": {"en": "Ask us in Wales."}},
    "escalate_on": [{"words": {"en": ["bite"]}}],
}
WORDS: dict[str, Any] = {
    "words": {
        "always": {"menu": {"en": ["menu"]}},
        "yes": {"en": ["yes"]},
        "positions": {"en": [["one", "first"], ["two"]]},
        "calendar": {"en": {"days": ["Monday"], "today": "at {time} today"}},
    }
}
SAFETY: dict[str, Any] = {
    "texts": [
        {
            "id": "ask",
            "text": {"en": "Safe?"},
            "nations": {"wales": {"en": "Safe now?"}},
            "choices": [{"id": "yes", "label": {"en": "Yes"}}],
        }
    ]
}
CASES = [
    (FLOW, "flows.hello.title", "Hallo", lambda data: data["title"]["xx"]["default"]),
    (FLOW, "flows.hello.patience", "Weiter?", lambda data: data["patience"]["text"]["xx"]["default"]),
    (FLOW, "flows.hello.ask.text", "Was?", lambda data: data["states"]["ask"]["text"]["xx"]["default"]),
    (
        FLOW,
        "flows.hello.ask.choices.cat",
        "Katze",
        lambda data: data["states"]["ask"]["choices"][0]["label"]["xx"]["default"],
    ),
    (
        FLOW,
        "flows.hello.ask.choices.cat.words",
        "katze|kater",
        lambda data: "|".join(data["states"]["ask"]["choices"][0]["words"]["xx"]),
    ),
    (FLOW, "flows.hello.look.cases.pets.words", "hund", lambda data: data["states"]["look"]["words"]["pets"]["xx"][0]),
    (TOPIC, "faq.pets.title", "Tiere", lambda data: data["title"]["xx"]["default"]),
    (TOPIC, "faq.pets.answer", "Frag.", lambda data: data["answer"]["xx"]["default"]),
    (TOPIC, "faq.pets.answer.wales", "Frag da.", lambda data: data["nations"]["wales"]["xx"]["default"]),
    (TOPIC, "faq.pets.examples", "hund?|katze?", lambda data: "|".join(data["examples"]["xx"])),
    (TOPIC, "faq.pets.escalate.0.words", "biss", lambda data: data["escalate_on"][0]["words"]["xx"][0]),
    (WORDS, "words.always.menu", "karte", lambda data: data["words"]["always"]["menu"]["xx"][0]),
    (WORDS, "words.yes", "ja", lambda data: data["words"]["yes"]["xx"][0]),
    (
        WORDS,
        "words.positions",
        "eins/erste | zwei",
        lambda data: "/".join(data["words"]["positions"]["xx"][0]) + " | zwei",
    ),
    (WORDS, "words.calendar.days", "Montag", lambda data: data["words"]["calendar"]["xx"]["days"][0]),
    (WORDS, "words.calendar.today", "um {time} heute", lambda data: data["words"]["calendar"]["xx"]["today"]),
    (SAFETY, "safety.ask", "Sicher?", lambda data: data["texts"][0]["text"]["xx"]["default"]),
    (SAFETY, "safety.ask.wales", "Sicher jetzt?", lambda data: data["texts"][0]["nations"]["wales"]["xx"]["default"]),
    (SAFETY, "safety.ask.choices.yes", "Ja", lambda data: data["texts"][0]["choices"][0]["label"]["xx"]["default"]),
]


def copied(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: copied(value) for key, value in data.items()}
    return [copied(value) for value in data] if isinstance(data, list) else data


@pytest.mark.parametrize(("data", "place", "text", "found"), CASES, ids=[case[1] for case in CASES])
def test_a_row_lands_where_its_author_would_have_written_it(data: Any, place: str, text: str, found: Any) -> None:
    laid, all_ = copied(data), Translations({place: [Row(place, text, "", "", "xx", "xx.csv", 2)]})
    all_.lay(laid)
    assert found(laid) == text
    assert not all_.issues
    assert not list(all_.left)


@pytest.mark.parametrize("data", [FLOW, TOPIC, WORDS, SAFETY], ids=["flow", "topic", "words", "safety"])
def test_every_english_place_can_be_translated(data: Any) -> None:
    places = dict(english(data))
    all_ = Translations({place: [Row(place, text, "", "", "xx", "xx.csv", 2)] for place, text in places.items()})
    laid = copied(data)
    all_.lay(laid)
    assert places
    assert not all_.issues
    assert not list(all_.left)


def test_a_channel_has_words_of_its_own() -> None:
    rows = {"flows.hello.ask.text": "Was?", "flows.hello.ask.text@sms": "Welches?"}
    all_ = Translations({place: [Row(place, text, "", "", "xx")] for place, text in rows.items()})
    laid = copied(FLOW)
    all_.lay(laid)
    assert laid["states"]["ask"]["text"]["xx"] == {
        "default": "Was?",
        "sms": "Welches?",
        "source": None,
        "reviewed_by": None,
    }


def test_words_for_one_channel_alone_are_an_issue() -> None:
    all_ = Translations(
        {"flows.hello.ask.text@sms": [Row("flows.hello.ask.text@sms", "Was?", "", "", "xx", "xx.csv", 7)]}
    )
    all_.lay(copied(FLOW))
    assert [(issue.kind, issue.line) for issue in all_.issues] == [("bad-schema", 7)]


def test_a_text_that_is_written_twice_is_an_issue() -> None:
    row = Row("flows.hello.title", "Hallo", "", "", "xx", "xx.csv", 3)
    all_ = Translations({"flows.hello.title": [row, row]})
    all_.lay(copied(FLOW))
    assert [issue.kind for issue in all_.issues] == ["duplicate"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"place;text\nx;y\n", 1),
        (b"", 1),
        (b"place,text,source,reviewed_by\nflows.a.title,only two\n", 2),
        (b"place,text,source,reviewed_by\nflows.a.title,,,\n", 2),
        (b"place,text,source,reviewed_by\nflows.a.title,\xff,,\n", 0),
    ],
)
def test_a_bad_file_is_an_issue_with_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    path = tmp_path / "xx.csv"
    path.write_bytes(content)
    issues: list[Any] = []
    assert list(rows_of(path, "translations/xx.csv", issues)) == []
    assert [(issue.kind, issue.line) for issue in issues] == [("bad-schema", line)]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "translations").mkdir()
    text = 'He said "no, thanks"\nand left'
    write(tmp_path / "translations" / "xx.csv", [Row("texts.a", text, fingerprint("x"), "A. Reader")])
    (row,) = read(tmp_path).rows["texts.a"]
    assert row[:5] == ("texts.a", text, fingerprint("x"), "A. Reader", "xx")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("words.yes", True),
        ("words.today", True),
        ("words.calendar.today", False),
        ("words.calendar.days", True),
        ("faq.pets.examples", True),
        ("faq.pets.answer", False),
        ("flows.a.b.choices.c.words", True),
        ("flows.a.b.choices.c", False),
    ],
)
def test_lists_are_known_by_their_place(place: str, expected: bool) -> None:
    assert is_list(place) is expected
