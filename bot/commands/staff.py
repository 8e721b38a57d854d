"""`hearthline staff`: accounts of the desk from the command line, which is also the way back in for an administrator."""

from collections.abc import Callable, Sequence
from typing import TextIO, TypeVar

from bot import clock
from bot.errors import HearthlineError
from bot.service import accounts
from bot.service.accounts import Invited
from bot.service.alive import close
from bot.service.parts import Parts
from bot.service.signing_in import Refused
from bot.settings import Settings
from bot.store.database import Database, DatabaseAway
from bot.store.staff import Entry, Profile
from bot.wiring import build

LINK = "/desk/join/"
T = TypeVar("T")


class StaffRefused(HearthlineError):
    """What was asked of an account cannot be done."""


WHY = {
    "email-malformed": "That is not an email address.",
    "email-taken": "There is an account with this email address already: hearthline staff reset lets them in again.",
    "name-missing": "The name must have 1 to 100 characters.",
    "roles-missing": "Give one role or more: --role advisor.",
    "staff-unknown": "There is no account with this email address: hearthline staff list shows all.",
    "last-administrator": "This is the only administrator. Make somebody else one first.",
}


def add(
    settings: Settings,
    email: str,
    name: str,
    roles: Sequence[str],
    teams: Sequence[str],
    languages: Sequence[str],
    output: TextIO,
) -> None:
    """Add somebody and write their invitation link. Raises StaffRefused."""
    profile = Profile(email, name, tuple(roles), tuple(teams), tuple(languages))
    _write_link(settings, _with_parts(settings, lambda parts: accounts.invite(parts, None, profile)), output)


def reset(settings: Settings, email: str, output: TextIO) -> None:
    """Take all somebody signs in with away and write a new invitation link. Raises StaffRefused."""
    done = _with_parts(settings, lambda parts: accounts.reset(parts, None, _id(parts, email)))
    _write_link(settings, done, output)


def disable(settings: Settings, email: str, output: TextIO) -> None:
    """Let somebody in no more. Raises StaffRefused."""
    done = _with_parts(settings, lambda parts: accounts.disable(parts, None, _id(parts, email)))
    if isinstance(done, Refused):
        raise StaffRefused(WHY[done.problem])
    print("Disabled, and signed out everywhere.", file=output)


def listing(settings: Settings, output: TextIO) -> None:
    """Write one line for each account."""
    for entry in _with_parts(settings, accounts.everybody):
        print(line(entry), file=output)


def line(entry: Entry) -> str:
    """Tell an account in a line."""
    who = entry.staff
    state = "disabled" if entry.disabled_at else "active" if entry.enrolled or entry.single_sign_on else "invited"
    return f"{state:<9} {who.email:<32} {','.join(sorted(who.roles)):<24} {who.name}"


def first_link(settings: Settings) -> str | None:
    """The link that makes the very first account; None if there is one, or PostgreSQL cannot say."""
    database = Database(settings.database_url or "", size=1, name="hearthline-run")
    database.open()
    try:
        token = accounts.first_invitation(database, clock.now())
    except DatabaseAway:
        return None
    finally:
        database.close()
    return f"{settings.desk_url}{LINK}{token}" if token else None


def _id(parts: Parts, email: str) -> int:
    found = accounts.by_email(parts, email)
    # An id that nobody has makes the service say that there is no such account.
    return found.id if found else 0


def _write_link(settings: Settings, done: Invited | Refused, output: TextIO) -> None:
    if isinstance(done, Refused):
        raise StaffRefused(WHY[done.problem])
    print(f"Give this link to {done.staff.name}. It works once, for 24 hours.", file=output)
    print(f"{settings.desk_url}{LINK}{done.token}", file=output)


def _with_parts(settings: Settings, act: Callable[[Parts], T]) -> T:
    parts = build(settings, name="staff", pool_size=1)
    try:
        return act(parts)
    finally:
        close(parts)
