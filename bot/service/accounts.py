"""Who may use the desk: inviting, taking up an invitation, changing, disabling and resetting. Each act is in the audit."""

from dataclasses import dataclass
from typing import Final

from bot.service.parts import Parts
from bot.service.passwords import hashed, new_token, token_hash
from bot.service.sessions import Begun, Limits, Where, begin
from bot.service.signing_in import Refused, checked, password_problem
from bot.store import audit, sessions, staff
from bot.store.database import Connection, Database
from bot.store.staff import Entry, Profile, Role, Staff

INVITATION_HOLDS: Final = 24 * 3600.0
"""Seconds."""
FIRST_ROLES: Final = (Role.ADMINISTRATOR, Role.SUPERVISOR, Role.ADVISOR)
"""Of the very first account, who has nobody yet to share the work with."""


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody can now choose a password. token: to be handed over once; it is kept nowhere."""

    staff: Staff
    token: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that still holds. staff: whom it is for, None for the very first account."""

    staff: Staff | None


@dataclass(frozen=True, slots=True)
class Done:
    """It is done. staff: as they are now."""

    staff: Staff


def invite(parts: Parts, actor: Staff | None, profile: Profile) -> Invited | Refused:
    """Add somebody who is then to choose a password. actor: None for the command line."""
    tidy = checked(profile)
    if isinstance(tidy, Refused):
        return tidy
    now = parts.clock()
    with parts.database.transaction() as connection:
        added = staff.add(connection, tidy, now)
        if added is None:
            return Refused("email-taken")
        audit.record(connection, actor, "staff_invited", account=added, roles=list(tidy.roles))
        return _invited(connection, added, now)


def _invited(connection: Connection, staff_id: int, now: float) -> Invited:
    token, found = new_token(), staff.find(connection, staff_id)
    assert found
    staff.invite(connection, staff_id, token_hash(token), now, now + INVITATION_HOLDS)
    return Invited(found, token)


def first_invitation(database: Database, now: float) -> str | None:
    """A token for the very first account, in place of any earlier one; None once there is anybody. now: POSIX seconds."""
    token = new_token()
    with database.transaction() as connection:
        if staff.anybody(connection):
            return None
        staff.invite(connection, None, token_hash(token), now, now + INVITATION_HOLDS)
    return token


def invitation(parts: Parts, token: str) -> Invitation | None:
    """The invitation of a token, if it still holds."""
    with parts.database.transaction() as connection:
        found = staff.invitation(connection, token_hash(token), parts.clock())
        if found is None:
            return None
        return Invitation(staff.find(connection, found[0]) if found[0] is not None else None)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The form of an invitation. email and name: only asked of the very first account."""

    password: str
    again: str
    email: str = ""
    name: str = ""


def accept(parts: Parts, limits: Limits, token: str, form: Acceptance, where: Where) -> Begun | Refused:
    """Choose a password by an invitation, which is used up. One-time codes are to be set up next."""
    held = invitation(parts, token)
    if held is None:
        return Refused("invitation-over")
    who = _whom(held, form)
    if isinstance(who, Refused):
        return who
    problem = password_problem(form.password, form.again, who)
    if problem:
        return problem
    password_hash, now = hashed(form.password), parts.clock()
    with parts.database.transaction() as connection:
        taken = staff.invitation(connection, token_hash(token), now)
        if taken is None:
            return Refused("invitation-over")
        staff_id = taken[0] if taken[0] is not None else _first(connection, who, now)
        if staff_id is None:
            return Refused("invitation-over")
        staff.withdraw_invitations(connection, taken[0])
        staff.set_password(connection, staff_id, password_hash)
        begun = begin(connection, limits, staff_id, "enrol", where, now)
        audit.record_stranger(connection, "invitation_accepted", where.address, account=staff_id)
    return begun


def _whom(held: Invitation, form: Acceptance) -> Profile | Refused:
    if held.staff:
        return Profile(held.staff.email, held.staff.name, ())
    return checked(Profile(form.email, form.name, FIRST_ROLES))


def _first(connection: Connection, who: Profile, now: float) -> int | None:
    # Its invitation's row is locked, so that there can be one first account only.
    return None if staff.anybody(connection) else staff.add(connection, who, now)


def change(parts: Parts, actor: Staff | None, staff_id: int, profile: Profile) -> Done | Refused:
    """Say anew what somebody is called and may do. With other roles they have to sign in again."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        before = staff.find(connection, staff_id)
        if before is None:
            return Refused("staff-unknown")
        tidy = checked(profile._replace(email=before.email))
        if isinstance(tidy, Refused):
            return tidy
        if Role.ADMINISTRATOR not in tidy.roles and _is_last(connection, before):
            return Refused("last-administrator")
        staff.change(connection, staff_id, tidy)
        if before.roles != set(tidy.roles):
            sessions.end_all(connection, staff_id, now)
        audit.record(
            connection, actor, "staff_changed", account=staff_id, roles=list(tidy.roles), teams=list(tidy.teams)
        )
        return _done(connection, staff_id)


def disable(parts: Parts, actor: Staff | None, staff_id: int) -> Done | Refused:
    """Let somebody in no more, from this moment on."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        found = staff.find(connection, staff_id)
        if found is None:
            return Refused("staff-unknown")
        if _is_last(connection, found):
            return Refused("last-administrator")
        staff.disable(connection, staff_id, now)
        staff.withdraw_invitations(connection, staff_id)
        sessions.end_all(connection, staff_id, now)
        audit.record(connection, actor, "staff_disabled", account=staff_id)
        return _done(connection, staff_id)


def reset(parts: Parts, actor: Staff | None, staff_id: int) -> Invited | Refused:
    """Take all somebody signs in with away, and invite them anew; one who was disabled may come back by it."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        found = staff.find(connection, staff_id)
        if found is None:
            return Refused("staff-unknown")
        # From this machine's own command it may be done to anybody: that is the way back in.
        if actor is not None and _is_last(connection, found):
            return Refused("last-administrator")
        staff.forget_secrets(connection, staff_id)
        sessions.end_all(connection, staff_id, now)
        audit.record(connection, actor, "staff_reset", account=staff_id)
        return _invited(connection, staff_id, now)


def _is_last(connection: Connection, found: Staff) -> bool:
    return found.has(Role.ADMINISTRATOR) and not staff.other_administrators(connection, found.id)


def _done(connection: Connection, staff_id: int) -> Done:
    found = staff.find(connection, staff_id)
    assert found
    return Done(found)


def everybody(parts: Parts) -> list[Entry]:
    """All staff by name, those who left at the end."""
    with parts.database.connection() as connection:
        return staff.everybody(connection)


def one(parts: Parts, staff_id: int) -> Staff | None:
    """Somebody by id, disabled or not."""
    with parts.database.connection() as connection:
        return staff.find(connection, staff_id)


def by_email(parts: Parts, email: str) -> Staff | None:
    """Somebody by e-mail address, disabled or not."""
    with parts.database.connection() as connection:
        return staff.find_by_email(connection, email.strip())
