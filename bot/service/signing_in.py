"""Signing in: a password, then a one-time code, each of which begins a session under a new token.

What fails says the same, in the same time, whoever the account belongs to and whether it exists.
"""

import hmac
import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import pyotp

from bot.service import sessions
from bot.service.parts import Parts
from bot.service.passwords import HASHER, hashed, matches, new_recovery_code, recovery_hash, token_hash, weakness
from bot.service.sessions import Begun, Limits, Where
from bot.store import audit, staff
from bot.store import sessions as rows
from bot.store.database import Connection
from bot.store.sessions import Pace, Session, Stage
from bot.store.staff import Profile, Role, Staff

BY_ACCOUNT = Pace(free=5, first=30.0, longest=300.0)
"""Short at the most: whoever knows an advisor's address could otherwise keep them from a tenant in need."""
BY_ADDRESS = Pace(free=30, first=30.0, longest=900.0)
"""Wide at first: a whole office may come from one address."""
KEPT = 90 * 86400.0
"""Seconds for which ended sessions are kept."""
RECOVERY_CODES = 10
PERIOD = 30
"""Seconds that a one-time code holds (RFC 6238); the one before and the one after are taken too, for slow clocks."""
LONGEST_NAME = 100
_EMAIL = re.compile(r"[^@\s<>\"']{1,64}@[^@\s<>\"']{1,190}")

Proof = Callable[[Connection, Session, float], bool]
"""Whether what was typed is right, told within the transaction that acts on it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not done. problem: a key of the words that say why. wait: seconds until it may be tried again."""

    problem: str
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One-time codes are set up. codes: the recovery codes, to be shown once."""

    begun: Begun
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whom single sign-on sent. roles: ours. second_factor: whether they gave one there."""

    subject: str
    email: str
    email_verified: bool
    name: str
    roles: tuple[str, ...]
    second_factor: bool


@dataclass(frozen=True, slots=True)
class NewPassword:
    """The form for changing one's password."""

    old: str
    new: str
    again: str


def sign_in(parts: Parts, limits: Limits, email: str, password: str, where: Where) -> Begun | Refused:
    """Check an e-mail address and a password. A one-time code comes next, or the setting up of it."""
    email = email.strip().lower()
    wait = held_back(parts, email, where)
    if wait:
        return wait
    with parts.database.connection() as connection:
        found = staff.secrets(connection, email=email)
    right = matches(found.password_hash if found else None, password)
    now = parts.clock()
    with parts.database.transaction() as connection:
        if found is None or not right or found.disabled:
            audit.record_stranger(
                connection, "sign_in_refused", where.address, account=found.staff_id if found else None
            )
            return Refused("wrong")
        _forgive(connection, email, where, tries=1)
        rows.forget_old(connection, now - KEPT)
        if found.password_hash and HASHER.check_needs_rehash(found.password_hash):
            staff.set_password(connection, found.staff_id, hashed(password))
        stage: Stage = "code" if found.totp_secret else "enrol"
        return sessions.begin(connection, limits, found.staff_id, stage, where, now)


def enter_code(parts: Parts, limits: Limits, token: str, code: str, where: Where) -> Begun | Refused:
    """Finish signing in with a one-time code."""

    def proof(connection: Connection, session: Session, now: float) -> bool:
        return takes_code(connection, session.staff.id, code, now)

    return _finish(parts, limits, token, where, proof)


def use_recovery_code(parts: Parts, limits: Limits, token: str, code: str, where: Where) -> Begun | Refused:
    """Finish signing in with a recovery code, which is used up."""

    def proof(connection: Connection, session: Session, now: float) -> bool:
        if not staff.take_recovery_code(connection, session.staff.id, recovery_hash(code), now):
            return False
        left = staff.recovery_codes_left(connection, session.staff.id)
        audit.record(connection, session.staff, "recovery_code_used", left=left)
        return True

    return _finish(parts, limits, token, where, proof)


