"""Where the states of a Book lead: a graph that the checker asks its questions of."""

from collections.abc import Container, Iterable, Iterator, Mapping

from flows.schema import END, Ask, Book, Branch, Call, Flow, FlowState, Handoff, Lookup, Say, Search

Node = tuple[str, str]
"""A flow and a state of it."""


def targets(state: FlowState) -> tuple[str, ...]:
    """Every state that may follow, `end` included, each once."""
    if isinstance(state, Ask):
        found = [choice.to for choice in state.choices]
        found += [target for target in (state.to, state.yes, state.no, state.skip) if target]
    elif isinstance(state, Branch):
        found = [*state.cases.values(), state.otherwise]
    elif isinstance(state, Lookup | Search):
        found = [state.found, state.missing]
    else:
        found = [state.to]
    return tuple(dict.fromkeys(found))


def reachable(flow: Flow, starts: Iterable[str]) -> set[str]:
    """The states of a flow that can be got to from some of them, `end` included."""
    found: set[str] = set()
    waiting = [name for name in starts if name in flow.states or name == END]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += targets(flow.states[name]) if name in flow.states else ()
    return found


def waits(state: FlowState) -> bool:
    """Whether the tenant always gets to speak here. A question that may answer itself does not count."""
    return isinstance(state, Ask) and not state.known and not state.infer_from


def speaks(state: FlowState) -> bool:
    """Whether the tenant is sure to hear something here, or from the flow that it calls."""
    if isinstance(state, Handoff):
        return state.text is not None
    return isinstance(state, Say | Call) or state.do == "crisis" or waits(state)


def subflows(book: Book) -> frozenset[str]:
    """Flows that others call and go on from: their callers have the last word."""
    calls = [state for flow in book.flows.values() for state in flow.states.values() if isinstance(state, Call)]
    last = {state.flow for state in calls if state.to == END} | {topic.flow for topic in book.faq}
    return frozenset(state.flow for state in calls if state.flow not in last)


def silent_ends(flow: Flow, quiet: Container[str] = ()) -> Iterator[str]:
    """States from which an answer, or the start, can lead to the end without a word.

    quiet: flows that may end without one, so that whoever calls them must say it.
    """
    for name in ("", *flow.states):
        state = flow.states.get(name)
        asks = isinstance(state, Ask) and state.expects != "picture"
        if name and not asks and not (isinstance(state, Call) and state.flow in quiet):
            continue
        first = targets(state) if state is not None else (flow.start,)
        if any(_quiet_way_out(flow, target, set()) for target in first):
            yield name or flow.start


def _quiet_way_out(flow: Flow, name: str, seen: set[str]) -> bool:
    if name == END:
        return True
    state = flow.states.get(name)
    if state is None or name in seen or speaks(state):
        return False
    seen.add(name)
    return any(_quiet_way_out(flow, target, seen) for target in targets(state))


def endless(book: Book) -> list[Node]:
    """States that lie on a loop in which nobody waits for the tenant, through calls as well."""
    graph = {(flow.flow, name): list(_next(book, flow, state)) for flow, name, state in _all(book)}
    return [node for node in graph if _returns(graph, node)]


def _all(book: Book) -> Iterator[tuple[Flow, str, FlowState]]:
    for flow in book.flows.values():
        for name, state in flow.states.items():
            yield flow, name, state


def _next(book: Book, flow: Flow, state: FlowState) -> Iterator[Node]:
    if waits(state):
        return
    if isinstance(state, Call) and state.flow in book.flows:
        yield (state.flow, book.flows[state.flow].start)
        if END not in _unheard(book.flows[state.flow]):
            return
    for target in targets(state):
        if target != END:
            yield (flow.flow, target)


def _unheard(flow: Flow) -> set[str]:
    """What a flow can get to from its start without waiting for the tenant."""
    found: set[str] = set()
    ahead = [flow.start]
    while ahead:
        name = ahead.pop()
        state = flow.states.get(name)
        if name in found:
            continue
        found.add(name)
        ahead += targets(state) if state is not None and not waits(state) else ()
    return found


def _returns(graph: Mapping[Node, list[Node]], node: Node) -> bool:
    seen: set[Node] = set()
    ahead = list(graph[node])
    while ahead:
        current = ahead.pop()
        if current == node:
            return True
        if current not in seen:
            seen.add(current)
            ahead += graph.get(current, [])
    return False
