"""Rows of alarms, which climb until somebody answers, and of the pages they send. Times are POSIX seconds."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.store.database import Connection


class Alarm(NamedTuple):
    """A conversation at P0 or P1 that somebody is paged for. rung: how far it has climbed. told: a page was accepted."""

    id: int
    handoff_id: int
    conversation_id: int
    reference: str
    level: str
    concern: str
    rung: int
    opened_at: float
    told: bool
    nobody: bool


_ALARM = (
    "id, handoff_id, conversation_id, reference, level, concern, rung, extract(epoch FROM opened_at)::float8,"
    " told_at IS NOT NULL, nobody_at IS NOT NULL"
)


class Hook(NamedTuple):
    """A page to be posted to somebody's webhook. key: what the service behind it routes by."""

    id: int
    alarm_id: int
    url: str
    key: str | None
    text: str
    reference: str
    level: str
    concern: str
    attempts: int
    made_at: float


class Card(NamedTuple):
    """What the page behind a link shows."""

    alarm_id: int
    conversation_id: int
    reference: str
    level: str
    concern: str
    name: str
    acknowledged_by: str | None


def open_for(connection: Connection, conversation_id: int) -> Alarm | None:
    """The alarm of a conversation that has not ended, locked."""
    row = connection.execute(
        f"SELECT {_ALARM} FROM alarms WHERE conversation_id = %s AND ended_at IS NULL FOR UPDATE", (conversation_id,)
    ).fetchone()
    return Alarm(*row) if row else None


def end_over(connection: Connection, now: float, conversation_id: int | None = None) -> None:
    """End alarms whose handoff is closed, or was lowered by a person, of one conversation or of all.

    A claim is an answer, but not to what has been raised since.
    """
    connection.execute(
        """
        UPDATE alarms SET ended_at = to_timestamp(%(now)s) WHERE ended_at IS NULL
            AND conversation_id = coalesce(%(conversation)s::bigint, conversation_id)
            AND NOT EXISTS (SELECT FROM handoffs h WHERE h.id = alarms.handoff_id AND h.state IN ('queued', 'offered', 'claimed')
                            AND h.level IN ('P0', 'P1'))
        """,
        {"now": now, "conversation": conversation_id},
    )
    connection.execute(
        """
        UPDATE alarms SET acknowledged_at = to_timestamp(%(now)s), acknowledged_by = coalesce(acknowledged_by, 'the desk')
        WHERE ended_at IS NULL AND acknowledged_at IS NULL
            AND conversation_id = coalesce(%(conversation)s::bigint, conversation_id)
            AND EXISTS (SELECT FROM handoffs h WHERE h.id = alarms.handoff_id AND h.state = 'claimed'
                        AND coalesce(h.claimed_at, alarms.opened_at) >= alarms.opened_at)
        """,
        {"now": now, "conversation": conversation_id},
    )


def add(
    connection: Connection,
    handoff_id: int,
    conversation_id: int,
    reference: str,
    *,
    level: str,
    concern: str,
    now: float,
    due_at: float,
) -> Alarm | None:
    """Open an alarm. None if another one has the reference, or the conversation, already."""
    row = connection.execute(
        f"""
        INSERT INTO alarms (handoff_id, conversation_id, reference, level, concern, opened_at, due_at)
        VALUES (%s, %s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s)) ON CONFLICT DO NOTHING RETURNING {_ALARM}
        """,
        (handoff_id, conversation_id, reference, level, concern, now, due_at),
    ).fetchone()
    return Alarm(*row) if row else None


def raise_to(
    connection: Connection, alarm_id: int, level: str, concern: str, now: float, due_at: float | None = None
) -> Alarm:
    """Climb again from the first rung, even if somebody had answered: it is more urgent, or whoever had it does not.

    due_at: when to begin, at once if None.
    """
    row = connection.execute(
        f"""
        UPDATE alarms SET level = %s, concern = %s, rung = 0, due_at = to_timestamp(%s), opened_at = to_timestamp(%s),
            acknowledged_at = NULL, acknowledged_by = NULL, told_at = NULL, nobody_at = NULL
        WHERE id = %s RETURNING {_ALARM}
        """,
        (level, concern, now if due_at is None else due_at, now, alarm_id),
    ).fetchone()
    assert row is not None
    return Alarm(*row)


def take_due(connection: Connection, now: float, most: int = 50) -> list[Alarm]:
    """Lock alarms that are to climb now. Of two clocks at once each takes others."""
    rows = connection.execute(
        f"""
        SELECT {_ALARM} FROM alarms
        WHERE ended_at IS NULL AND acknowledged_at IS NULL AND due_at <= to_timestamp(%s)
        ORDER BY level, due_at LIMIT %s FOR UPDATE SKIP LOCKED
        """,
        (now, most),
    ).fetchall()
    return [Alarm(*row) for row in rows]


