"""Two different people, bound to the content: what counts as approved, and what does not."""

import io
from pathlib import Path

import pytest

from bot import approval
from bot.approval import SafetyUnapproved, insist
from bot.commands import safety
from bot.settings import Settings
from flows.approvals import FILE, sign, standings, unapproved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "phrases").mkdir()
    (tmp_path / "texts.yaml").write_text("schema: 1\n")
    (tmp_path / "phrases" / "en.yaml").write_text("schema: 1\n")
    return tmp_path


def test_two_people_are_needed_and_one_twice_is_not_two(folder: Path) -> None:
    assert unapproved(folder) == ["phrases/en.yaml", "texts.yaml"]
    sign(folder, "Sam Marsh")
    sign(folder, "  sam   MARSH ")
    assert len(unapproved(folder)) == 2
    sign(folder, "Ash Lowe", ["texts.yaml"])
    assert unapproved(folder) == ["phrases/en.yaml"]


def test_a_change_ends_the_signatures_of_its_file_alone(folder: Path) -> None:
    sign(folder, "Sam")
    sign(folder, "Ash")
    assert unapproved(folder) == []
    (folder / "texts.yaml").write_text("schema: 1\n# a word more\n")
    assert unapproved(folder) == ["texts.yaml"]
    sign(folder, "Kim")
    assert [(one.file, one.approved_by) for one in standings(folder)] == [
        ("phrases/en.yaml", ("Sam", "Ash", "Kim")),
        ("texts.yaml", ("Kim",)),
    ]


def test_a_new_file_is_unsigned(folder: Path) -> None:
    sign(folder, "Sam")
    sign(folder, "Ash")
    (folder / "translations").mkdir()
    (folder / "translations" / "pl.csv").write_text("place,text,source,reviewed_by\n")
    assert unapproved(folder) == ["translations/pl.csv"]


def test_line_ends_of_another_system_are_the_same_content(folder: Path) -> None:
    sign(folder, "Sam")
    sign(folder, "Ash")
    (folder / "texts.yaml").write_bytes(b"schema: 1\r\n")
    assert unapproved(folder) == []


@pytest.mark.parametrize(
    "damage", ["", "files: nonsense", "files: {texts.yaml: yes}", "[", "\x00", "schema: 1\nfiles: [a]"]
)
def test_a_damaged_file_of_approvals_approves_nothing(folder: Path, damage: str) -> None:
    sign(folder, "Sam")
    sign(folder, "Ash")
    (folder / FILE).write_text(damage)
    assert len(unapproved(folder)) == 2


@pytest.mark.parametrize(("who", "files"), [("", []), ("42", []), ("Sam", ["gone.yaml"]), ("Sam", ["../texts.yaml"])])
def test_what_cannot_be_signed_is_told(folder: Path, who: str, files: list[str]) -> None:
    with pytest.raises(safety.NotSigned, match="safety status"):
        safety.sign(who, files, io.StringIO(), folder)
    assert not (folder / FILE).exists()


def test_the_command_lists_and_signs(folder: Path) -> None:
    shown = io.StringIO()
    assert safety.status(shown, folder) == 1
    assert "unsigned  texts.yaml" in shown.getvalue()
    for name in ("Sam", "Ash"):
        safety.sign(name, [], shown, folder)
    assert safety.status(shown, folder) == 0


PUBLIC = "https://line.example.org"


@pytest.mark.parametrize(
    ("values", "production"),
    [
        ({}, False),
        ({"public_base_url": "http://127.0.0.1:8000"}, False),
        ({"public_base_url": PUBLIC}, True),
        ({"public_base_url": PUBLIC, "environment": "development"}, False),
        ({"environment": "production"}, True),
    ],
)
def test_production_does_not_start_unsigned(
    folder: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], production: bool
) -> None:
    monkeypatch.setattr(approval, "SAFETY", folder)
    settings = Settings(_env_file=None, **values)  # type: ignore[arg-type]  # a test's own words
    assert settings.in_production == production
    if production:
        with pytest.raises(SafetyUnapproved, match=r"texts\.yaml"):
            insist(settings)
    else:
        insist(settings, warn=True)
    sign(folder, "Sam")
    sign(folder, "Ash")
    insist(settings)


def test_no_signature_stands_under_a_file_that_has_changed() -> None:
    """What ships is unsigned: signatures are the landlord's own people's. Once there, a change has to be signed anew."""
    assert not [one.file for one in standings(approval.SAFETY) if one.approved_by and one.changed]
