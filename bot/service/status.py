"""How the line is doing: for `hearthline status`, `/readyz` and `/metrics`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bot.queues import QUEUES
from bot.service.parts import Parts
from bot.store import due, handoffs, migrate, pages, processes
from bot.store.database import Connection, DatabaseAway

ALIVE_FOR = 15.0
"""Seconds of silence after which a process counts as gone."""
UNTOLD = 60.0
"""Seconds that an alarm at P0 may be without a page that a provider has taken."""
FAILURES_FOR = 24 * 3600.0
"""Seconds back that failed sends are counted."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What waits, who works, what failed. Times are POSIX seconds."""

    now: float
    counts: due.Counts
    processes: dict[str, int]
    handoffs: list[tuple[str, str, int, float]]
    failures: list[tuple[str, str, int]]
    author_errors: int
    spooled: int
    set_aside: int = 0
    untold: int = 0


def overview(parts: Parts) -> Overview:
    """Read the state of the line. Raises `DatabaseAway`."""
    now = parts.clock()
    with parts.database.connection() as connection:
        return Overview(
            now=now,
            counts=due.counts(connection, now - FAILURES_FOR),
            processes=dict(Counter(process.role for process in processes.alive(connection, now - ALIVE_FOR))),
            handoffs=handoffs.waiting(connection),
            failures=due.failures(connection, now - FAILURES_FOR),
            author_errors=due.author_errors(connection),
            spooled=len(parts.spool.files()),
            set_aside=parts.spool.set_aside(),
            untold=pages.untold(connection, now - UNTOLD),
        )


def gauges(seen: Overview, now: float) -> Iterator[tuple[str, str, float]]:
    """Name, meaning and value of each figure. now: POSIX seconds."""
    counts = seen.counts
    yield "unanswered", "Messages the engine has not seen", counts.unanswered
    yield "oldest_unanswered_seconds", "Age of the oldest of them", now - (counts.oldest_unanswered or now)
    yield "outbox_queued", "Parts waiting to be sent", counts.queued
    yield "oldest_queued_seconds", "Age of the oldest of them", now - (counts.oldest_queued or now)
    yield "outbox_sending", "Parts being sent", counts.sending
    yield "outbox_retrying", "Parts that wait for another try", counts.retrying
    yield "outbox_failed_day", "Parts that failed for good in the last day", counts.failed
    yield "handoffs_waiting", "Conversations waiting for a person", sum(count for _, _, count, _ in seen.handoffs)
    yield "untold_alarms", "Conversations at P0 for which no page was taken for a minute", seen.untold
    yield "spooled", "Webhooks on this machine's disk, waiting for PostgreSQL", seen.spooled
    yield "spool_set_aside", "Webhooks on this machine's disk that nobody could read or store", seen.set_aside


def missing(parts: Parts, redis_answers: bool) -> list[str]:
    """What keeps the line from being ready, one plain sentence each; empty when it is."""
    problems = [] if redis_answers else ["Redis does not answer"]
    try:
        with parts.database.connection() as connection:
            problems += _missing_in(connection, parts.clock())
    except DatabaseAway:
        problems.append("PostgreSQL does not answer")
    return problems


def _missing_in(connection: Connection, now: float) -> list[str]:
    if not migrate.current(connection):
        return ["migrations have not run: hearthline migrate"]
    roles = {process.role for process in processes.alive(connection, now - ALIVE_FOR)}
    problems = [f"no worker answers the queue {queue}" for queue in QUEUES if f"worker-{queue}" not in roles]
    return problems if "clock" in roles else [*problems, "no clock runs: nothing that waits would be rung for"]
