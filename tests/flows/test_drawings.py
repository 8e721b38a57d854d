"""The drawings in the documents are those of the flows."""

import re
from pathlib import Path

import pytest

from flows.draw import mermaid
from flows.load import ROOT, load_book, load_landlord

PAGE = (ROOT.parent / "docs" / "flows.md").read_text(encoding="utf-8")
DRAWN = dict(re.findall(r"^### ([a-z-]+)\n+```mermaid\n(.*?)\n```", PAGE, re.DOTALL | re.MULTILINE))
BOOK = load_book(load_landlord(Path(ROOT / "landlords" / "england-council.yaml")))


def test_two_are_shown() -> None:
    assert len(DRAWN) == 2


@pytest.mark.parametrize("flow", sorted(DRAWN))
def test_a_drawing_is_up_to_date(flow: str) -> None:
    assert mermaid(BOOK.flows[flow]).strip() == DRAWN[flow].strip(), "copy what `hearthline flows draw` writes"
