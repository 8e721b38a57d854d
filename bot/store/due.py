"""What waits: for the sweep, which rings for it, and for `hearthline status`, which shows it."""

from typing import Literal, NamedTuple

from bot.store.database import Connection

WAITING = """
SELECT 'urgent' WHERE EXISTS (SELECT FROM inbox WHERE processed_at IS NULL AND urgent AND received_at <= to_timestamp(%(since)s))
                   OR EXISTS (SELECT FROM outbox WHERE state = 'queued' AND urgent AND due_at <= to_timestamp(%(since)s))
UNION ALL
SELECT 'talk' WHERE EXISTS (SELECT FROM inbox WHERE processed_at IS NULL AND received_at <= to_timestamp(%(since)s))
UNION ALL
SELECT 'send' WHERE EXISTS (SELECT FROM outbox WHERE state = 'queued' AND due_at <= to_timestamp(%(since)s))
UNION ALL
SELECT 'media' WHERE EXISTS (SELECT FROM media WHERE state = 'queued' AND due_at <= to_timestamp(%(since)s))
"""


Queue = Literal["urgent", "talk", "send", "media"]


class Counts(NamedTuple):
    """What waits and what failed. Times are POSIX seconds, None where nothing waits."""

    unanswered: int
    oldest_unanswered: float | None
    queued: int
    oldest_queued: float | None
    sending: int
    failed: int
    retrying: int


def queues_waiting(connection: Connection, since: float) -> list[Queue]:
    """Queues with something that has been due since before that time (POSIX seconds)."""
    return [row[0] for row in connection.execute(WAITING, {"since": since}).fetchall()]


def counts(connection: Connection, failed_since: float) -> Counts:
    """What waits now, and what failed for good since that time (POSIX seconds)."""
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM inbox WHERE processed_at IS NULL),
               (SELECT extract(epoch FROM min(received_at))::float8 FROM inbox WHERE processed_at IS NULL),
               (SELECT count(*) FROM outbox WHERE state = 'queued'),
               (SELECT extract(epoch FROM min(created_at))::float8 FROM outbox WHERE state = 'queued'),
               (SELECT count(*) FROM outbox WHERE state = 'sending'),
               (SELECT count(*) FROM outbox WHERE state = 'failed' AND created_at >= to_timestamp(%s)),
               (SELECT count(*) FROM outbox WHERE state = 'queued' AND attempts > 0)
        """,
        (failed_since,),
    ).fetchone()
    assert row is not None
    return Counts(*row)


def failures(connection: Connection, since: float) -> list[tuple[str, str, int]]:
    """What failed for good since that time (POSIX seconds): [(outcome, provider's code, count)], most first."""
    rows = connection.execute(
        """
        SELECT coalesce(outcome, ''), coalesce(code, ''), count(*) FROM outbox
        WHERE state = 'failed' AND created_at >= to_timestamp(%s) GROUP BY 1, 2 ORDER BY 3 DESC
        """,
        (since,),
    ).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def author_errors(connection: Connection) -> int:
    """How many mistakes of authors the engine has met."""
    row = connection.execute("SELECT coalesce(sum(times), 0) FROM author_errors").fetchone()
    return int(row[0]) if row else 0
