"""The way into PostgreSQL: one pool of connections a process, and a transaction that says when the database is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from bot.errors import HearthlineError

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_TIMEOUT = 2
"""Seconds to wait for a new connection, so that a stopped server is noticed before a provider's patience ends."""


class DatabaseAway(HearthlineError):
    """PostgreSQL cannot be reached. Spool what came in, or try again when it is back."""


class Database:
    """A pool of connections in autocommit mode."""

    def __init__(self, url: str, *, size: int = 4, wait: float = 2.0, name: str = "hearthline") -> None:
        """Describe the pool; `open` connects.

        size: connections kept open. wait: seconds a caller waits for one. name: shown in pg_stat_activity.
        """
        self._wait = wait
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=wait,
            reconnect_timeout=5.0,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 2,
                "connect_timeout": CONNECT_TIMEOUT,
                "application_name": name,
                "options": "-c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000",
            },
            check=None,
        )

    def open(self) -> None:
        """Start connecting in the background; a database that is away is no error yet."""
        self._pool.open(wait=False)

    def close(self) -> None:
        """Give all connections back."""
        self._pool.close(timeout=2.0)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One connection, each statement its own transaction. Raises `DatabaseAway`."""
        try:
            with self._pool.connection(timeout=self._wait) as connection:
                yield connection
        except (psycopg.OperationalError, PoolTimeout, PoolClosed) as error:
            if isinstance(error, psycopg.errors.DatabaseError) and _is_our_fault(error):
                raise
            raise DatabaseAway("PostgreSQL cannot be reached: check DATABASE_URL and the server") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises. Raises `DatabaseAway`."""
        with self.connection() as connection, connection.transaction():
            yield connection


def _is_our_fault(error: psycopg.Error) -> bool:
    """Timeouts, deadlocks and conflicts (classes 40, 55 and 57014) are raised as they are: the server is there."""
    state = error.sqlstate or ""
    return state.startswith(("40", "55")) or state == "57014"
