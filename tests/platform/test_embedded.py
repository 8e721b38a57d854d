"""The embedded servers, as a clone uses them: started, found, stopped, crashed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from bot import embedded, programs
from bot.embedded import Servers
from bot.errors import ServerError
from bot.programs import Account


def ask(servers: Servers, statement: str) -> object:
    with psycopg.connect(servers.database_url) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


def write(servers: Servers, statement: str) -> None:
    with psycopg.connect(servers.database_url) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"), ("listen_addresses", "")],
)
def test_postgres_keeps_its_promises_and_to_itself(servers: Servers, setting: str, value: str) -> None:
    assert ask(servers, f"SHOW {setting}") == value


def test_a_failed_statement_leaves_no_row_in_the_log(servers: Servers, empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE said (words text PRIMARY KEY)")
        for _ in range(2):
            try:
                connection.execute("INSERT INTO said VALUES ('our roof is wet again')")
            except psycopg.errors.UniqueViolation:
                break
    log = servers.postgres.log.read_text()
    assert "duplicate key" in log
    assert "our roof" not in log


def test_valkey_listens_on_no_port(servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis_url) as client:
        assert client.config_get("port") == {"port": "0"}


def test_sockets_are_closed_to_other_accounts(servers: Servers) -> None:
    assert servers.valkey.socket.parent.stat().st_mode & 0o077 == 0


def test_a_second_starter_finds_the_first_and_stops_nothing(servers: Servers) -> None:
    second = Servers(servers.root).start()
    assert (second.database_url, second.redis_url) == (servers.database_url, servers.redis_url)
    assert not second.mine
    second.stop()
    assert servers.running()


def test_stop_is_quick_with_clients_connected_and_keeps_the_data(own_servers: Servers) -> None:
    write(own_servers, "CREATE TABLE kept AS SELECT 7 AS n")
    client = psycopg.connect(own_servers.database_url)
    client.execute("SELECT 1")
    begun = time.monotonic()
    own_servers.stop()
    assert time.monotonic() - begun < 5
    client.close()
    assert own_servers.postgres.pid() is None
    assert own_servers.valkey.pid() is None
    own_servers.start()
    assert ask(own_servers, "SELECT n FROM kept") == 7


def test_each_can_be_stopped_and_started_alone(own_servers: Servers) -> None:
    own_servers.stop_postgres()
    with pytest.raises(psycopg.OperationalError):
        ask(own_servers, "SELECT 1")
    own_servers.start_postgres()
    assert ask(own_servers, "SELECT 1") == 1
    own_servers.stop_valkey()
    assert not own_servers.running()
    own_servers.start_valkey()
    assert own_servers.running()


@pytest.mark.parametrize("round_", range(2))
def test_committed_rows_survive_a_crash(own_servers: Servers, round_: int) -> None:
    write(own_servers, f"CREATE TABLE survived AS SELECT {round_} AS n")
    pid = own_servers.postgres.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    own_servers.start_postgres()
    assert ask(own_servers, "SELECT n FROM survived") == round_


def test_a_stale_pid_that_another_program_has_now_does_not_matter(own_servers: Servers) -> None:
    """After a restart of the machine the recorded number may belong to anything, here to this very test."""
    own_servers.stop()
    remains = own_servers.postgres.data / "postmaster.pid"
    lines = [os.getpid(), own_servers.postgres.data, int(time.time()), 5432, own_servers.postgres.sockets, "", "", ""]
    remains.write_text("\n".join(str(line) for line in lines))
    (own_servers.valkey.home / "valkey.pid").write_text(f"{os.getpid()}\n")
    assert own_servers.postgres.pid() is None
    own_servers.start()
    assert ask(own_servers, "SELECT 1") == 1


def test_servers_of_a_killed_owner_are_taken_over(own_servers: Servers) -> None:
    own_servers.stop()
    script = (
        "import os, signal, sys; from pathlib import Path; from bot.embedded import Servers\n"
        "Servers(Path(sys.argv[1])).start(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(own_servers.root)], cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    pid = own_servers.postgres.pid()
    assert pid, "the servers should have outlived their owner"
    own_servers.start()
    assert own_servers.mine
    assert own_servers.postgres.pid() == pid
    own_servers.stop()
    assert own_servers.postgres.pid() is None


def test_an_interrupted_first_start_leaves_nothing_half_made(own_servers: Servers) -> None:
    own_servers.stop()
    own_servers.postgres.data.rename(own_servers.home / "elsewhere")
    half = own_servers.home / "pg.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    own_servers.start()
    assert ask(own_servers, "SELECT 1") == 1


def test_files_of_another_version_are_refused_with_a_remedy(own_servers: Servers) -> None:
    own_servers.stop()
    (own_servers.postgres.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(ServerError, match=r"PostgreSQL 16.*pg_dump"):
        own_servers.start()
    assert not own_servers.mine


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers under another account")
class TestAsRoot:
    def test_servers_run_as_an_ordinary_account(self, servers: Servers) -> None:
        import psutil

        for pid in (servers.postgres.pid(), servers.valkey.pid()):
            assert pid
            assert psutil.Process(pid).uids().effective != 0

    def test_a_clone_that_the_account_cannot_enter_keeps_its_data_elsewhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: Servers
    ) -> None:
        state = servers.root / "state"
        monkeypatch.setattr(programs, "STATE_DIR", state)
        closed = tmp_path / "home"
        closed.mkdir(mode=0o700)
        with Servers(closed / "clone" / "var") as own:
            assert own.home.is_relative_to(state)
            assert ask(own, "SELECT 1") == 1
        assert Path((own.root / "servers.home").read_text().strip()) == own.home
        with Servers(own.root) as again:
            assert again.home == own.home

    def test_programs_that_the_account_cannot_run_are_copied(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: Servers
    ) -> None:
        monkeypatch.setattr(programs, "STATE_DIR", servers.root / "copies")
        runs_as = programs.account()

        class Barred(Account):
            def can(self, flag: str, path: Path) -> bool:
                return path.is_relative_to(programs.STATE_DIR)

        tools = programs.postgres_bin(Barred(runs_as.uid, runs_as.gid))
        assert tools.is_relative_to(programs.STATE_DIR)
        version = subprocess.check_output([tools / "initdb", "--version"], **runs_as.options())
        assert version.startswith(b"initdb (PostgreSQL) 18")
        assert runs_as.can("x", programs.valkey_server(Barred(runs_as.uid, runs_as.gid)))

    def test_no_account_is_a_sentence(self) -> None:
        with pytest.raises(ServerError, match="none of these accounts exists: no-such-account"):
            programs.account(["no-such-account"])


def test_a_long_path_gets_short_sockets(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 90)
    assert len(os.fsencode(embedded._sockets(home))) <= embedded.LONGEST_SOCKET_DIR
    assert embedded._sockets(home) == embedded._sockets(home)


def test_no_network_is_reachable_from_tests() -> None:
    with pytest.raises(Exception, match="allowed"), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))
