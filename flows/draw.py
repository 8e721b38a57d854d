"""A picture of a flow, as Mermaid text, which GitHub, GitLab and most documentation tools show as a drawing."""

from collections.abc import Iterator

from flows.schema import BASE_LANGUAGE, END, Ask, Branch, Call, Flow, FlowState, Handoff, Lookup, Say, Search, Text

LABEL_CHARACTERS = 60
_SHAPES = {"ask": ('{{"', '"}}'), "branch": ('{"', '"}'), "handoff": ('[["', '"]]'), "crisis": ('[["', '"]]')}
"""Questions are hexagons, branches diamonds, people double boxes; the rest are plain."""


def mermaid(flow: Flow) -> str:
    """The states of a flow and the ways between them, in English, from top to bottom."""
    lines = ["flowchart TD", f"  start([{_quoted(_words(flow.title))}]) --> {_node(flow.start)}"]
    for name, state in flow.states.items():
        opening, closing = _SHAPES.get(state.do, ('["', '"]'))
        lines.append(f"  {_node(name)}{opening}{_escaped(_caption(name, state))}{closing}")
        lines += [f"  {_node(name)} -->{_edge(label)} {_node(target)}" for label, target in _ways(state)]
    for name, timer in flow.timers.items():
        lines.append(f"  timer_{_node(name)}([{_quoted(f'timer {name}')}]) -.-> {_node(timer.to)}")
    if any(target == END for state in flow.states.values() for _, target in _ways(state)):
        lines.append(f"  {_node(END)}((end))")
    return "\n".join(lines) + "\n"


def _ways(state: FlowState) -> Iterator[tuple[str, str]]:
    """Each way on, with what leads there."""
    if isinstance(state, Ask):
        yield from ((_words(choice.label), choice.to) for choice in state.choices)
        named = (("yes", state.yes), ("no", state.no), ("skip", state.skip), ("", state.to))
        yield from ((label, target) for label, target in named if target)
    elif isinstance(state, Branch):
        yield from state.cases.items()
        yield "otherwise", state.otherwise
    elif isinstance(state, Lookup | Search):
        yield "found", state.found
        yield "missing", state.missing
    else:
        yield "", state.to


def _caption(name: str, state: FlowState) -> str:
    if isinstance(state, Say | Ask):
        return _words(state.text)
    if isinstance(state, Branch):
        return f"{state.slot or state.on}?"
    if isinstance(state, Handoff):
        return f"person: {state.queue} {state.level}"
    if isinstance(state, Call):
        return f"flow: {state.flow}"
    return f"{state.do}: {name}"


def _words(text: Text) -> str:
    said = text[BASE_LANGUAGE].default if BASE_LANGUAGE in text else next(iter(text.values())).default
    return said if len(said) <= LABEL_CHARACTERS else said[: LABEL_CHARACTERS - 3].rstrip() + "..."


def _node(name: str) -> str:
    """`end` is a word of Mermaid's own, so every node has a prefix."""
    return "s_" + name.replace("-", "_")


def _edge(label: str) -> str:
    return f"|{_quoted(label)}|" if label else ""


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace('"', "#quot;").replace("\n", " ")
