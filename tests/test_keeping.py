"""What is kept for the next process: found again, built anew after a change, and trusted only if it is our own."""

from pathlib import Path

import pytest

from bot.keeping import MOST_KEPT, kept


def test_it_is_built_once(tmp_path: Path) -> None:
    built: list[int] = []

    def build() -> dict[str, int]:
        built.append(1)
        return {"a": 1}

    assert [kept(tmp_path, "thing", "f1", dict, build) for _ in range(3)] == [{"a": 1}] * 3
    assert len(built) == 1
    kept(tmp_path, "thing", "f2", dict, build)
    assert len(built) == 2


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x05K\x01."])
def test_a_file_that_is_not_ours_is_built_anew(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "thing-f.pickle").write_bytes(content)
    (tmp_path / "thing-f.pickle").chmod(0o600)
    assert kept(tmp_path, "thing", "f", dict, lambda: {"fresh": True}) == {"fresh": True}


def test_what_others_could_have_written_is_not_read(tmp_path: Path) -> None:
    kept(tmp_path, "thing", "f", dict, lambda: {"old": True})
    (tmp_path / "thing-f.pickle").chmod(0o666)
    assert kept(tmp_path, "thing", "f", dict, lambda: {"fresh": True}) == {"fresh": True}


def test_old_files_go(tmp_path: Path) -> None:
    for number in range(MOST_KEPT + 3):
        kept(tmp_path, "thing", f"f{number}", dict, dict)
    assert len(list(tmp_path.iterdir())) == MOST_KEPT


def test_a_disk_that_takes_nothing_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert kept(tmp_path / "file" / "folder", "thing", "f", dict, lambda: {"a": 1}) == {"a": 1}
    assert kept(None, "thing", "f", dict, lambda: {"a": 1}) == {"a": 1}
