"""What a fresh clone is set up from: locks that any index can serve, and a sentence where it cannot be done."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-build.txt",
    "requirements-model.txt",
    "requirements-node.txt",
)
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ;[^\\]*)? \\$")


def pins(lock: str) -> dict[tuple[str, str], int]:
    """Each pinned version of a lock, and how many hashes it has."""
    found: dict[tuple[str, str], int] = {}
    current = ("", "")
    for line in (ROOT / lock).read_text().splitlines():
        if match := PINNED.match(line):
            current = (match[1], match[2])
            found[current] = 0
        elif line.lstrip().startswith("--hash=sha256:"):
            found[current] += 1
        else:
            assert line.startswith("#"), line
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_with_hashes_and_no_address(lock: str) -> None:
    assert pins(lock)
    assert all(pins(lock).values())
    assert "://" not in (ROOT / lock).read_text()


def test_tests_run_with_the_versions_that_run() -> None:
    assert pins("requirements.txt").keys() <= pins("requirements-dev.txt").keys()


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.split(r"[^A-Za-z0-9._-]", need)[0].lower().replace("_", "-") for need in wanted}
    assert names <= {name.lower() for name, _ in pins("requirements-dev.txt")}


def test_web_assets_are_locked_without_an_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    named = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert {f"node_modules/{name}" for name in named} <= lock.keys()
    assert all("integrity" in entry and "resolved" not in entry for path, entry in lock.items() if path)


def test_without_a_python_there_is_a_sentence(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    refused = subprocess.run(
        ["/bin/sh", ROOT / ".ci" / "setup"], env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert "needs Python 3.11 or newer" in refused.stderr


def test_every_process_of_the_procfile_is_a_command() -> None:
    from typer.main import get_command

    from bot.cli import app
    from bot.queues import QUEUES
    from bot.supervise import processes

    commands = processes()
    assert list(commands) == ["web", *(f"worker-{queue}" for queue in QUEUES), "clock"]
    known = get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    assert all(words[:3] == ["python", "-m", "bot"] and words[3] in known for words in commands.values())
