"""The disk that keeps messages while PostgreSQL is away."""

import os
from pathlib import Path

import pytest

from bot.service.spool import Spool, Spooled, SpooledInbound, SpooledReceipt, SpoolUnwritable
from channels.messages import Inbound, Receipt


def said(number: int) -> SpooledInbound:
    inbound = Inbound(
        channel="sms", account="+44", address="+447700900001", provider_id=f"SM{number}", text=f"nr {number} \U0001f642"
    )
    return SpooledInbound(inbound, float(number))


def test_replay_gives_everything_back_in_order_and_empties_the_spool(tmp_path: Path) -> None:
    spool, got = Spool(tmp_path / "spool"), list[Spooled]()
    entries: list[Spooled] = [said(2), said(1), SpooledReceipt(Receipt("SM9", "delivered"), 7, 3.0), said(4)]
    for at, entry in enumerate(entries):
        spool.put(entry, float(at))
    assert spool.holds_any()
    assert spool.replay(got.append) == 4
    assert got == entries
    assert not spool.holds_any()


def test_entries_of_one_moment_keep_their_order(tmp_path: Path) -> None:
    spool, got = Spool(tmp_path), list[Spooled]()
    for number in range(30):
        spool.put(said(number), 5.0)
    spool.replay(got.append)
    assert got == [said(number) for number in range(30)]


def test_what_cannot_be_stored_stays(tmp_path: Path) -> None:
    spool, got = Spool(tmp_path), list[Spooled]()
    for number in range(3):
        spool.put(said(number), float(number))

    def store(entry: Spooled) -> None:
        if len(got) == 1:
            raise ConnectionError
        got.append(entry)

    with pytest.raises(ConnectionError):
        spool.replay(store)
    assert got == [said(0)]
    assert len(spool.files()) == 2


def test_an_unreadable_file_blocks_nothing_and_is_kept_for_a_person(tmp_path: Path) -> None:
    spool, got = Spool(tmp_path), list[Spooled]()
    spool.put(said(1), 1.0)
    (tmp_path / "00000000000000000000-x.json").write_bytes(b"{")
    spool.replay(got.append)
    assert got == [said(1)]
    assert len(list(tmp_path.glob("*.unreadable"))) == 1


def test_only_this_user_can_read_what_tenants_wrote(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.put(said(1), 1.0)
    assert spool.files()[0].stat().st_mode & 0o077 == 0
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


def test_an_unwritable_spool_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(SpoolUnwritable, match="SPOOL_DIR"):
        Spool(blocked / "spool").put(said(1), 1.0)


def test_nothing_half_written_is_replayed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(said(1), 1.0)
    half = tmp_path / f"{0:020d}-{os.getpid():08d}-00000009.part"
    half.write_bytes(b'{"type": "inbound", "in')
    assert spool.replay(lambda entry: None) == 1
    assert half.exists()
