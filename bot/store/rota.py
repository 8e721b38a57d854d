"""Rows of the on-call rota: people, the weekly pattern, overrides and holidays. Small tables, read whole."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from bot.store.database import Connection


class PersonRow(NamedTuple):
    """Somebody who can be paged. Addresses are None where there are none."""

    id: int
    name: str
    sms: str | None
    telegram: str | None
    webhook: str | None
    routing_key: str | None
    email: str | None
    supervisor: bool


class LineRow(NamedTuple):
    """A shift of the pattern: day 0 to 6 from Monday, 7 on holidays; minutes; ids of people in the order of paging."""

    day: int
    starts: int
    lasts: int
    people: Sequence[int]


class OverrideRow(NamedTuple):
    """Who is on call between two instants (POSIX seconds) instead of the pattern."""

    starts_at: float
    ends_at: float
    people: Sequence[int]


class Tables(NamedTuple):
    """The whole rota. holidays: by nation."""

    people: Sequence[PersonRow]
    lines: Sequence[LineRow]
    overrides: Sequence[OverrideRow]
    holidays: Mapping[str, frozenset[date]]


def read(connection: Connection) -> Tables:
    """Everybody who has not left, and every shift."""
    people = connection.execute(
        "SELECT id, name, sms, telegram, webhook, routing_key, email, supervisor FROM duty_people"
        " WHERE left_at IS NULL ORDER BY id"
    ).fetchall()
    lines = connection.execute("SELECT day, starts, lasts, people FROM duty_lines ORDER BY id").fetchall()
    overrides = connection.execute(
        "SELECT extract(epoch FROM starts_at)::float8, extract(epoch FROM ends_at)::float8, people"
        " FROM duty_overrides ORDER BY id"
    ).fetchall()
    days: dict[str, set[date]] = {}
    for nation, day in connection.execute("SELECT nation, day FROM duty_holidays").fetchall():
        days.setdefault(nation, set()).add(day)
    return Tables(
        [PersonRow(*row) for row in people],
        [LineRow(*row) for row in lines],
        [OverrideRow(*row) for row in overrides],
        {nation: frozenset(found) for nation, found in days.items()},
    )


def keep_people(connection: Connection, people: Sequence[PersonRow], now: float) -> dict[str, int]:
    """Make the table hold exactly these people, known by their names. Returns their ids. now: POSIX seconds.

    Whoever is no longer named has left: their row stays, because pages name it. The `id` given is not used.
    """
    connection.execute(
        "UPDATE duty_people SET left_at = to_timestamp(%s) WHERE left_at IS NULL AND NOT name = ANY(%s)",
        (now, [person.name for person in people]),
    )
    found: dict[str, int] = {}
    for person in people:
        row = connection.execute(
            """
            INSERT INTO duty_people (name, sms, telegram, webhook, routing_key, email, supervisor)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (name) DO UPDATE SET sms = excluded.sms, telegram = excluded.telegram, webhook = excluded.webhook,
                routing_key = excluded.routing_key, email = excluded.email, supervisor = excluded.supervisor, left_at = NULL
            RETURNING id
            """,
            person[1:],
        ).fetchone()
        found[person.name] = int(row[0]) if row else 0
    return found


def replace_pattern(connection: Connection, lines: Sequence[LineRow], holidays: Mapping[str, Iterable[date]]) -> None:
    """Put a new weekly pattern and new holidays in the place of the old ones."""
    connection.execute("DELETE FROM duty_lines")
    connection.execute("DELETE FROM duty_holidays")
    for line in lines:
        connection.execute(
            "INSERT INTO duty_lines (day, starts, lasts, people) VALUES (%s, %s, %s, %s)",
            (line.day, line.starts, line.lasts, list(line.people)),
        )
    for nation, days in holidays.items():
        for day in days:
            connection.execute("INSERT INTO duty_holidays (nation, day) VALUES (%s, %s)", (nation, day))


def replace_overrides(connection: Connection, overrides: Sequence[OverrideRow]) -> None:
    """Put these overrides in the place of all others."""
    connection.execute("DELETE FROM duty_overrides")
    for override in overrides:
        add_override(connection, override)


def add_override(connection: Connection, override: OverrideRow) -> None:
    """Add an override; where several cover an instant, the last one added counts."""
    connection.execute(
        "INSERT INTO duty_overrides (starts_at, ends_at, people) VALUES (to_timestamp(%s), to_timestamp(%s), %s)",
        (override.starts_at, override.ends_at, list(override.people)),
    )


def named_by(connection: Connection, addresses: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Who of the people on the rota has these addresses: {(channel, address): name}."""
    if not addresses:
        return {}
    rows = connection.execute(
        """
        SELECT a.channel, a.address, p.name FROM unnest(%s::text[], %s::text[]) AS a (channel, address)
        JOIN duty_people p ON p.left_at IS NULL
            AND (a.channel = 'sms' AND p.sms = a.address OR a.channel = 'telegram' AND p.telegram = a.address)
        """,
        [list(column) for column in zip(*addresses, strict=True)],
    ).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}
