"""What sending teaches about a tenant's side of a channel: that they have stopped us there, or cannot be reached."""

from collections.abc import Sequence

from bot.store.database import Connection


def hold(connection: Connection, outbox_ids: Sequence[int]) -> None:
    """Lock the conversations of these rows before the rows themselves are touched, as the engine's workers do.

    The other way round, a send that fails while its conversation is being answered would be a deadlock.
    """
    if outbox_ids:
        connection.execute(
            "SELECT FROM conversations WHERE id IN (SELECT conversation_id FROM outbox WHERE id = ANY(%s))"
            " ORDER BY id FOR NO KEY UPDATE",
            (list(outbox_ids),),
        )


def note_outcomes(connection: Connection, outcomes: Sequence[tuple[int, str]], at: float) -> None:
    """Record what failed sends say about conversations: [(conversation, outcome)]. at: POSIX seconds.

    A carrier's "opted out" counts as the tenant's own STOP (Twilio error 21610).
    """
    stopped = [conversation for conversation, outcome in outcomes if outcome == "opted_out"]
    unreachable = [conversation for conversation, outcome in outcomes if outcome == "unreachable"]
    if stopped:
        connection.execute(
            """
            WITH newly AS (
                UPDATE conversations SET stopped_at = to_timestamp(%s) WHERE id = ANY(%s) AND stopped_at IS NULL RETURNING id
            )
            INSERT INTO consents (conversation_id, word, origin, at) SELECT id, 'stop', 'provider', to_timestamp(%s) FROM newly
            """,
            (at, stopped, at),
        )
    if unreachable:
        connection.execute("UPDATE conversations SET reachable = false WHERE id = ANY(%s)", (unreachable,))
