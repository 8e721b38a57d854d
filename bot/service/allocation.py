"""Who is offered which urgent handoff: a pure rule over who waits and who is there."""

from collections.abc import Callable, Collection, Sequence

from bot.store.presence import Present
from bot.store.waiting import Waiting

CRISES_EACH = 1
"""Urgent handoffs at a time for one advisor, while another is free (domain: crises are shared out, and wear people down)."""


def match(
    waiting: Sequence[Waiting], present: Sequence[Present], serves: Callable[[Present], Collection[str] | None]
) -> list[tuple[int, int]]:
    """Pair urgent handoffs, in their order, with people: [(handoff, person)]. Each person gets at most one at once.

    Whoever let it pass already is asked again only when nobody else is left, the one who did so longest ago first. A person
    whom it waits for comes first, then one who speaks its language, then whoever has least in hand and longest had nothing
    new. Nobody on a break, on light duties or away is asked. serves: the teams whose handoffs a person may take now, None
    for all.
    """
    free = {one.staff_id: one for one in present if one.status == "available"}
    pairs = []
    for case in waiting:
        fit = [one for one in free.values() if _fits(case, one, serves(one))]
        if fit:
            chosen = min(fit, key=lambda one: _rank(case, one))
            pairs.append((case.id, chosen.staff_id))
            del free[chosen.staff_id]
    return pairs


def _fits(case: Waiting, one: Present, teams: Collection[str] | None) -> bool:
    if one.staff_id == case.for_staff:
        return True
    # A full advisor is still asked for what cannot wait.
    room = case.level == "P0" or one.load < one.load_limit
    return room and (teams is None or case.team in teams)


def _rank(case: Waiting, one: Present) -> tuple[int, bool, bool, bool, int, float]:
    passed = case.declined.index(one.staff_id) + 1 if one.staff_id in case.declined else 0
    return (
        passed,
        one.staff_id != case.for_staff,
        one.crises >= CRISES_EACH,
        case.language not in ("", "en") and case.language not in one.languages,
        one.load,
        one.idle_since,
    )
