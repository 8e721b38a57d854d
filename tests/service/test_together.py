"""Group commit: everyone waits for their own part, and gets its answer or its error."""

import threading
from collections.abc import Sequence

import pytest

from bot.service.together import Together


def test_each_gets_the_answer_to_what_they_asked() -> None:
    together = Together[int, int](lambda numbers: [number * 2 for number in numbers])
    futures = [together.ask(number) for number in range(500)]
    assert [future.result(5) for future in futures] == [number * 2 for number in range(500)]
    together.close()


def test_what_waits_is_written_together_and_in_order() -> None:
    batches, begun, go_on = list[list[int]](), threading.Event(), threading.Event()

    def write(numbers: Sequence[int]) -> list[int]:
        batches.append(list(numbers))
        begun.set()
        assert go_on.wait(5)
        return list(numbers)

    together = Together[int, int](write, most=4)
    first = together.ask(0)
    assert begun.wait(5)
    rest = [together.ask(number) for number in range(1, 8)]
    go_on.set()
    assert [future.result(5) for future in [first, *rest]] == list(range(8))
    together.close()
    assert batches == [[0], [1, 2, 3, 4], [5, 6, 7]]


def test_an_error_reaches_everyone_of_the_batch_and_the_next_batch_is_written() -> None:
    tries = iter([ConnectionError("away"), None])

    def write(numbers: Sequence[int]) -> list[int]:
        if error := next(tries):
            raise error
        return list(numbers)

    together = Together[int, int](write)
    with pytest.raises(ConnectionError):
        together.ask(1).result(5)
    assert together.ask(2).result(5) == 2
    together.close()


def test_closing_writes_what_was_asked_for() -> None:
    together = Together[int, int](list)
    futures = [together.ask(number) for number in range(100)]
    together.close()
    assert all(future.done() for future in futures)
