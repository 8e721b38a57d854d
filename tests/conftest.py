"""What all tests share: real servers for those that need them, and no way out of the machine for any."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis

from bot.embedded import Servers
from bot.settings import Settings

TESTS = Path(__file__).parent
WITH_SOCKETS = frozenset({"browser", "cli", "double", "peers", "platform", "service", "store", "web", "workers"})
"""Folders whose tests talk to servers on this machine. All other tests open no socket at all."""

# As the product's processes do: two threads of numpy on busy processors wait for each other longer than they work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
hypothesis.settings.register_profile("hearthline", deadline=None, derandomize=True)
hypothesis.settings.load_profile("hearthline")


def pytest_configure() -> None:
    """Keep the settings of whoever runs the tests out of them, and stop the servers when the run is ended early."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that need servers reach this machine, and it alone."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in WITH_SOCKETS and not item.get_closest_marker("allow_hosts"):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "localhost"]))


@contextmanager
def _open_directory() -> Iterator[Path]:
    # Not pytest's own directory: it is closed to other accounts, and as root the servers run as one.
    path = Path(tempfile.mkdtemp(prefix="hearthline-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory of this test's own that every account may enter."""
    with _open_directory() as path:
        yield path


@pytest.fixture(scope="session")
def made_servers() -> Iterator[Path]:
    """A directory of servers that have been made and stopped, to be copied: making them takes seconds."""
    with _open_directory() as root:
        Servers(root).start().stop()
        yield root


@contextmanager
def _new_servers(made: Path) -> Iterator[Servers]:
    with _open_directory() as root:
        subprocess.run(["cp", "-a", f"{made}/.", str(root)], check=True)
        with Servers(root) as servers:
            yield servers


@pytest.fixture(scope="session")
def servers(made_servers: Path) -> Iterator[Servers]:
    """PostgreSQL and Valkey, shared by all tests. Do not stop them: use `own_servers` for that."""
    with _new_servers(made_servers) as servers:
        yield servers


@pytest.fixture
def own_servers(made_servers: Path) -> Iterator[Servers]:
    """PostgreSQL and Valkey of this test alone, to be stopped and started as it likes."""
    with _new_servers(made_servers) as servers:
        yield servers


@pytest.fixture(scope="session")
def migrated_template(servers: Servers) -> str:
    """Name of a database with all migrations and no rows, from which each test's own is copied."""
    from bot.store.migrate import upgrade

    upgrade(servers.postgres.make_database("migrated"))
    return "migrated"


_numbers = itertools.count(1)


def _database(servers: Servers, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    yield servers.postgres.make_database(name, template)
    with psycopg.connect(servers.postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def empty_database_url(servers: Servers) -> Iterator[str]:
    """Address of a database of this test's own, without a table."""
    yield from _database(servers, "template1")


@pytest.fixture
def database_url(servers: Servers, migrated_template: str) -> Iterator[str]:
    """Address of a database of this test's own, migrated and empty."""
    yield from _database(servers, migrated_template)


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """Address of Valkey, emptied for this test."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    return servers.redis_url
