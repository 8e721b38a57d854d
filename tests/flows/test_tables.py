"""Tables that staff replace by CSV: what is shipped is sound, and what is not is told with its line."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from flows.load import ROOT, BookError, load_book, load_landlord
from flows.schema import Landlord, Lookup, Table

LANDLORD = load_landlord(ROOT / "landlords" / "england-council.yaml")
BOOK = load_book(LANDLORD)
POSTCODE_START = re.compile(r"^[A-Z]{1,2}\d[A-Z\d]?( \d)?$")


@pytest.fixture
def landlord() -> Landlord:
    return LANDLORD


def a_root(tmp_path: Path, content: bytes) -> Path:
    """A flows directory with one more table."""
    for folder in ("library", "faq", "safety"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "tables").mkdir()
    for path in (ROOT / "tables").glob("*.csv"):
        (tmp_path / "tables" / path.name).symlink_to(path)
    (tmp_path / "tables" / "extra.csv").write_bytes(content)
    return tmp_path


def test_a_table_as_spreadsheets_save_it(landlord: Landlord, tmp_path: Path) -> None:
    saved = '\ufeffpostcode,officer\r\nZM1 , "Lee, Sam"\r\n,\r\n\r\nZM2,Ann Ô\r\n'.replace(', "', ',"')
    book = load_book(landlord, a_root(tmp_path, saved.encode("utf-8")))
    assert book.tables["extra"] == Table(columns=("postcode", "officer"), rows=(("ZM1", "Lee, Sam"), ("ZM2", "Ann Ô")))


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        (b"", 1, "first line"),
        (b"postcode,officer\nZM1\n", 2, "2 columns"),
        (b"postcode,officer\nZM1,Ann\nZM2,Bo,extra\n", 3, "2 columns"),
        (b"postcode,postcode\nZM1,Ann\n", 1, "twice"),
        (b"postcode,officer\nZM1,Ann \xd4\n", 0, "UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_where(
    landlord: Landlord, tmp_path: Path, content: bytes, line: int, told: str
) -> None:
    with pytest.raises(BookError) as caught:
        load_book(landlord, a_root(tmp_path, content))
    (issue,) = caught.value.issues
    assert (issue.kind, issue.file, issue.line) == ("bad-schema", "tables/extra.csv", line)
    assert told in issue.remedy


@pytest.mark.parametrize("path", sorted((ROOT / "tables").glob("*.csv")), ids=lambda path: path.stem)
def test_shipped_rows_are_complete(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    for row in rows:
        assert all(cell == cell.strip() and cell for cell in row), row
        assert POSTCODE_START.match(row[0]), row
    assert len({tuple(row[:2]) for row in rows}) == len(rows), "a row stands twice"


def test_every_column_said_to_tenants_is_there_in_welsh_or_needs_no_translation() -> None:
    same_in_both = {"postcode", "officer", "date"}
    for flow in BOOK.flows.values():
        for state in (state for state in flow.states.values() if isinstance(state, Lookup)):
            columns = set(BOOK.tables[state.table].columns)
            assert {f"{column}_cy" for column in set(state.into.values()) - same_in_both} <= columns, flow.flow


def test_dates_are_dates_on_which_somebody_is_there() -> None:
    table = BOOK.tables["pop-ups"]
    for row in table.rows:
        day = date.fromisoformat(dict(zip(table.columns, row, strict=True))["date"])
        assert day.weekday() < 5
        assert day not in LANDLORD.closed_on
