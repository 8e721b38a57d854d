"""Every state and every way of every shipped flow is in its picture, and nothing breaks Mermaid's syntax."""

import re

import pytest

from flows.draw import mermaid
from flows.load import ROOT, load_book, load_landlord
from flows.reach import targets
from flows.schema import Flow

FLOWS = load_book(load_landlord(ROOT / "landlords" / "england-council.yaml")).flows
LINE = re.compile(
    r'^  (start\(\["[^"]*"\]\) --> \w+|\w+\(\["[^"]*"\]\) -\.-> \w+|\w+(\{\{|\{|\[\[|\[)"[^"]*"(\}\}|\}|\]\]|\])'
    r'|\w+ -->(\|"[^"]*"\|)? \w+|s_end\(\(end\)\))$'
)


@pytest.mark.parametrize("flow", list(FLOWS.values()), ids=list(FLOWS))
def test_a_picture_is_complete(flow: Flow) -> None:
    first, *lines = mermaid(flow).splitlines()
    assert first == "flowchart TD"
    assert all(LINE.match(line) for line in lines), [line for line in lines if not LINE.match(line)]
    drawn = {tuple(re.findall(r"s_\w+", line)) for line in lines if "-->" in line and "start(" not in line}
    for name, state in flow.states.items():
        for target in targets(state):
            assert (f"s_{name.replace('-', '_')}", f"s_{target.replace('-', '_')}") in drawn


def test_quotes_and_line_ends_do_no_harm() -> None:
    flow = FLOWS["report-repair"]
    assert "#quot;" in mermaid(flow)
