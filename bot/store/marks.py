"""Small facts about a channel's account that must outlive a process, such as where long polling got to."""

from bot.store.database import Connection


def put(connection: Connection, channel: str, account: str, name: str, value: str) -> None:
    """Remember `value` under `name`."""
    connection.execute(
        "INSERT INTO channel_marks (channel, account, name, value) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (channel, account, name) DO UPDATE SET value = excluded.value",
        (channel, account, name, value),
    )


def get(connection: Connection, channel: str, account: str, name: str) -> str | None:
    """What was remembered under `name`, or None."""
    row = connection.execute(
        "SELECT value FROM channel_marks WHERE channel = %s AND account = %s AND name = %s", (channel, account, name)
    ).fetchone()
    return None if row is None else str(row[0])
