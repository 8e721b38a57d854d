"""Passwords: what is refused as one, and how one is kept. Also the other secrets that are kept as hashes only.

The rules are those of NIST SP 800-63B (section 5.1.1.2) and the National Cyber Security Centre: length, and nothing that
is commonly used or says the person's own name; no rule about kinds of characters.
"""

import hashlib
import secrets
import string
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from bot.errors import HearthlineError

SHORTEST, LONGEST = 12, 256
"""Characters of a password."""
AT_ONCE = threading.Semaphore(2)
"""Hashes worked out at once in a process: each takes 64 MiB, and they must leave room for the webhooks."""
TURN_WITHIN = 3.0
"""Seconds to wait for one's turn."""
HASHER = PasswordHasher()
"""argon2id with the second recommended profile of RFC 9106: 64 MiB, three passes, four lanes."""
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5LWhhcy10aGlzIQ$J4yXQ4qKY1TnIWfPOyX60KpkMV0c69V99P/t37FQC48"
"""Checked in place of a hash that is not there, so that an unknown account takes as long as a wrong password."""
OBVIOUS = Path(__file__).with_name("obvious_passwords.txt")
_LOOKALIKES = str.maketrans("013457@$!|+", "oieastasilt")
_AFTER = string.digits + string.punctuation + " "
_RECOVERY_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class TooBusy(HearthlineError):
    """More passwords are being checked than this process can."""


class Weakness(StrEnum):
    """Why a password is refused."""

    SHORT = "password-short"
    LONG = "password-long"
    OBVIOUS = "password-obvious"
    PERSONAL = "password-personal"


def weakness(password: str, *personal: str) -> Weakness | None:
    """Say why a password is not taken, or None. personal: e-mail address, name and the like, which it must not hold."""
    plain = unicodedata.normalize("NFKC", password)
    if len(plain) < SHORTEST:
        return Weakness.SHORT
    if len(plain) > LONGEST:
        return Weakness.LONG
    if made_of_obvious(plain):
        return Weakness.OBVIOUS
    left = plain.casefold()
    for word in sorted(_words(personal), key=len, reverse=True):
        left = left.replace(word, "")
    return Weakness.PERSONAL if len(left) < SHORTEST // 2 else None


def _words(personal: tuple[str, ...]) -> set[str]:
    words = {word for text in personal for word in text.casefold().replace("@", " ").replace(".", " ").split()}
    return {word for word in words if len(word) > 2}


def made_of_obvious(password: str) -> bool:
    """Whether a password is only listed words, digits, signs and repetitions."""
    low = password.casefold()
    # A year at the end is no part of a word written with digits.
    cut = low.rstrip(_AFTER)
    return any(_covered(form) for form in {low, low.translate(_LOOKALIKES), cut.translate(_LOOKALIKES)})


def _covered(form: str) -> bool:
    letters = "".join(character for character in form if character.isalpha())
    if len(set(letters)) <= 3:
        return True
    words = obvious()
    reached = {0}
    for start in range(len(letters)):
        if start in reached:
            reached |= {end for end in range(start + 3, len(letters) + 1) if letters[start:end] in words}
    # One letter over is a slip or a plural; it does not make the rest harder to guess.
    return bool(reached & {len(letters), len(letters) - 1})


@cache
def obvious() -> frozenset[str]:
    """The listed words."""
    lines = OBVIOUS.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@contextmanager
def _in_turn() -> Iterator[None]:
    """Wait for a turn. Raises `TooBusy` rather than to hold up the threads that other pages need."""
    if not AT_ONCE.acquire(timeout=TURN_WITHIN):
        raise TooBusy("many sign in at once: try again in a moment")
    try:
        yield
    finally:
        AT_ONCE.release()


def hashed(password: str) -> str:
    """The argon2id hash under which a password is kept. Raises `TooBusy`."""
    with _in_turn():
        return HASHER.hash(unicodedata.normalize("NFKC", password))


def matches(kept: str | None, password: str) -> bool:
    """Whether a password is the kept one. Takes as long where none is kept. Raises `TooBusy`."""
    with _in_turn():
        try:
            return HASHER.verify(kept or NOBODYS, unicodedata.normalize("NFKC", password[: LONGEST * 4])) and bool(kept)
        except (VerifyMismatchError, InvalidHashError):
            return False


def new_token() -> str:
    """A token of 256 bits for a link or a cookie."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token. It is random and long, so a quick hash does."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def new_recovery_code() -> str:
    """A code of 80 bits in four groups, without letters that look alike."""
    letters = [secrets.choice(_RECOVERY_ALPHABET) for _ in range(16)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, 16, 4))


def recovery_hash(code: str) -> bytes:
    """What is kept of a recovery code, however it was typed."""
    return token_hash("".join(character for character in code.casefold() if character.isalnum()))
