"""Group commit: what several requests ask for at once is written by one thread in one transaction.

A commit costs a disk flush whether it holds one message or fifty. Whoever asks still waits until its own part is safe.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Together(Generic[Asked, Answer]):
    """Gathers requests and gives them to `write` in the order they were made."""

    def __init__(
        self, write: Callable[[Sequence[Asked]], Sequence[Answer]], *, most: int = 64, name: str = "writer"
    ) -> None:
        """write: does a batch, and returns one answer for each; what it raises, everyone in the batch gets.

        most: requests in one batch. name: of the thread.
        """
        self._write, self._most = write, most
        self._waiting: list[tuple[Asked, Future[Answer]]] = []
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, asked: Asked) -> Future[Answer]:
        """Have one thing written; the future ends when it is, or with what went wrong."""
        future: Future[Answer] = Future()
        with self._wake:
            self._waiting.append((asked, future))
            self._wake.notify()
        return future

    def close(self, timeout: float = 5.0) -> None:
        """Write what was asked for and stop. timeout: seconds."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while batch := self._next():
            # Whoever gave up before the write began keeps its part elsewhere; from here on nobody can.
            batch = [(asked, future) for asked, future in batch if future.set_running_or_notify_cancel()]
            try:
                answers = self._write([asked for asked, _ in batch])
            except Exception as error:  # noqa: BLE001 - handed to everyone who waits for it
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    future.set_result(answer)

    def _next(self) -> list[tuple[Asked, Future[Answer]]]:
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closed)
            batch = self._waiting[: self._most]
            del self._waiting[: self._most]
            return batch
