"""Files of an older schema are brought up step by step; anything else is refused with a reason."""

import pytest

from flows.upgrade import NotUpgradable, Raw, TooNew, upgrade


def _rename(raw: Raw) -> Raw:
    return {**{key: value for key, value in raw.items() if key != "name"}, "flow": raw["name"]}


def _mark(raw: Raw) -> Raw:
    return {**raw, "marked": True}


STEPS = {1: _rename, 2: _mark}


def test_every_step_on_the_way_is_taken() -> None:
    old = {"schema": "1", "name": "a"}
    assert upgrade(old, STEPS, 3) == {"flow": "a", "marked": True}
    assert old == {"schema": "1", "name": "a"}, "the argument is left as it is"


def test_a_current_file_only_loses_its_number() -> None:
    assert upgrade({"schema": "3", "flow": "a"}, STEPS, 3) == {"flow": "a"}


def test_a_newer_file_is_refused() -> None:
    with pytest.raises(TooNew, match="update Hearthline"):
        upgrade({"schema": "4"}, STEPS, 3)


@pytest.mark.parametrize("version", [None, "", "one", "0", "-1", True])
def test_a_file_without_a_number_is_refused(version: object) -> None:
    with pytest.raises(NotUpgradable, match="schema: 1"):
        upgrade({"schema": version, "flow": "a"})


def test_a_gap_is_refused() -> None:
    with pytest.raises(NotUpgradable, match="from schema 2"):
        upgrade({"schema": "1", "name": "a"}, {1: _rename}, 3)
