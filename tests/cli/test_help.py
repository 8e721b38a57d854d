"""The command as somebody meets it: help at once, and a sentence instead of a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "run",
    "web",
    "worker",
    "clock",
    "migrate",
    "double",
    "talk",
    "flows",
    "faq",
    "screen",
    "language",
    "status",
    "doctor",
    "settings",
    "telegram",
    "staff",
]
SLOW_TO_IMPORT = {"fastapi", "sqlalchemy", "twilio", "telegram", "redis", "rq", "pydantic", "psycopg", "numpy"}


def hearthline(*words: str, cwd: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **settings}
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_help_lists_every_command_with_what_it_does() -> None:
    said = hearthline("--help").stdout
    lines = [line.strip("│ ").split(maxsplit=1) for line in said.splitlines()]
    described = {words[0]: words[1] for words in lines if len(words) == 2}
    assert all(len(described.get(command, "")) > 10 for command in COMMANDS), said


@pytest.mark.parametrize(
    "words", [[command] for command in COMMANDS] + [["flows", "check"], ["telegram", "set-webhook"]]
)
def test_every_command_has_help(words: list[str]) -> None:
    from typer.testing import CliRunner

    from bot.cli import app

    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_help_waits_for_no_library() -> None:
    script = "import sys, bot.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True).split()
    assert not SLOW_TO_IMPORT & set(loaded)


def test_wrong_settings_are_sentences(tmp_path: Path) -> None:
    refused = hearthline("status", cwd=tmp_path, PORT="x", TIMEZONE="Mars")
    assert refused.returncode == 1
    assert [line.split()[0] for line in refused.stderr.splitlines()] == ["PORT", "TIMEZONE"]


@pytest.mark.parametrize("command", ["web", "clock", "status", "migrate"])
def test_a_command_without_servers_says_what_to_do_and_leaves_nothing(tmp_path: Path, command: str) -> None:
    refused = hearthline(command, cwd=tmp_path)
    assert refused.returncode == 1
    assert "DATABASE_URL is missing: set it, or start `hearthline run`" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_queue_that_does_not_exist_is_refused_with_those_that_do() -> None:
    refused = hearthline("worker", "gossip")
    assert refused.returncode == 2
    assert "urgent" in refused.stderr


def test_migrate_brings_a_database_up_to_date_twice(empty_database_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = hearthline("migrate", cwd=tmp_path, DATABASE_URL=empty_database_url)
        assert (done.returncode, done.stdout) == (0, "The database is up to date.\n"), done.stderr


def test_a_database_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    refused = hearthline("migrate", cwd=tmp_path, DATABASE_URL="postgresql://u@127.0.0.1:1/db")
    assert refused.returncode == 1
    assert refused.stderr == "PostgreSQL does not let us in: check DATABASE_URL and that the server runs.\n"