def _finish(parts: Parts, limits: Limits, token: str, where: Where, proof: Proof) -> Begun | Refused:
    session = sessions.find(parts, limits, token, where)
    if session is None or session.stage != "code":
        return Refused("sign-in-over")
    wait = held_back(parts, session.staff.email, where)
    if wait:
        return wait
    now = parts.clock()
    with parts.database.transaction() as connection:
        if not proof(connection, session, now):
            audit.record(connection, session.staff, "code_refused")
            return Refused("wrong-code")
        return _let_in(connection, limits, session, where, now)


def _let_in(connection: Connection, limits: Limits, session: Session, where: Where, now: float) -> Begun | Refused:
    begun = sessions.renew(connection, limits, session, where, now)
    if begun is None:
        return Refused("sign-in-over")
    _forgive(connection, session.staff.email, where)
    audit.record(connection, session.staff, "signed_in")
    return begun


def enrol(parts: Parts, limits: Limits, token: str, code: str, where: Where) -> Enrolled | Refused:
    """Set up one-time codes with a first one, and make recovery codes."""
    session = sessions.find(parts, limits, token, where)
    if session is None or session.stage != "enrol" or session.totp_pending is None:
        return Refused("sign-in-over")
    now = parts.clock()
    step = step_of(session.totp_pending, code, now)
    if step is None:
        return Refused("wrong-code")
    with parts.database.transaction() as connection:
        begun = _let_in(connection, limits, session, where, now)
        if isinstance(begun, Refused):
            return begun
        staff.set_totp(connection, session.staff.id, session.totp_pending, step)
        audit.record(connection, session.staff, "codes_set_up")
        return Enrolled(begun, _recovery_codes(connection, session.staff.id))


def _recovery_codes(connection: Connection, staff_id: int) -> tuple[str, ...]:
    codes = tuple(new_recovery_code() for _ in range(RECOVERY_CODES))
    staff.set_recovery_codes(connection, staff_id, [recovery_hash(code) for code in codes])
    return codes


def new_recovery_codes(parts: Parts, who: Staff, code: str) -> tuple[str, ...] | Refused:
    """Make recovery codes in place of the earlier ones, for somebody who gives a one-time code again."""
    where = Where(who.address, "")
    wait = held_back(parts, who.email, where)
    if wait:
        return wait
    with parts.database.transaction() as connection:
        if not takes_code(connection, who.id, code, parts.clock()):
            return Refused("wrong-code")
        _forgive(connection, who.email, where, tries=1)
        audit.record(connection, who, "recovery_codes_made")
        return _recovery_codes(connection, who.id)


def change_password(parts: Parts, limits: Limits, session: Session, form: NewPassword, where: Where) -> Begun | Refused:
    """Change one's own password. All other sessions end, and this one goes on under a new token."""
    who = session.staff
    wait = held_back(parts, who.email, where)
    if wait:
        return wait
    with parts.database.connection() as connection:
        kept = staff.secrets(connection, staff_id=who.id)
    if kept is None or not matches(kept.password_hash, form.old):
        return Refused("old-password-wrong")
    problem = password_problem(form.new, form.again, Profile(who.email, who.name, ()))
    if problem:
        return problem
    password_hash, now = hashed(form.new), parts.clock()
    with parts.database.transaction() as connection:
        if not rows.end_all(connection, who.id, now):
            return Refused("sign-in-over")
        begun = sessions.begin(connection, limits, who.id, "full", where, now)
        staff.set_password(connection, who.id, password_hash)
        _forgive(connection, who.email, where)
        audit.record(connection, who, "password_changed")
        return begun


def checked(profile: Profile) -> Profile | Refused:
    """Tidy what was said of somebody, or say what is wrong with it."""
    tidy = profile._replace(email=profile.email.strip().lower(), name=" ".join(profile.name.split()))
    if not _EMAIL.fullmatch(tidy.email):
        return Refused("email-malformed")
    if not 0 < len(tidy.name) <= LONGEST_NAME or not tidy.name.isprintable():
        return Refused("name-missing")
    if not tidy.roles or not set(tidy.roles) <= set(Role):
        return Refused("roles-missing")
    return tidy


def password_problem(password: str, again: str, who: Profile) -> Refused | None:
    """Say what is wrong with a chosen password, or None."""
    if password != again:
        return Refused("passwords-differ")
    weak = weakness(password, who.email, who.name)
    return Refused(weak.value) if weak else None


