"""Rows of staff: who may use the desk and as what, their invitations, and their recovery codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from bot.store.database import Connection


class Role(StrEnum):
    """What somebody may do at the desk. One person may have several."""

    ADVISOR = "advisor"
    EDITOR = "editor"
    SUPERVISOR = "supervisor"
    SAFETY_LEAD = "safety-lead"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who acts. address: where from, empty for this machine's own command; session: its id, 0 for none."""

    id: int
    email: str
    name: str
    roles: frozenset[str]
    teams: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    address: str = ""
    session: int = 0

    def has(self, *roles: str) -> bool:
        """Whether one of `roles` is among theirs."""
        return not self.roles.isdisjoint(roles)


class Profile(NamedTuple):
    """What an administrator says of somebody. email: in lower case. languages: BCP 47."""

    email: str
    name: str
    roles: tuple[str, ...]
    teams: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


class Secrets(NamedTuple):
    """What somebody signs in with. totp_step: the newest period of 30 s of which a code was taken."""

    staff_id: int
    password_hash: str | None
    totp_secret: str | None
    disabled: bool


class Entry(NamedTuple):
    """One line of the list of staff. Times are POSIX seconds."""

    staff: Staff
    disabled_at: float | None
    enrolled: bool
    single_sign_on: bool
    invited_until: float | None
    seen_at: float | None


COLUMNS = "s.id, s.email, s.name, s.roles, s.teams, s.languages, s.topics"


def of(row: Sequence[Any]) -> Staff:
    """Make a `Staff` of a row that begins with `COLUMNS`."""
    return Staff(row[0], row[1], row[2], frozenset(row[3]), tuple(row[4]), tuple(row[5]), tuple(row[6]))


def add(connection: Connection, profile: Profile, at: float, subject: str | None = None) -> int | None:
    """Add somebody; None if the e-mail address is taken. subject: issuer and id of single sign-on."""
    row = connection.execute(
        """
        INSERT INTO staff (email, name, roles, teams, languages, topics, subject, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, to_timestamp(%s)) ON CONFLICT (email) DO NOTHING RETURNING id
        """,
        (*_plain(profile), subject, at),
    ).fetchone()
    return row[0] if row else None


def change(connection: Connection, staff_id: int, profile: Profile) -> None:
    """Say anew who somebody is and what they may do; the e-mail address stays."""
    connection.execute(
        "UPDATE staff SET name = %s, roles = %s, teams = %s, languages = %s, topics = %s WHERE id = %s",
        (*_plain(profile)[1:], staff_id),
    )


def _plain(profile: Profile) -> tuple[str | list[str], ...]:
    return tuple(list(value) if isinstance(value, tuple) else value for value in profile)


def find(connection: Connection, staff_id: int) -> Staff | None:
    """Somebody by id, disabled or not."""
    row = connection.execute(f"SELECT {COLUMNS} FROM staff s WHERE id = %s", (staff_id,)).fetchone()
    return of(row) if row else None


def find_by_email(connection: Connection, email: str) -> Staff | None:
    """Somebody by e-mail address, disabled or not."""
    row = connection.execute(f"SELECT {COLUMNS} FROM staff s WHERE email = %s", (email.lower(),)).fetchone()
    return of(row) if row else None


def secrets(connection: Connection, *, email: str | None = None, staff_id: int | None = None) -> Secrets | None:
    """What somebody signs in with, by e-mail address or id."""
    row = connection.execute(
        "SELECT id, password_hash, totp_secret, disabled_at IS NOT NULL FROM staff WHERE email = %s OR id = %s",
        (email, staff_id),
    ).fetchone()
    return Secrets(*row) if row else None


def subject(connection: Connection, found: str) -> tuple[int, bool] | None:
    """(id, whether disabled) of whom single sign-on calls `found`."""
    row = connection.execute("SELECT id, disabled_at IS NOT NULL FROM staff WHERE subject = %s", (found,)).fetchone()
    return (row[0], row[1]) if row else None


def set_subject(connection: Connection, staff_id: int, subject: str) -> bool:
    """Let somebody come by single sign-on; False if they come as somebody else already."""
    done = connection.execute("UPDATE staff SET subject = %s WHERE id = %s AND subject IS NULL", (subject, staff_id))
    return done.rowcount == 1


def set_password(connection: Connection, staff_id: int, password_hash: str) -> None:
    """Give somebody a password."""
    connection.execute("UPDATE staff SET password_hash = %s WHERE id = %s", (password_hash, staff_id))


def set_totp(connection: Connection, staff_id: int, secret: str, step: int) -> None:
    """Give somebody the secret of their one-time codes. step: of the code that proved it."""
    connection.execute("UPDATE staff SET totp_secret = %s, totp_step = %s WHERE id = %s", (secret, step, staff_id))


