"""Bring a database to the tables this code expects, and say whether it is there already."""

from functools import cache
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

HERE = Path(__file__).parent / "migrations"


def upgrade(database_url: str) -> None:
    """Run every migration that has not run yet. Safe to call from several machines at once.

    database_url: a libpq URL (`postgresql://...`). Raises what PostgreSQL raises; each version is one transaction.
    """
    command.upgrade(_config(database_url), "head")


def current(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether the database is at the newest version."""
    found = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    if not found or not found[0]:
        return False
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row is not None and row[0] == newest()


@cache
def newest() -> str | None:
    """The version that this code's migrations end at."""
    return ScriptDirectory(str(HERE)).get_current_head()


def _config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config
