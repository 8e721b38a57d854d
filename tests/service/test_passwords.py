"""Which passwords are taken, and that what is kept of secrets does not give them away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.service.passwords import (
    HASHER,
    LONGEST,
    NOBODYS,
    SHORTEST,
    Weakness,
    hashed,
    made_of_obvious,
    matches,
    new_recovery_code,
    obvious,
    recovery_hash,
    weakness,
)


@pytest.mark.parametrize(
    ("password", "found"),
    [
        ("velvet otter ninety kites", None),
        ("a plum on the stair", None),
        ("ysgol-brynhyfryd-y-bore", None),
        ("Ωκεανός και ουρανός", None),
        ("x7Kq-92mPz-vvLt", None),
        ("short", Weakness.SHORT),
        ("e" * (LONGEST + 1), Weakness.LONG),
        ("password1234", Weakness.OBVIOUS),
        ("PASSWORD!!!!", Weakness.OBVIOUS),
        ("P4ssw0rd!2026", Weakness.OBVIOUS),
        ("passwordpassword", Weakness.OBVIOUS),
        ("Hearthline2026!", Weakness.OBVIOUS),
        ("housing-officer", Weakness.OBVIOUS),
        ("correct horse battery staple", Weakness.OBVIOUS),
        ("qwertyuiop123", Weakness.OBVIOUS),
        ("iloveyou1234", Weakness.OBVIOUS),
        ("123456789012", Weakness.OBVIOUS),
        ("aaaaaaaaaaaa", Weakness.OBVIOUS),
        ("abababababab", Weakness.OBVIOUS),
        ("liverpoolliverpools", Weakness.OBVIOUS),
        ("sam.jones1234", Weakness.PERSONAL),
        ("Jones-Sam-Jones", Weakness.PERSONAL),
        ("sam sells seashells", None),
    ],
)
def test_what_is_taken_as_a_password(password: str, found: Weakness | None) -> None:
    assert weakness(password, "sam.jones@example.org", "Sam Jones") == found


def test_the_list_is_as_it_should_be() -> None:
    assert len(obvious()) > 300
    assert all(word.isalpha() and word == word.lower() and len(word) > 2 for word in obvious())


@given(st.sampled_from(sorted(obvious())), st.sampled_from(sorted(obvious())), st.integers(0, 9999), st.booleans())
def test_two_obvious_words_and_a_number_are_always_refused(one: str, two: str, number: int, capital: bool) -> None:
    password = f"{one.capitalize() if capital else one}{two}{number}".ljust(SHORTEST, "!")
    assert weakness(password) is Weakness.OBVIOUS


@settings(max_examples=200)
@given(st.text())
def test_any_text_is_judged(password: str) -> None:
    assert weakness(password, password, "") in (None, *Weakness)
    assert isinstance(made_of_obvious(password), bool)


def test_a_kept_password_is_argon2id_and_matches_only_itself_however_it_is_composed() -> None:
    kept = hashed("caffe\u0301 au lait s'il")
    assert kept.startswith("$argon2id$")
    assert matches(kept, "caffé au lait s'il")
    assert not matches(kept, "caffe au lait s'il")
    assert not matches(None, "caffé au lait s'il")
    assert not matches("not a hash", "caffé au lait s'il")


def test_an_unknown_account_costs_as_much_work_as_a_known_one() -> None:
    assert not HASHER.check_needs_rehash(NOBODYS)


def test_recovery_codes_are_long_and_found_again_however_they_are_typed() -> None:
    codes = {new_recovery_code() for _ in range(100)}
    assert len(codes) == 100
    for code in codes:
        assert len(code.replace("-", "")) == 16
        assert recovery_hash(code) == recovery_hash(f" {code.upper().replace('-', ' ')} ")