def come_by_issuer(parts: Parts, limits: Limits, claimed: Claimed, where: Where) -> Begun | Refused:
    """Let in whom single sign-on sent, with the roles that it says; a one-time code of ours follows unless it took one."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        who = _who_came(connection, claimed, now)
        if isinstance(who, Refused):
            audit.record_stranger(connection, "single_sign_on_refused", where.address, problem=who.problem)
            return who
        kept = staff.secrets(connection, staff_id=who.id)
        stage: Stage = "full" if claimed.second_factor else "code" if kept and kept.totp_secret else "enrol"
        begun = sessions.begin(connection, limits, who.id, stage, where, now)
        audit.record_stranger(connection, "single_sign_on", where.address, account=who.id, stage=stage)
        return begun


def _who_came(connection: Connection, claimed: Claimed, now: float) -> Staff | Refused:
    if not claimed.roles:
        return Refused("issuer-no-role")
    known = staff.subject(connection, claimed.subject) or _newcomer(connection, claimed, now)
    if isinstance(known, Refused):
        return known
    found = staff.find(connection, known[0])
    if known[1] or found is None:
        return Refused("issuer-refused")
    if found.roles != set(claimed.roles):
        profile = Profile(found.email, found.name, claimed.roles, found.teams, found.languages, found.topics)
        staff.change(connection, found.id, profile)
        rows.end_all(connection, found.id, now)
        audit.record(connection, None, "staff_changed", account=found.id, roles=list(claimed.roles))
    return found


def _newcomer(connection: Connection, claimed: Claimed, now: float) -> tuple[int, bool] | Refused:
    """Add somebody, or join them to the local account of the same address if the issuer vouches for the address."""
    profile = checked(Profile(claimed.email, claimed.name[:LONGEST_NAME], claimed.roles))
    if isinstance(profile, Refused):
        return Refused("issuer-refused")
    there = staff.find_by_email(connection, profile.email)
    if there is None:
        added = staff.add(connection, profile, now, claimed.subject)
        return (added, False) if added else Refused("issuer-refused")
    if not claimed.email_verified or not staff.set_subject(connection, there.id, claimed.subject):
        return Refused("issuer-refused")
    return staff.subject(connection, claimed.subject) or Refused("issuer-refused")


def takes_code(connection: Connection, staff_id: int, code: str, now: float) -> bool:
    """Whether a one-time code is right and new; it is used up by that."""
    kept = staff.secrets(connection, staff_id=staff_id)
    step = step_of(kept.totp_secret, code, now) if kept and kept.totp_secret else None
    return step is not None and staff.take_step(connection, staff_id, step)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The period of 30 s that a one-time code is of, if it is of about now. now: POSIX seconds."""
    digits = "".join(character for character in code if character in "0123456789")
    totp = pyotp.TOTP(secret)
    for step in (int(now) // PERIOD + offset for offset in (0, -1, 1)):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def held_back(parts: Parts, email: str, where: Where) -> Refused | None:
    """Count a try of this account from this address, or say how long to wait."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        wait = rows.attempt(connection, "address", network_of(where), BY_ADDRESS, now)
        wait = wait or rows.attempt(connection, "account", token_hash(email), BY_ACCOUNT, now)
    return Refused("wait", math.ceil(wait)) if wait else None


def _forgive(connection: Connection, email: str, where: Where, tries: int | None = None) -> None:
    """A try was right after all. tries: how many of the account's to take back, all if left out."""
    # In the order in which they are counted, so that two sign-ins cannot wait for each other.
    rows.forgive(connection, "address", network_of(where), 1)
    rows.forgive(connection, "account", token_hash(email), tries)


def network_of(where: Where) -> bytes:
    """What tries are counted by: the address, or of IPv6 the /64, which one household or office has to itself."""
    try:
        address = ipaddress.ip_address(where.address)
    except ValueError:
        return token_hash(where.address)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    size = 64 if address.version == 6 else 32
    return token_hash(str(ipaddress.ip_network(f"{address}/{size}", strict=False)))
