"""Rows that the engine leaves beside a conversation: fields a tenant gave, what was missed, what an author got wrong."""

from bot.store.database import Connection


def field(connection: Connection, conversation_id: int, name: str, value: str, inbox_id: int | None, at: float) -> None:
    """Keep what a tenant told us; the latest word counts. inbox_id: None if a person noted it. at: POSIX seconds."""
    connection.execute(
        """
        INSERT INTO fields (conversation_id, name, value, inbox_id, at) VALUES (%s, %s, %s, %s, to_timestamp(%s))
        ON CONFLICT (conversation_id, name) DO UPDATE SET value = excluded.value, inbox_id = excluded.inbox_id, at = excluded.at
        """,
        (conversation_id, name, value, inbox_id, at),
    )


def miss(connection: Connection, inbox_id: int, flow: str, state: str, at: float) -> None:
    """A message was not understood at this place of a flow; the row points at it and copies nothing."""
    connection.execute(
        "INSERT INTO misses (inbox_id, flow, state, at) VALUES (%s, %s, %s, to_timestamp(%s)) ON CONFLICT DO NOTHING",
        (inbox_id, flow, state, at),
    )


def author_error(connection: Connection, flow: str, state: str, problem: str, revision: str, at: float) -> None:
    """Count a mistake in a flow, for editors."""
    connection.execute(
        """
        INSERT INTO author_errors (flow, state, problem, revision, last_at) VALUES (%s, %s, %s, %s, to_timestamp(%s))
        ON CONFLICT (flow, state, problem, revision) DO UPDATE SET times = author_errors.times + 1, last_at = excluded.last_at
        """,
        (flow, state, problem, revision, at),
    )