def climbed(connection: Connection, alarm_id: int, rung: int, due_at: float) -> None:
    """Note how far an alarm has climbed and when it goes on."""
    connection.execute("UPDATE alarms SET rung = %s, due_at = to_timestamp(%s) WHERE id = %s", (rung, due_at, alarm_id))


def hurry(connection: Connection, alarm_id: int, now: float) -> None:
    """Let an alarm go on at once."""
    connection.execute(
        "UPDATE alarms SET due_at = least(due_at, to_timestamp(%s)) WHERE id = %s AND ended_at IS NULL", (now, alarm_id)
    )


def note_told(connection: Connection, alarm_id: int, now: float, due_at: float) -> int | None:
    """A provider has taken a page, and the next one can wait. Returns the conversation the first time, None after that.

    A page of before the alarm was last raised tells nobody of what it is now.
    """
    row = connection.execute(
        "UPDATE alarms SET told_at = to_timestamp(%s), due_at = to_timestamp(%s)"
        " WHERE id = %s AND told_at IS NULL AND ended_at IS NULL AND EXISTS (SELECT FROM pages g WHERE g.alarm_id = alarms.id"
        " AND g.state = 'accepted' AND g.made_at >= alarms.opened_at) RETURNING conversation_id",
        (now, due_at, alarm_id),
    ).fetchone()
    return int(row[0]) if row else None


def note_nobody(connection: Connection, alarm_id: int, now: float) -> None:
    """Nobody could be paged."""
    connection.execute("UPDATE alarms SET nobody_at = to_timestamp(%s) WHERE id = %s", (now, alarm_id))


def acknowledge(connection: Connection, alarm_id: int, by: str, now: float) -> bool:
    """Somebody has it. Returns whether they were the first."""
    return (
        connection.execute(
            "UPDATE alarms SET acknowledged_at = to_timestamp(%s), acknowledged_by = %s"
            " WHERE id = %s AND acknowledged_at IS NULL AND ended_at IS NULL",
            (now, by, alarm_id),
        ).rowcount
        == 1
    )


def by_reference(connection: Connection, reference: str) -> Alarm | None:
    """The open alarm with these four digits."""
    row = connection.execute(
        f"SELECT {_ALARM} FROM alarms WHERE reference = %s AND ended_at IS NULL", (reference,)
    ).fetchone()
    return Alarm(*row) if row else None


def of_handoff(connection: Connection, handoff_id: int) -> Alarm | None:
    """The open alarm of a handoff, or of another handoff of the same conversation."""
    row = connection.execute(
        f"SELECT {_ALARM} FROM alarms WHERE ended_at IS NULL"
        " AND conversation_id = (SELECT conversation_id FROM handoffs WHERE id = %s)",
        (handoff_id,),
    ).fetchone()
    return Alarm(*row) if row else None


def add_page(
    connection: Connection,
    alarm: Alarm,
    person_id: int,
    means: str,
    *,
    token: bytes,
    text: str,
    outbox_id: int | None,
    now: float,
) -> None:
    """Record a page. token: the hash of what its link ends with."""
    connection.execute(
        """
        INSERT INTO pages (alarm_id, duty_person_id, rung, means, outbox_id, token, text, made_at, due_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s))
        """,
        (alarm.id, person_id, alarm.rung, means, outbox_id, token, text, now, now),
    )


def on_their_way(connection: Connection, alarm_id: int) -> set[tuple[int, str]]:
    """Who is being paged since the alarm was last raised, and by what, and no provider has answered yet: [(person, means)]."""
    rows = connection.execute(
        "SELECT g.duty_person_id, g.means FROM pages g JOIN alarms a ON a.id = g.alarm_id"
        " WHERE a.id = %s AND g.state IN ('queued', 'sending') AND g.made_at >= a.opened_at",
        (alarm_id,),
    ).fetchall()
    return {(row[0], row[1]) for row in rows}


def settle_by_outbox(
    connection: Connection, outcomes: Sequence[tuple[int, bool, str | None]], now: float
) -> list[tuple[int, int, bool]]:
    """Note what became of pages that went by a channel: [(outbox row, accepted, code)].

    Returns [(outbox row, alarm, accepted)] for those that this changed: what was accepted may still fail, and never the
    other way.
    """
    changed: list[tuple[int, int, bool]] = []
    for outbox_id, accepted, code in outcomes:
        row = connection.execute(
            """
            UPDATE pages SET state = CASE WHEN %(accepted)s THEN 'accepted' ELSE 'failed' END, code = %(code)s,
                accepted_at = CASE WHEN %(accepted)s THEN to_timestamp(%(now)s) ELSE accepted_at END,
                failed_at = CASE WHEN %(accepted)s THEN failed_at ELSE to_timestamp(%(now)s) END
            WHERE outbox_id = %(id)s AND (state IN ('queued', 'sending') OR state = 'accepted' AND NOT %(accepted)s)
            RETURNING alarm_id
            """,
            {"accepted": accepted, "code": code, "now": now, "id": outbox_id},
        ).fetchone()
        changed += [(outbox_id, int(row[0]), accepted)] if row else []
    return changed


