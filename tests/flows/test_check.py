"""One broken file per kind of issue: it is found where it was made, with a remedy, and nothing shipped has an error."""

import re
import shutil
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from flows import check as checking
from flows import load as loading
from flows.issue import Issue
from flows.load import ROOT, BookError, load_book, load_landlord

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.*"))
TODAY = date(2026, 11, 22)
KINDS = {*checking.KINDS, *loading.KINDS}


class Case(NamedTuple):
    """A broken file: where it goes, or what it takes away, and the part that must be named."""

    at: str
    without: str
    where: str
    content: str


def case(path: Path) -> Case:
    content = path.read_text(encoding="utf-8")
    told = dict(re.findall(r"^# (at|without|expect): (.+)$", content, re.MULTILINE))
    # A spreadsheet has no comments.
    kept = content if path.suffix == ".yaml" else re.sub(r"^# .*\n", "", content, flags=re.MULTILINE)
    return Case(told.get("at", ""), told.get("without", ""), told["expect"], kept)


def flows_dir(tmp_path: Path) -> Path:
    """A copy of the shipped flows that a test may break."""
    root = tmp_path / "flows"
    others = shutil.ignore_patterns("??.csv")
    for folder in ("library", "faq", "safety", "tables", "translations"):
        shutil.copytree(ROOT / folder, root / folder, ignore=None if folder == "tables" else others)
    return root


def issues_in(root: Path) -> list[Issue]:
    # Twenty languages would only take their time: the others have tests of their own.
    landlord = load_landlord(ROOT / "landlords" / "england-council.yaml").model_copy(update={"languages": ("en", "cy")})
    try:
        return checking.check(load_book(landlord, root), TODAY)
    except BookError as error:
        return list(error.issues)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_each_kind_is_found_where_it_was_made(path: Path, tmp_path: Path) -> None:
    broken, root = case(path), flows_dir(tmp_path)
    if broken.without:
        (root / broken.without).unlink()
    if broken.at:
        (root / broken.at).write_text(broken.content, encoding="utf-8")
    found = [issue for issue in issues_in(root) if issue.kind == path.stem and issue.where == broken.where]
    assert found, [str(issue) for issue in issues_in(root) if issue.severity == "error"]
    issue = found[0]
    assert issue.remedy
    assert str(issue).startswith(f"{issue.file}:{issue.line}: {issue.severity} ")
    if broken.at:
        assert issue.file == broken.at or path.stem.startswith("missing-")
        lines = broken.content.splitlines()
        last = broken.where.split(".")[-1]
        assert path.stem.startswith("missing-") or 1 <= issue.line <= len(lines) + 1
        if path.stem == "bad-schema":
            assert last in lines[issue.line - 1]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    found = issues_in(flows_dir(tmp_path_factory.mktemp("shipped")))
    return {(issue.kind, issue.where) for issue in found}


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_the_shipped_book_does_not_have_it(path: Path, shipped: set[tuple[str, str]]) -> None:
    assert (path.stem, case(path).where) not in shipped


def test_every_kind_has_a_broken_file() -> None:
    assert {path.stem for path in BROKEN} == KINDS


def test_every_check_reports_declared_kinds_only() -> None:
    source = "".join(Path(module.__file__ or "").read_text() for module in (checking, loading))
    assert set(re.findall(r'_issue\(\w+, "([a-z-]+)"', source)) <= KINDS


@pytest.mark.parametrize("profile", sorted(path.stem for path in (ROOT / "landlords").glob("*.yaml")))
def test_nothing_shipped_has_an_error(profile: str) -> None:
    book = load_book(load_landlord(ROOT / "landlords" / f"{profile}.yaml"))
    assert [str(issue) for issue in checking.check(book, TODAY) if issue.severity == "error"] == []


def test_a_fingerprint_notices_a_change() -> None:
    assert checking.fingerprint("Hello.") != checking.fingerprint("Hello!")


def test_a_translation_of_the_present_english_is_not_stale(tmp_path: Path) -> None:
    root = flows_dir(tmp_path)
    stale = Path(__file__).parent / "broken" / "stale-translation.yaml"
    fresh = stale.read_text(encoding="utf-8").replace("0123456789ab", checking.fingerprint("Hello there."))
    (root / "library" / "broken.yaml").write_text(fresh, encoding="utf-8")
    assert not [issue for issue in issues_in(root) if issue.kind == "stale-translation"]
