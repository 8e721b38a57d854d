"""The way into PostgreSQL: one pool of connections a process, and a transaction that says when the database is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from bot.errors import HearthlineError

Connection = psycopg.Connection[tuple[Any, ...]]

PASSING = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
)
"""What ends by itself: an outage, a deadlock, a standby before it is promoted, tables that are being migrated."""
CONNECT_TIMEOUT = 2
"""Seconds to wait for a new connection, so that a stopped server is noticed before a provider's patience ends."""


class DatabaseAway(HearthlineError):
    """PostgreSQL cannot do it now: unreachable, read-only, too slow or in a deadlock. Spool what came in, or try again."""


class ValuesRefused(HearthlineError):
    """PostgreSQL cannot hold these values and never will. Put them aside for a person."""


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
                # Without these a server whose machine vanished is waited for until the kernel gives up, in 15 minutes.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
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
        """One connection, each statement its own transaction. Raises `DatabaseAway` or `ValuesRefused`."""
        try:
            with self._pool.connection(timeout=self._wait) as connection:
                yield connection
        except (*PASSING, PoolTimeout, PoolClosed) as error:
            raise DatabaseAway(
                f"PostgreSQL cannot do it ({_kind(error)}): check DATABASE_URL and the server"
            ) from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            # Not chained: the server's own words quote the row.
            raise ValuesRefused(f"PostgreSQL refuses the values ({_kind(error)})") from None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises. Raises as `connection` does."""
        with self.connection() as connection, connection.transaction():
            yield connection


def _kind(error: Exception) -> str:
    """What an error is, without the server's words: its type and, if there is one, the constraint."""
    constraint = error.diag.constraint_name if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__} {constraint or ''}".rstrip()