def all_failed(connection: Connection, alarm_id: int) -> bool:
    """Whether nothing of an alarm's last rung is on its way or has been taken."""
    row = connection.execute(
        """
        SELECT bool_and(state = 'failed') FROM pages
        WHERE alarm_id = %(id)s AND made_at = (
            SELECT max(g.made_at) FROM pages g JOIN alarms a ON a.id = g.alarm_id
            WHERE a.id = %(id)s AND g.made_at >= a.opened_at)
        """,
        {"id": alarm_id},
    ).fetchone()
    return bool(row and row[0])


def claim_hooks(connection: Connection, now: float, lease: float, since: float, most: int = 20) -> list[Hook]:
    """Take webhook pages that have been due since an instant, for `lease` seconds."""
    rows = connection.execute(
        """
        WITH taken AS (
            SELECT id FROM pages WHERE means = 'webhook' AND state IN ('queued', 'sending') AND due_at <= to_timestamp(%(since)s)
            ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        UPDATE pages g SET state = 'sending', attempts = g.attempts + 1, due_at = to_timestamp(%(now)s + %(lease)s)
        FROM taken, duty_people p, alarms a WHERE g.id = taken.id AND p.id = g.duty_person_id AND a.id = g.alarm_id
        RETURNING g.id, a.id, p.webhook, p.routing_key, g.text, a.reference, a.level, a.concern, g.attempts,
            extract(epoch FROM g.made_at)::float8
        """,
        {"now": now, "lease": lease, "since": since, "most": most},
    ).fetchall()
    return [Hook(*row) for row in rows]


def settle_hook(connection: Connection, page_id: int, state: str, code: str, now: float, due_at: float) -> None:
    """Note what a webhook answered. state: accepted, failed, or queued for another try at `due_at`."""
    connection.execute(
        """
        UPDATE pages SET state = %(state)s, code = %(code)s, due_at = to_timestamp(%(due)s),
            accepted_at = CASE WHEN %(state)s = 'accepted' THEN to_timestamp(%(now)s) ELSE accepted_at END,
            failed_at = CASE WHEN %(state)s = 'failed' THEN to_timestamp(%(now)s) ELSE failed_at END
        WHERE id = %(id)s
        """,
        {"state": state, "code": code, "due": due_at, "now": now, "id": page_id},
    )


def hooks_due(connection: Connection, now: float) -> bool:
    """Whether a webhook page waits."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pages WHERE means = 'webhook' AND state IN ('queued', 'sending')"
        " AND due_at <= to_timestamp(%s))",
        (now,),
    ).fetchone()
    return bool(row and row[0])


def card(connection: Connection, token: bytes) -> Card | None:
    """What a link is for. token: its hash."""
    row = connection.execute(
        """
        SELECT a.id, a.conversation_id, a.reference, a.level, a.concern, p.name, a.acknowledged_by
        FROM pages g JOIN alarms a ON a.id = g.alarm_id JOIN duty_people p ON p.id = g.duty_person_id
        WHERE g.token = %s AND a.ended_at IS NULL
        """,
        (token,),
    ).fetchone()
    return Card(*row) if row else None


def untold(connection: Connection, opened_before: float) -> int:
    """How many alarms at P0 were opened before an instant and no page of theirs was taken, nor answered."""
    row = connection.execute(
        """
        SELECT count(*) FROM alarms WHERE level = 'P0' AND ended_at IS NULL AND acknowledged_at IS NULL
            AND told_at IS NULL AND opened_at <= to_timestamp(%s)
        """,
        (opened_before,),
    ).fetchone()
    return int(row[0]) if row else 0


def staff_conversation(connection: Connection, channel: str, account: str, address: str) -> int:
    """The conversation that pages to an address go through, made if there is none.

    One that is there is not locked: its worker may hold it for an answer to a page, and wait for the alarm.
    """
    row = connection.execute(
        "SELECT id FROM conversations WHERE channel = %s AND account = %s AND address = %s AND staff",
        (channel, account, address),
    ).fetchone()
    if row is not None:
        return int(row[0])
    row = connection.execute(
        """
        INSERT INTO conversations (channel, account, address, staff) VALUES (%s, %s, %s, true)
        ON CONFLICT (channel, account, address) DO UPDATE SET staff = true RETURNING id
        """,
        (channel, account, address),
    ).fetchone()
    assert row is not None
    return int(row[0])


def begun(connection: Connection, alarm_id: int) -> bool:
    """Whether anybody has been paged since the alarm was opened or last raised."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pages g JOIN alarms a ON a.id = g.alarm_id WHERE a.id = %s AND g.made_at >= a.opened_at)",
        (alarm_id,),
    ).fetchone()
    return bool(row and row[0])