def take_step(connection: Connection, staff_id: int, step: int) -> bool:
    """Use up a one-time code; False if it or a later one has been used (RFC 6238, section 5.2)."""
    done = connection.execute(
        "UPDATE staff SET totp_step = %s WHERE id = %s AND totp_step < %s", (step, staff_id, step)
    )
    return done.rowcount == 1


def disable(connection: Connection, staff_id: int, at: float) -> None:
    """Let somebody in no more."""
    connection.execute(
        "UPDATE staff SET disabled_at = coalesce(disabled_at, to_timestamp(%s)) WHERE id = %s", (at, staff_id)
    )


def forget_secrets(connection: Connection, staff_id: int) -> None:
    """Take password, one-time codes and recovery codes away, and let them begin anew."""
    connection.execute(
        "UPDATE staff SET password_hash = NULL, totp_secret = NULL, disabled_at = NULL WHERE id = %s", (staff_id,)
    )
    connection.execute("DELETE FROM recovery_codes WHERE staff_id = %s", (staff_id,))


def anybody(connection: Connection) -> bool:
    """Whether there is anybody at all."""
    row = connection.execute("SELECT EXISTS (SELECT FROM staff)").fetchone()
    return bool(row and row[0])


def other_administrators(connection: Connection, staff_id: int) -> int:
    """How many others can administer. Locks them, so that two cannot remove each other at once."""
    return len(
        connection.execute(
            "SELECT id FROM staff WHERE 'administrator' = ANY (roles) AND disabled_at IS NULL AND id <> %s"
            " AND totp_secret IS NOT NULL ORDER BY id FOR UPDATE",
            (staff_id,),
        ).fetchall()
    )


def everybody(connection: Connection) -> list[Entry]:
    """All staff by name, those who left at the end."""
    rows = connection.execute(
        f"""
        SELECT {COLUMNS}, extract(epoch FROM s.disabled_at)::float8, s.totp_secret IS NOT NULL, s.subject IS NOT NULL,
            (SELECT extract(epoch FROM expires_at)::float8 FROM invitations i WHERE i.staff_id = s.id),
            (SELECT extract(epoch FROM max(seen_at))::float8 FROM sessions e WHERE e.staff_id = s.id AND stage = 'full')
        FROM staff s ORDER BY s.disabled_at IS NOT NULL, lower(s.name), s.id
        """
    ).fetchall()
    return [Entry(of(row), *row[7:]) for row in rows]


def invite(connection: Connection, staff_id: int | None, token_hash: bytes, at: float, until: float) -> None:
    """Keep an invitation; it takes the place of an earlier one. staff_id: None for the very first account."""
    connection.execute("DELETE FROM invitations WHERE staff_id IS NOT DISTINCT FROM %s", (staff_id,))
    connection.execute(
        "INSERT INTO invitations (token_hash, staff_id, created_at, expires_at)"
        " VALUES (%s, %s, to_timestamp(%s), to_timestamp(%s))",
        (token_hash, staff_id, at, until),
    )


def invitation(connection: Connection, token_hash: bytes, at: float) -> tuple[int | None] | None:
    """(whom it invites,) if there is such an invitation and it still holds. Locks it."""
    row = connection.execute(
        "SELECT staff_id FROM invitations i WHERE token_hash = %s AND expires_at > to_timestamp(%s)"
        " AND NOT EXISTS (SELECT FROM staff s WHERE s.id = i.staff_id AND s.disabled_at IS NOT NULL) FOR UPDATE OF i",
        (token_hash, at),
    ).fetchone()
    return (row[0],) if row else None


def withdraw_invitations(connection: Connection, staff_id: int | None) -> None:
    """Make open invitations of somebody worthless."""
    connection.execute("DELETE FROM invitations WHERE staff_id IS NOT DISTINCT FROM %s", (staff_id,))


def set_recovery_codes(connection: Connection, staff_id: int, hashes: Sequence[bytes]) -> None:
    """Give somebody recovery codes in place of all earlier ones."""
    connection.execute("DELETE FROM recovery_codes WHERE staff_id = %s", (staff_id,))
    connection.execute(
        "INSERT INTO recovery_codes (staff_id, code_hash) SELECT %s, unnest(%s::bytea[])", (staff_id, list(hashes))
    )


def take_recovery_code(connection: Connection, staff_id: int, code_hash: bytes, at: float) -> bool:
    """Use up a recovery code; False if there is none such left."""
    done = connection.execute(
        "UPDATE recovery_codes SET used_at = to_timestamp(%s) WHERE staff_id = %s AND code_hash = %s AND used_at IS NULL",
        (at, staff_id, code_hash),
    )
    return done.rowcount == 1


def recovery_codes_left(connection: Connection, staff_id: int) -> int:
    """How many recovery codes have not been used."""
    row = connection.execute(
        "SELECT count(*) FROM recovery_codes WHERE staff_id = %s AND used_at IS NULL", (staff_id,)
    ).fetchone()
    return int(row[0]) if row else 0
