"""Work beside a process's own goes on whatever happens to it, and ends with the process."""

from dataclasses import replace

import pytest

from bot.service import upkeep
from bot.service.parts import Parts
from bot.store.database import DatabaseAway, ValuesRefused


@pytest.mark.parametrize(
    "failure", [RuntimeError("a defect"), DatabaseAway("away"), ValuesRefused("no"), OSError("gone")]
)
def test_a_failure_is_not_the_end(parts: Parts, failure: Exception) -> None:
    done: list[int] = []

    def act(_: Parts) -> None:
        done.append(1)
        if len(done) == 1:
            raise failure

    looks = iter([False, False, True])
    own = replace(parts)
    own.stopping.wait = lambda timeout=None: next(looks)  # type: ignore[method-assign]  # two looks at once
    upkeep.keep_doing(own, "trying", act, 1.0)
    assert len(done) == 2


def test_it_ends_with_the_process(parts: Parts) -> None:
    thread = upkeep.start(parts, "trying", lambda of: None, 0.01)
    assert thread.name == "trying"
    parts.stopping.set()
    thread.join(5)
    assert not thread.is_alive()
