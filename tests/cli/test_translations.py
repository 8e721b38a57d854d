"""A translator gets a spreadsheet and gives it back; nothing of it is lost, and a mistake changes nothing."""

import csv
import io
import shutil
from pathlib import Path

import pytest

from bot.commands.translations import NotTranslatable, counts, export, sources, take, translated
from flows.load import ROOT, load_book, load_landlord


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT, tmp_path / "flows", ignore=shutil.ignore_patterns("*.py", "phrases", "examples", "__pycache__")
    )
    return tmp_path / "flows"


def sheet(*rows: tuple[str, str]) -> io.StringIO:
    return io.StringIO("place,english,text,reviewed_by\n" + "".join(f'{place},,"{text}",\n' for place, text in rows))


def test_the_places_of_the_book_are_all_there(root: Path) -> None:
    book = load_book(load_landlord(root / "landlords" / "england-council.yaml"), root)
    places = sources(root)
    assert {f"texts.{name}" for name in book.texts} <= set(places)
    assert {f"faq.{topic.id}.answer" for topic in book.faq} <= set(places)
    assert {f"safety.{entry.id}" for entry in book.safety} <= set(places)


def test_a_sheet_goes_out_and_comes_back_unchanged(root: Path) -> None:
    before = translated("cy", root)
    out = io.StringIO()
    export("cy", out, root=root)
    assert take("cy", io.StringIO(out.getvalue()), root=root) == 0
    assert translated("cy", root).keys() == before.keys()
    assert {place: row.text for place, row in translated("cy", root).items()} == {
        p: row.text for p, row in before.items()
    }


def test_what_is_left_is_what_is_missing_or_stale(root: Path) -> None:
    path = root / "library" / "texts.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"Thank you. ', '"Thanks. '), encoding="utf-8")
    out = io.StringIO()
    export("cy", out, everything=False, root=root)
    places = {row["place"] for row in csv.DictReader(io.StringIO(out.getvalue()))}
    stale = {place for place, row in translated("cy", root).items() if place.startswith("texts.")} & places
    assert stale
    assert next(count for count in counts(root) if count.language == "cy").stale >= len(stale)


def test_a_new_language_can_be_begun_and_signed(root: Path) -> None:
    assert (
        take(
            "de", sheet(("texts.label_yes", "Ja"), ("safety.P1", "Rufen Sie 999 an.")), signed_by="A. Reader", root=root
        )
        == 2
    )
    rows = translated("de", root)
    assert rows["texts.label_yes"].reviewed_by == "A. Reader"
    assert (root / "safety" / "translations" / "de.csv").exists()
    book = load_book(load_landlord(root / "landlords" / "england-council.yaml"), root)
    assert book.texts["label_yes"]["de"].default == "Ja"


def test_a_changed_text_loses_its_signature(root: Path) -> None:
    take("de", sheet(("texts.label_yes", "Ja")), signed_by="A. Reader", root=root)
    take("de", sheet(("texts.label_yes", "Jawohl")), root=root)
    assert translated("de", root)["texts.label_yes"].reviewed_by == ""


@pytest.mark.parametrize(
    ("place", "text", "told"),
    [
        ("texts.nowhere", "Hallo", "line 3, texts.nowhere: there is no such place"),
        ("texts.greeting", "Hallo", "line 3, texts.greeting: keep exactly these placeholders: landlord"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_changes_nothing(root: Path, place: str, text: str, told: str) -> None:
    with pytest.raises(NotTranslatable, match=told.replace(".", r"\.")):
        take("cy", sheet(("texts.label_yes", "Ie!"), (place, text)), root=root)
    assert translated("cy", root)["texts.label_yes"].text != "Ie!"


def test_english_is_not_a_translation(root: Path) -> None:
    with pytest.raises(NotTranslatable):
        take("en", sheet(("texts.label_yes", "Yes")), root=root)


def test_a_sheet_without_its_columns_is_refused(root: Path) -> None:
    with pytest.raises(NotTranslatable, match="place,english,text"):
        take("cy", io.StringIO("a,b\n1,2\n"), root=root)
