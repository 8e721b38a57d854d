"""The measuring commands: one line out for each line in, in order, whatever the line."""

import io
import json
from pathlib import Path

import pytest

from bot.commands.measure import BankError, Screening, explain, faq_lines, language_lines, read_bank, screen_lines
from bot.nlu.distress import screen
from bot.nlu.faq import build
from bot.nlu.phrases import load_phrases

ROOT = Path(__file__).parents[2]
LINES = '{"text": "I want to die"}\n\nnot json\n{"other": 1}\n{"text": "how do I pay my rent?"}\n'


@pytest.fixture(scope="module")
def readers() -> Screening:
    phrases = load_phrases(ROOT / "flows" / "safety" / "phrases")
    return Screening(lambda messages: screen(messages, phrases), ROOT / "flows" / "safety", None)


def test_screen_keeps_order_and_reports_bad_lines(readers: Screening) -> None:
    target = io.StringIO()
    screen_lines(io.StringIO(LINES), target, readers)
    first, second, third, fourth = [json.loads(line) for line in target.getvalue().splitlines()]
    assert (first["level"], first["concerns"]) == ("P1", ["suicide"])
    assert first["evidence"][0].keys() == {"phrase", "concern", "language", "span"}
    assert "error" in second
    assert "error" in third
    assert fourth == {"level": "P3", "concerns": [], "evidence": []}


def test_explain_marks_the_words_and_names_the_rule(readers: Screening) -> None:
    said = explain("hello, my partner hits me", readers)
    assert "domestic-abuse [en]: hello, [my partner hits me]" in said
    assert "by <abuser>" in said
    assert explain("hello", readers).startswith("P3")


def test_explain_says_what_the_second_reader_makes_of_it(readers: Screening) -> None:
    said = explain("my head's telling me tonight's the night and i'm starting to listen", readers)
    assert "only the second reader says so" in said
    assert "raises from" in said
    assert "took it back" in explain("i no longer want to die", readers)


def test_a_bank_file_replaces_the_answers(tmp_path: Path) -> None:
    bank = tmp_path / "bank.jsonl"
    bank.write_text(
        '{"id": "rent", "examples": ["how do I pay my rent"]}\n\n{"id": "pets", "examples": {"en": ["a dog"]}}\n'
    )
    target = io.StringIO()
    faq_lines(io.StringIO('{"text": "how do I pay my rent", "language": "en"}\n'), target, build(read_bank(bank)))
    row = json.loads(target.getvalue())
    assert row["answer"] == "rent"
    assert row["candidates"][0]["id"] == "rent"


@pytest.mark.parametrize("line", ["{", '{"id": "x"}', "[]"])
def test_a_bad_bank_is_refused_with_its_line(line: str, tmp_path: Path) -> None:
    bank = tmp_path / "bank.jsonl"
    bank.write_text(line + "\n")
    with pytest.raises(BankError, match="line 1"):
        read_bank(bank)


def test_language_lines() -> None:
    target = io.StringIO()
    language_lines(io.StringIO('{"text": "Dw i eisiau siarad â rhywun os gwelwch yn dda"}\n{"text": ""}\n'), target)
    known, unknown = [json.loads(line) for line in target.getvalue().splitlines()]
    assert known["language"] == "cy"
    assert unknown == {"language": None, "confidence": 0.0}
