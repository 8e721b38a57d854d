"""Sessions of the desk: beginning one under a token that nobody has seen, finding it again, and ending it."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import pyotp

from bot.log import get
from bot.service.parts import Parts
from bot.service.passwords import new_token, token_hash
from bot.store import audit
from bot.store import sessions as rows
from bot.store.database import Connection
from bot.store.sessions import Beginning, Listed, Session, Stage
from bot.store.staff import Staff

HALFWAY = 600.0
"""Seconds to set up or enter a one-time code after the password."""
TOUCH_EVERY = 30.0
"""Seconds between two notes that a session is being used."""
LONGEST_AGENT = 200
"""Characters that are kept of what a browser calls itself."""

log = get(__name__)


class Limits(NamedTuple):
    """Seconds that a session may go unused, and that it lasts at most."""

    idle: float = 3600.0
    absolute: float = 12 * 3600.0


class Where(NamedTuple):
    """Where a request comes from. address: of IP; agent: what the browser calls itself."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A session has begun. token: for the cookie, in place of any earlier one."""

    token: str
    stage: Stage
    staff_id: int


def begin(connection: Connection, limits: Limits, staff_id: int, stage: Stage, where: Where, now: float) -> Begun:
    """Begin a session under a new token. now: POSIX seconds."""
    token = new_token()
    until = now + (limits.absolute if stage == "full" else min(HALFWAY, limits.absolute))
    pending = pyotp.random_base32() if stage == "enrol" else None
    agent = where.agent[:LONGEST_AGENT]
    rows.begin(connection, Beginning(token_hash(token), staff_id, stage, where.address, agent, now, until, pending))
    return Begun(token, stage, staff_id)


def find(parts: Parts, limits: Limits, token: str, where: Where, *, touch: bool = True) -> Session | None:
    """The live session of a token. One that turns up in another browser is ended: its cookie was copied.

    touch: whether this counts as use; what a page asks for by itself must not keep a session alive.
    """
    now = parts.clock()
    with parts.database.connection() as connection:
        found = rows.find(connection, token_hash(token), now, limits.idle)
        if found is None:
            return None
        staff = replace(found.staff, address=where.address)
        if found.agent != where.agent[:LONGEST_AGENT]:
            _end_stolen(connection, staff, now)
            return None
        if touch and now - found.seen_at >= TOUCH_EVERY:
            rows.touch(connection, staff.session, where.address, now)
    return found._replace(staff=staff)


def _end_stolen(connection: Connection, staff: Staff, now: float) -> None:
    log.warning("session_in_another_browser", staff=staff.id)
    with connection.transaction():
        rows.end(connection, staff.session, staff.id, now)
        audit.record(connection, staff, "session_stolen", session=staff.session)


def renew(connection: Connection, limits: Limits, session: Session, where: Where, now: float) -> Begun | None:
    """Begin a full session in place of another one; None if that has just been ended or used for this."""
    if not rows.end(connection, session.staff.session, session.staff.id, now):
        return None
    return begin(connection, limits, session.staff.id, "full", where, now)


def sign_out(parts: Parts, staff: Staff) -> None:
    """End the session in which somebody acts."""
    with parts.database.transaction() as connection:
        rows.end(connection, staff.session, staff.id, parts.clock())
        audit.record(connection, staff, "signed_out")


def mine(parts: Parts, limits: Limits, staff: Staff) -> list[Listed]:
    """Where somebody is signed in, the latest used first."""
    with parts.database.connection() as connection:
        return rows.live(connection, staff.id, parts.clock(), limits.idle)


def end_one(parts: Parts, staff: Staff, session_id: int) -> bool:
    """End one's own session by its id; False if there is no such."""
    with parts.database.transaction() as connection:
        ended = rows.end(connection, session_id, staff.id, parts.clock())
        if ended:
            audit.record(connection, staff, "session_ended", session=session_id)
    return ended


def end_others(parts: Parts, staff: Staff) -> int:
    """End all of one's own sessions but this. Returns how many."""
    with parts.database.transaction() as connection:
        ended = rows.end_all(connection, staff.id, parts.clock(), but=staff.session)
        audit.record(connection, staff, "sessions_ended", count=ended)
    return ended
