"""`hearthline translations`: hand the words out to a translator as a spreadsheet, take them back, and see what is left."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from bot.errors import HearthlineError
from bot.wiring import FLOWS
from flows.issue import Issue
from flows.schema import BASE_LANGUAGE, PLACEHOLDER
from flows.source import read
from flows.translations import Row, english, fingerprint, is_list, rows_of, write

SHEET = ("place", "english", "text", "reviewed_by")
LANDLORD, SAFETY = "landlord.", "safety."


class NotTranslatable(HearthlineError):
    """A spreadsheet cannot be taken; the message names its lines."""


class Count(NamedTuple):
    """How far a language has come."""

    language: str
    texts: int
    missing: int
    stale: int
    unreviewed: int


def sources(root: Path = FLOWS) -> dict[str, str]:
    """Every place that can be translated, with its English, in the order of the files."""
    found: dict[str, str] = {}
    for path in sorted([*root.glob("library/*.yaml"), *root.glob("faq/*.yaml"), *root.glob("safety/*.yaml")]):
        found.update(english(read(path, root).data))
    for path in sorted(root.glob("landlords/*.yaml")):
        found.update(english(read(path, root).data, f"{LANDLORD}{path.stem}"))
    return found


def translated(language: str, root: Path = FLOWS) -> dict[str, Row]:
    """What there is of a language, by place. Raises `NotTranslatable` if a file is broken."""
    issues: list[Issue] = []
    rows = {
        row.place: row for path in _files(language, root) if path.exists() for row in rows_of(path, path.name, issues)
    }
    if issues:
        raise NotTranslatable("\n".join(map(str, issues)))
    return rows


def status(output: TextIO, root: Path = FLOWS) -> None:
    """Write for each language how much is missing, stale or unread by a person."""
    print(f"{'language':10}{'texts':>8}{'missing':>9}{'stale':>7}{'unreviewed':>12}", file=output)
    for count in counts(root):
        print(f"{count[0]:10}{count[1]:>8}{count[2]:>9}{count[3]:>7}{count[4]:>12}", file=output)


def counts(root: Path = FLOWS) -> Iterator[Count]:
    """How far each language has come that has a file."""
    texts = {place: text for place, text in sources(root).items() if _is_read(place)}
    for language in sorted({path.stem for path in root.glob("**/translations/*.csv")}):
        rows = translated(language, root)
        there = [place for place in texts if place in rows]
        stale = sum(rows[place].source != fingerprint(texts[place]) for place in there)
        unread = sum(not rows[place].reviewed_by for place in there)
        yield Count(language, len(there), len(texts) - len(there), stale, unread)


def _is_read(place: str) -> bool:
    """Whether tenants read it whole; words that they type, and parts of dates, need no signature."""
    return not is_list(place) and not place.startswith("words.")


def export(language: str, output: TextIO, *, everything: bool = True, root: Path = FLOWS) -> None:
    """Write a spreadsheet of the English and what there is of a language.

    everything: also what is translated and up to date.
    """
    rows = translated(language, root)
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(SHEET)
    for place, text in sources(root).items():
        row = rows.get(place)
        if everything or row is None or (_is_read(place) and row.source != fingerprint(text)):
            writer.writerow((place, text, row.text if row else "", row.reviewed_by if row else ""))


def take(language: str, sheet: TextIO, *, signed_by: str = "", root: Path = FLOWS) -> int:
    """Take a filled spreadsheet into a language's files. Returns how many texts changed.

    signed_by: the person who has read every row that the sheet holds. A changed text loses its older signature. Nothing
    is written if a row is wrong. Raises `NotTranslatable`.
    """
    if language == BASE_LANGUAGE:
        raise NotTranslatable("English is written in the YAML files themselves.")
    english_of, rows = sources(root), translated(language, root)
    wrong, changed = [], 0
    for line, (place, text) in enumerate(_sheet(sheet), start=2):
        problem = _problem(place, text, english_of)
        if problem:
            wrong.append(f"line {line}, {place}: {problem}")
        elif text:
            before = rows.get(place)
            same = before is not None and before.text == text
            reviewed = signed_by or (before.reviewed_by if before is not None and same else "")
            source = fingerprint(english_of[place]) if _is_read(place) else ""
            rows[place] = Row(place, text, source, reviewed if _is_read(place) else "")
            changed += not same
    if wrong:
        raise NotTranslatable("\n".join(wrong))
    _write(language, rows, english_of, root)
    return changed


def _sheet(sheet: TextIO) -> Iterator[tuple[str, str]]:
    reader = csv.DictReader(sheet)
    if not {"place", "text"} <= set(reader.fieldnames or ()):
        raise NotTranslatable(f"Begin the sheet with the columns {','.join(SHEET)}.")
    for row in reader:
        yield (row["place"] or "").strip(), (row["text"] or "").strip()


def _problem(place: str, text: str, english_of: Mapping[str, str]) -> str:
    if place not in english_of:
        return "there is no such place: keep the first column as it was"
    wanted, got = (set(PLACEHOLDER.findall(each)) for each in (english_of[place], text))
    if text and wanted != got and _is_read(place):
        return f"keep exactly these placeholders: {', '.join(sorted(wanted)) or 'none'}"
    return ""


def _files(language: str, root: Path) -> tuple[Path, Path, Path]:
    name = f"{language}.csv"
    return root / "translations" / name, root / "safety/translations" / name, root / "landlords/translations" / name


def _write(language: str, rows: Mapping[str, Row], english_of: Mapping[str, str], root: Path) -> None:
    order = {place: number for number, place in enumerate(english_of)}
    ordered = sorted(rows.values(), key=lambda row: order.get(row.place, len(order)))
    everyday, safety, landlord = _files(language, root)
    for path, mine in (
        (safety, [row for row in ordered if row.place.startswith(SAFETY)]),
        (landlord, [row for row in ordered if row.place.startswith(LANDLORD)]),
        (everyday, [row for row in ordered if not row.place.startswith((SAFETY, LANDLORD))]),
    ):
        if mine:
            path.parent.mkdir(exist_ok=True)
            write(path, mine)
