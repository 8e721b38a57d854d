"""The Book from its files: complete, quick, the same everywhere, and honest about what cannot be read."""

import time
from pathlib import Path

import pytest

from flows.load import ROOT, BookError, load_book, load_landlord, revision_of
from flows.schema import Book, Landlord

PROFILES = sorted((ROOT / "landlords").glob("*.yaml"))


@pytest.fixture(scope="module")
def landlord() -> Landlord:
    return load_landlord(ROOT / "landlords" / "england-council.yaml")


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_a_book_survives_json(profile: Path) -> None:
    book = load_book(load_landlord(profile))
    again = Book.model_validate_json(book.model_dump_json())
    assert again == book
    assert revision_of(again) == book.revision


def test_the_revision_is_the_content_and_nothing_else(landlord: Landlord) -> None:
    book = load_book(landlord)
    assert len(book.revision) == 64
    assert load_book(landlord).revision == book.revision
    moved = book.model_copy(update={"places": {}})
    assert revision_of(moved) == book.revision
    renamed = load_book(landlord.model_copy(update={"name": "Other Homes"}))
    assert renamed.revision != book.revision


def test_settings_may_override_the_landlord(landlord: Landlord) -> None:
    book = load_book(
        landlord.model_copy(update={"name": "Other Homes", "nation": "scotland", "timezone": "Europe/London"})
    )
    assert "Other Homes" in book.text("greeting", "en")
    assert "Other Homes" in book.text("greeting", "cy")
    assert "Other Homes" in book.text("greeting", "pl"), "a language without the text falls back to English"


def test_an_unknown_text_is_a_key_error(landlord: Landlord) -> None:
    with pytest.raises(KeyError):
        load_book(landlord).text("no-such-text", "en")


def test_a_large_book_loads_in_time(landlord: Landlord, tmp_path: Path) -> None:
    for folder in ("library", "safety"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "faq").mkdir()
    topic = (ROOT / "faq" / "pay-rent.yaml").read_text(encoding="utf-8")
    for number in range(60):
        copy = topic.replace("id: pay-rent", f"id: topic-{number}")
        (tmp_path / "faq" / f"{number}.yaml").write_text(copy, encoding="utf-8")
    begun = time.perf_counter()
    book = load_book(landlord, tmp_path)
    assert time.perf_counter() - begun < 1.5
    assert len(book.faq) == 60


def test_everything_wrong_is_told_at_once(landlord: Landlord, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "a.yaml").write_text("schema: 1\nflow: a\n", encoding="utf-8")
    (tmp_path / "library" / "b.yaml").write_text("schema: 9\nflow: b\n", encoding="utf-8")
    (tmp_path / "library" / "c.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "library" / "d.yaml").write_text("- a list\n", encoding="utf-8")
    with pytest.raises(BookError) as caught:
        load_book(landlord, tmp_path)
    files = {issue.file for issue in caught.value.issues}
    assert files == {f"library/{name}.yaml" for name in ("a", "b", "c", "d", "words")}
    assert all(issue.remedy for issue in caught.value.issues)


def test_no_and_yes_stay_words(landlord: Landlord) -> None:
    words = load_book(landlord).words
    assert "no" in words.folded("no")
    assert "yes" in words.folded("yes")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nation: france\n", "nation"),
        ("timezone: Europe/Londres\n", "timezone"),
        ('opening: {monday: ["9-17"]}\n', "opening.monday.0"),
        ("telephone: 1\n", "telephone"),
    ],
)
def test_a_wrong_landlord_is_told_where(tmp_path: Path, line: str, told: str) -> None:
    content = (ROOT / "landlords" / "england-council.yaml").read_text(encoding="utf-8")
    key = line.split(":")[0]
    kept = "".join(part for part in content.splitlines(keepends=True) if not part.startswith(f"{key}:"))
    if key == "opening":
        kept = content[: content.index("opening:")] + content[content.index("closed_on:") :]
    path = tmp_path / "landlords" / "wrong.yaml"
    path.parent.mkdir()
    path.write_text(kept + line, encoding="utf-8")
    with pytest.raises(BookError) as caught:
        load_landlord(path)
    assert told in [issue.where for issue in caught.value.issues]
