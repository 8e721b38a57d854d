"""`hearthline staff`, and the link that the first start prints."""

import io

import pytest

from bot.commands import staff
from bot.settings import Settings
from bot.store.database import Database

ADD = ("ada@example.org", "Ada Lane", ["administrator"], ["rent"], ["cy"])


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        _env_file=None, database_url=database_url, redis_url=redis_url, desk_base_url="https://desk.example.org"
    )


def said(act: object, *given: object) -> str:
    output = io.StringIO()
    act(*given, output)  # type: ignore[operator]  # one of the commands, all of which end with where to write
    return output.getvalue()


def test_accounts_are_added_listed_disabled_and_let_in_again(settings: Settings) -> None:
    added = said(staff.add, settings, *ADD)
    assert "https://desk.example.org/desk/join/" in added
    assert said(staff.listing, settings).split() == ["invited", "ada@example.org", "administrator", "Ada", "Lane"]
    second = said(staff.reset, settings, "Ada@Example.org")
    assert second.splitlines()[1] != added.splitlines()[1]
    said(staff.add, settings, "kit@example.org", "Kit", ["advisor"], [], [])
    assert "Disabled" in said(staff.disable, settings, "kit@example.org")
    assert said(staff.listing, settings).splitlines()[1].startswith("disabled  kit@example.org")


def test_what_cannot_be_done_is_a_sentence(settings: Settings) -> None:
    said(staff.add, settings, *ADD)
    with pytest.raises(staff.StaffRefused, match="already"):
        said(staff.add, settings, *ADD)
    with pytest.raises(staff.StaffRefused, match="staff list"):
        said(staff.reset, settings, "nobody@example.org")
    with pytest.raises(staff.StaffRefused, match="only administrator"):
        said(staff.disable, settings, "ada@example.org")


def test_a_link_for_the_first_account_is_there_until_there_is_one(settings: Settings) -> None:
    first, second = staff.first_link(settings), staff.first_link(settings)
    assert first
    assert second
    assert first != second
    said(staff.add, settings, *ADD)
    assert staff.first_link(settings) is None


def test_without_a_database_there_is_no_link_and_no_fault() -> None:
    away = Settings(_env_file=None, database_url="postgresql://nobody@/nothing?host=/nonexistent")
    assert staff.first_link(away) is None


def test_tokens_are_kept_as_hashes_only(settings: Settings) -> None:
    token = said(staff.add, settings, *ADD).split("/join/")[1].strip()
    database = Database(settings.database_url or "", size=1)
    database.open()
    with database.connection() as connection:
        found = connection.execute("SELECT token_hash FROM invitations").fetchone()
    database.close()
    assert found
    assert token.encode() not in found[0]
