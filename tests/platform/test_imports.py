"""Imports go one way, and the contracts that say so can fail."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "channels", "flows", "workers")
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract["name"] for contract in LINTER["contracts"]}
READS_ENVIRONMENT = {
    "bot/children.py": "a child knows its parent by it, and numpy its threads",
    "bot/commands/double.py": "the double refuses real credentials",
    "bot/programs.py": "a server gets the PATH and nothing else",
    "bot/settings.py": "its purpose",
    "bot/supervise.py": "hands it to the children",
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, env={"PYTHONPATH": str(root), "NO_COLOR": "1"}
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("channels/sms.py", "import bot.errors", "leaves"),
        ("flows/schema.py", "import channels.messages", "one-way"),
        ("bot/engine/step.py", "import redis", "pure"),
        ("bot/engine/step.py", "import bot.clock", "pure"),
        ("bot/engine/step.py", "import flows.load", "schema-only"),
        ("bot/nlu/faq.py", "import sqlalchemy", "pure"),
        ("bot/store/inbox.py", "import bot.engine.step", "two-halves"),
        ("bot/service/receive.py", "import bot.web.app", "one-way"),
        ("bot/web/app.py", "import workers.jobs", "one-way"),
    ],
)
def test_a_forbidden_import_breaks_a_contract(copy: Path, module: str, line: str, contract: str) -> None:
    with (copy / module).open("a") as file:
        file.write(f"\n{line}  # forbidden\n")
    result = lint(copy)
    assert result.returncode != 0
    # Names are broken over lines to fit a terminal.
    assert f"{CONTRACTS[contract]} BROKEN" in " ".join(result.stdout.split())


def test_the_tree_keeps_every_contract(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


def test_only_the_settings_read_the_environment() -> None:
    readers = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
            if names & {"environ", "getenv", "environb"}:
                readers.add(str(path.relative_to(ROOT)))
    assert readers <= set(READS_ENVIRONMENT)
