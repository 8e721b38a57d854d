"""`hearthline status`: how the line is doing, on one screen."""

from collections.abc import Iterator, Sequence
from typing import TextIO

from bot.queues import QUEUES
from bot.service import paging
from bot.service.alive import close
from bot.service.rota import Person, ladder
from bot.service.status import UNTOLD, Overview, overview
from bot.settings import Settings
from bot.wiring import build, landlord


def report(settings: Settings, output: TextIO) -> int:
    """Write the overview. Returns 1 if somebody should look at something, else 0."""
    parts = build(settings, name="status", pool_size=1)
    try:
        seen = overview(parts)
        with parts.database.connection() as connection:
            on_rota = ladder(paging.read_rota(connection, landlord(settings), seen.now), seen.now)
    finally:
        close(parts)
    for line in lines(seen):
        print(line, file=output)
    worries = [*alarms(seen, on_rota), *concerns(seen)]
    print(*[f"LOOK     {worry}" for worry in worries] or ["All is well."], sep="\n", file=output)
    return 1 if worries else 0


def lines(seen: Overview) -> Iterator[str]:
    """Tell an overview, one thing a line."""
    counts = seen.counts
    yield f"inbox    {counts.unanswered} unanswered{_since(counts.oldest_unanswered, seen.now)}"
    yield f"outbox   {counts.queued} queued{_since(counts.oldest_queued, seen.now)}, {counts.sending} being sent,"
    yield f"         {counts.retrying} waiting for another try, {counts.failed} failed in the last day"
    for outcome, code, count in seen.failures:
        yield f"         {count} {outcome}{f' ({code})' if code else ''}"
    for queue, level, count, oldest in seen.handoffs:
        yield f"handoff  {count} in {queue} at {level}{_since(oldest, seen.now)}"
    roles = ", ".join(f"{count} {role}" for role, count in sorted(seen.processes.items()))
    yield f"running  {roles or 'nothing'}"
    if seen.spooled:
        yield f"spool    {seen.spooled} webhooks on disk, waiting for PostgreSQL"


def alarms(seen: Overview, on_rota: Sequence[Person]) -> Iterator[str]:
    """What is red: somebody is in danger, or would be, and no person knows. on_rota: whom a page would reach now."""
    if seen.untold:
        yield f"RED: for {seen.untold} at P0 no page has been taken for {UNTOLD:.0f} seconds: ring the duty manager"
    if not on_rota:
        yield "RED: nobody is on call who can be paged: hearthline rota check"


def concerns(seen: Overview) -> Iterator[str]:
    """Tell what somebody should look at."""
    for queue in QUEUES:
        if f"worker-{queue}" not in seen.processes:
            yield f"no worker answers the queue {queue}: hearthline worker {queue}"
    oldest = seen.counts.oldest_unanswered
    if oldest is not None and seen.now - oldest > 60:
        yield "a message has waited more than a minute: are the workers well?"
    if seen.author_errors:
        yield f"{seen.author_errors} times a flow was wrong: hearthline flows check"


def _since(oldest: float | None, now: float) -> str:
    return "" if oldest is None else f", the oldest for {span(now - oldest)}"


def span(seconds: float) -> str:
    """Say a length of time, with its largest unit."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"
