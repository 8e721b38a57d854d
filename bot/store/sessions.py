"""Rows of sessions, and of tries to sign in. Tokens are kept as hashes: a copy of the tables opens nothing."""

from typing import Literal, NamedTuple

from bot.store import staff as people
from bot.store.database import Connection
from bot.store.staff import Staff

Stage = Literal["enrol", "code", "full"]
"""How far somebody has come: the password was right and one-time codes must be set up, or one is awaited; or all of it."""


class Session(NamedTuple):
    """A live session and whose it is. seen_at: POSIX seconds. enrolled: whether the person has one-time codes."""

    staff: Staff
    stage: Stage
    agent: str
    seen_at: float
    totp_pending: str | None


class Listed(NamedTuple):
    """A session as its owner sees it. Times are POSIX seconds."""

    id: int
    address: str
    agent: str
    created_at: float
    seen_at: float


class Beginning(NamedTuple):
    """A session that begins. at and until: POSIX seconds."""

    token_hash: bytes
    staff_id: int
    stage: Stage
    address: str
    agent: str
    at: float
    until: float
    totp_pending: str | None = None


def begin(connection: Connection, beginning: Beginning) -> int:
    """Keep a new session. Returns its id."""
    row = connection.execute(
        """
        INSERT INTO sessions (token_hash, staff_id, stage, address, agent, created_at, seen_at, expires_at, totp_pending)
        VALUES (%(token_hash)s, %(staff_id)s, %(stage)s, %(address)s, %(agent)s, to_timestamp(%(at)s), to_timestamp(%(at)s),
                to_timestamp(%(until)s), %(totp_pending)s)
        RETURNING id
        """,
        beginning._asdict(),
    ).fetchone()
    assert row
    return int(row[0])


def find(connection: Connection, token_hash: bytes, now: float, idle: float) -> Session | None:
    """The session of a token, if it is live and its owner is not disabled. idle: seconds it may go unused."""
    row = connection.execute(
        f"""
        SELECT {people.COLUMNS}, e.id, e.stage, e.agent, extract(epoch FROM e.seen_at)::float8, e.totp_pending
        FROM sessions e JOIN staff s ON s.id = e.staff_id
        WHERE e.token_hash = %s AND e.ended_at IS NULL AND s.disabled_at IS NULL
            AND e.expires_at > to_timestamp(%s) AND e.seen_at > to_timestamp(%s)
        """,
        (token_hash, now, now - idle),
    ).fetchone()
    return Session(_with_session(people.of(row), row[7]), *row[8:]) if row else None


def _with_session(staff: Staff, session: int) -> Staff:
    return Staff(
        staff.id, staff.email, staff.name, staff.roles, staff.teams, staff.languages, staff.topics, session=session
    )


def touch(connection: Connection, session_id: int, address: str, now: float) -> None:
    """A session is being used, from this address."""
    connection.execute(
        "UPDATE sessions SET seen_at = greatest(seen_at, to_timestamp(%s)), address = %s WHERE id = %s",
        (now, address, session_id),
    )


def end(connection: Connection, session_id: int, staff_id: int, now: float) -> bool:
    """End one session of somebody; False if there is no such live one."""
    done = connection.execute(
        "UPDATE sessions SET ended_at = to_timestamp(%s) WHERE id = %s AND staff_id = %s AND ended_at IS NULL",
        (now, session_id, staff_id),
    )
    return done.rowcount == 1


def end_all(connection: Connection, staff_id: int, now: float, *, but: int = 0) -> int:
    """End all sessions of somebody, perhaps but one. Returns how many."""
    return connection.execute(
        "UPDATE sessions SET ended_at = to_timestamp(%s) WHERE staff_id = %s AND id <> %s AND ended_at IS NULL",
        (now, staff_id, but),
    ).rowcount


def live(connection: Connection, staff_id: int, now: float, idle: float) -> list[Listed]:
    """The sessions in which somebody is signed in, the latest used first. idle: seconds one may go unused."""
    rows = connection.execute(
        """
        SELECT id, address, agent, extract(epoch FROM created_at)::float8, extract(epoch FROM seen_at)::float8
        FROM sessions WHERE staff_id = %s AND stage = 'full' AND ended_at IS NULL
            AND expires_at > to_timestamp(%s) AND seen_at > to_timestamp(%s)
        ORDER BY seen_at DESC, id DESC
        """,
        (staff_id, now, now - idle),
    ).fetchall()
    return [Listed(*row) for row in rows]


def forget_old(connection: Connection, before: float) -> None:
    """Delete sessions and tries that were over before a time, in POSIX seconds."""
    connection.execute("DELETE FROM sessions WHERE expires_at < to_timestamp(%s)", (before,))
    connection.execute("DELETE FROM login_attempts WHERE last_at < to_timestamp(%s)", (before,))


class Pace(NamedTuple):
    """How fast tries may follow each other: `free` without a wait, then `first` seconds, doubled to at most `longest`."""

    free: int
    first: float
    longest: float


FORGOTTEN_AFTER = 3600.0
"""Seconds without a try after which earlier failures count no more."""


def attempt(connection: Connection, kind: str, key_hash: bytes, pace: Pace, now: float) -> float:
    """Count a try before it is made, so that tries at once count too. Returns 0, or the seconds to wait instead."""
    row = connection.execute(
        """
        INSERT INTO login_attempts AS a (kind, key_hash, failures, last_at, blocked_until)
        VALUES (%(kind)s, %(key)s, 1, to_timestamp(%(now)s), to_timestamp(0))
        ON CONFLICT (kind, key_hash) DO UPDATE SET
            failures = CASE WHEN a.last_at < to_timestamp(%(now)s - %(forgotten)s) THEN 1 ELSE a.failures + 1 END,
            last_at = excluded.last_at,
            blocked_until = CASE
                WHEN a.last_at < to_timestamp(%(now)s - %(forgotten)s) OR a.failures + 1 < %(free)s THEN to_timestamp(0)
                ELSE to_timestamp(%(now)s
                    + least(%(longest)s, %(first)s * 2 ^ least(a.failures + 1 - %(free)s, 30))) END
        WHERE a.blocked_until <= to_timestamp(%(now)s)
        RETURNING 0.0::float8
        """,
        {"kind": kind, "key": key_hash, "now": now, "forgotten": FORGOTTEN_AFTER, **pace._asdict()},
    ).fetchone()
    if row:
        return 0.0
    blocked = connection.execute(
        "SELECT extract(epoch FROM blocked_until)::float8 FROM login_attempts WHERE kind = %s AND key_hash = %s",
        (kind, key_hash),
    ).fetchone()
    return max(float(blocked[0]) - now, 1.0) if blocked else 0.0


def forgive(connection: Connection, kind: str, key_hash: bytes, tries: int | None = None) -> None:
    """Take back so many tries that were right after all, or all of them."""
    if tries is None:
        connection.execute("DELETE FROM login_attempts WHERE kind = %s AND key_hash = %s", (kind, key_hash))
        return
    connection.execute(
        "UPDATE login_attempts SET failures = greatest(failures - %s, 0), blocked_until = to_timestamp(0)"
        " WHERE kind = %s AND key_hash = %s",
        (tries, kind, key_hash),
    )
