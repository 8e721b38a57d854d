"""Rows of handoffs as the desk sees them: who waits, who is offered what, who has whom. A claim is compare-and-set.

Levels are text, and "P0" sorts before "P3". The team of a handoff is the one it was transferred to, or the name of its queue.
Times are POSIX seconds.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.store.database import Connection

LIVE = ("queued", "offered", "claimed")


class Case(NamedTuple):
    """A handoff with what the queue shows of its conversation.

    due_at: when somebody should have taken it. claimant: name of whoever has it. waits_since: the tenant's last message
    that nobody has answered, None if there is none. help_asked: whoever has it calls for a colleague. outcome: how it ended.
    """

    id: int
    conversation_id: int
    channel: str
    language: str
    name: str
    queue: str
    team: str
    level: str
    reason: str
    fields: Mapping[str, str]
    state: str
    opened_at: float
    due_at: float | None
    warned: bool
    lapsed: bool
    for_staff: int | None
    offered_to: int | None
    offer_until: float | None
    claimed_by: int | None
    claimant: str
    waits_since: float | None
    help_asked: bool
    ended_at: float | None
    outcome: str


CASE = """
SELECT h.id, h.conversation_id, c.channel, c.language, coalesce(p.name, c.profile_name), h.queue,
    coalesce(nullif(h.team, ''), h.queue), h.level, h.reason, h.fields, h.state, extract(epoch FROM h.opened_at)::float8,
    extract(epoch FROM h.due_at)::float8, h.warned_at IS NOT NULL, h.lapsed_at IS NOT NULL, h.for_staff, h.offered_to,
    extract(epoch FROM h.offer_until)::float8, h.claimed_by, coalesce(s.name, ''),
    CASE WHEN h.replied_at IS NULL OR h.replied_at < c.last_inbound_at
         THEN extract(epoch FROM c.last_inbound_at)::float8 END,
    h.help_asked_at IS NOT NULL AND h.state = 'claimed', extract(epoch FROM h.ended_at)::float8, coalesce(h.outcome, '')
FROM handoffs h JOIN conversations c ON c.id = h.conversation_id
LEFT JOIN people p ON p.id = c.person_id LEFT JOIN staff s ON s.id = h.claimed_by
"""
TEAM = "coalesce(nullif(h.team, ''), h.queue)"
"""The team of a handoff `h`."""


def find(connection: Connection, handoff_id: int) -> Case | None:
    """One handoff."""
    row = connection.execute(f"{CASE} WHERE h.id = %s", (handoff_id,)).fetchone()
    return Case(*row) if row else None


def of_conversation(connection: Connection, conversation_id: int) -> list[Case]:
    """All handoffs of a conversation, the newest first."""
    rows = connection.execute(f"{CASE} WHERE h.conversation_id = %s ORDER BY h.id DESC", (conversation_id,)).fetchall()
    return [Case(*row) for row in rows]


def waiting(connection: Connection, teams: Collection[str] | None, *, most: int = 100) -> list[Case]:
    """Handoffs that nobody has yet, most urgent first, then whoever is nearest to their clock, or furthest beyond it.

    teams: whose, None for all.
    """
    rows = connection.execute(
        f"""{CASE} WHERE h.state IN ('queued', 'offered') AND (%(teams)s::text[] IS NULL OR {TEAM} = ANY(%(teams)s))
        ORDER BY h.level, h.due_at NULLS FIRST, h.id LIMIT %(most)s""",
        {"teams": None if teams is None else list(teams), "most": most},
    ).fetchall()
    return [Case(*row) for row in rows]


def held(connection: Connection, staff_id: int) -> list[Case]:
    """What somebody has in hand, in the same order."""
    rows = connection.execute(
        f"{CASE} WHERE h.state = 'claimed' AND h.claimed_by = %s ORDER BY h.level, h.due_at NULLS FIRST, h.id",
        (staff_id,),
    ).fetchall()
    return [Case(*row) for row in rows]


def live(connection: Connection, teams: Collection[str] | None) -> frozenset[int]:
    """Ids of all live handoffs, claimed ones too, however many. teams: whose, None for all."""
    rows = connection.execute(
        f"SELECT id FROM handoffs h WHERE state IN ('queued', 'offered', 'claimed')"
        f" AND (%(teams)s::text[] IS NULL OR {TEAM} = ANY(%(teams)s))",
        {"teams": None if teams is None else list(teams)},
    ).fetchall()
    return frozenset(row[0] for row in rows)


def counts(connection: Connection, teams: Collection[str] | None) -> dict[str, int]:
    """How many wait unclaimed at each level. teams: whose, None for all."""
    rows = connection.execute(
        f"SELECT level, count(*) FROM handoffs h WHERE state IN ('queued', 'offered')"
        f" AND (%(teams)s::text[] IS NULL OR {TEAM} = ANY(%(teams)s)) GROUP BY level",
        {"teams": None if teams is None else list(teams)},
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def offers_to(connection: Connection, staff_id: int, now: float) -> list[Case]:
    """What this person is being offered, most urgent first."""
    rows = connection.execute(
        f"{CASE} WHERE h.state = 'offered' AND h.offered_to = %s AND h.offer_until > to_timestamp(%s) ORDER BY h.level, h.id",
        (staff_id, now),
    ).fetchall()
    return [Case(*row) for row in rows]


class _Held(NamedTuple):
    """A live handoff of a conversation whose live handoffs this transaction has all locked, in the order of their ids."""

    id: int
    claimed_by: int | None
    open_to: bool


def _lock_together(connection: Connection, handoff_id: int, staff_id: int, now: float) -> list[_Held]:
    """Lock all live handoffs of a handoff's conversation: one tenant is one advisor's, whatever queues they wait in."""
    rows = connection.execute(
        """
        SELECT id, claimed_by, CASE state WHEN 'queued' THEN for_staff IS NULL OR for_staff = %(staff)s
            WHEN 'offered' THEN offered_to = %(staff)s OR offer_until <= to_timestamp(%(now)s) ELSE claimed_by = %(staff)s END
        FROM handoffs WHERE conversation_id = (SELECT conversation_id FROM handoffs WHERE id = %(id)s)
            AND state IN ('queued', 'offered', 'claimed') ORDER BY id FOR UPDATE
        """,
        {"id": handoff_id, "staff": staff_id, "now": now},
    ).fetchall()
    return [_Held(*row) for row in rows]


def claim(connection: Connection, handoff_id: int, staff_id: int, now: float) -> bool:
    """Take a handoff, with all that the same tenant waits for, if nobody has it and it is offered to nobody else.

    Of any number of tries at once one succeeds.
    """
    held = _lock_together(connection, handoff_id, staff_id, now)
    wanted = next((one for one in held if one.id == handoff_id), None)
    if wanted is None or not wanted.open_to or any(one.claimed_by not in (None, staff_id) for one in held):
        return False
    connection.execute(
        """
        UPDATE handoffs SET state = 'claimed', claimed_by = %s, claimed_at = to_timestamp(%s), offered_to = NULL,
            offer_until = NULL, for_staff = NULL
        WHERE id = ANY(%s) AND state <> 'claimed'
        """,
        (staff_id, now, [one.id for one in held]),
    )
    return True


def _hold(connection: Connection, handoff_id: int, staff_id: int) -> list[int]:
    """Lock what this person has claimed of a handoff's tenant. Empty if they have not claimed the handoff."""
    held = [one.id for one in _lock_together(connection, handoff_id, staff_id, 0.0) if one.claimed_by == staff_id]
    return held if handoff_id in held else []


NEXT = f"""
SELECT h.id FROM handoffs h JOIN conversations c ON c.id = h.conversation_id
WHERE (h.state = 'queued' OR h.state = 'offered' AND h.offered_to = %(staff)s)
    AND (h.for_staff IS NULL OR h.for_staff = %(staff)s)
    AND (%(teams)s::text[] IS NULL OR {TEAM} = ANY(%(teams)s) OR h.for_staff = %(staff)s OR h.offered_to = %(staff)s)
    AND (h.level IN ('P0', 'P1') OR h.due_at < to_timestamp(%(now)s) OR c.language IN ('', 'en')
        OR c.language = ANY(%(languages)s))
    AND NOT (%(light)s AND h.level IN ('P0', 'P1')) AND h.id <> ALL(%(but)s)
ORDER BY h.level, (h.for_staff = %(staff)s) DESC NULLS LAST, (c.language = ANY(%(languages)s)) DESC,
    (h.reason = ANY(%(topics)s)) DESC, h.due_at NULLS FIRST, h.id
LIMIT 1
"""


class Fit(NamedTuple):
    """What somebody may be given. teams: None for all. light: nothing at P0 or P1."""

    staff_id: int
    teams: Collection[str] | None
    languages: Collection[str] = ()
    topics: Collection[str] = ()
    light: bool = False


def next_for(connection: Connection, fit: Fit, now: float, but: Sequence[int] = ()) -> int | None:
    """The most urgent waiting handoff that fits. but: those that others took meanwhile."""
    row = connection.execute(
        NEXT,
        {
            "staff": fit.staff_id,
            "teams": None if fit.teams is None else list(fit.teams),
            "languages": list(fit.languages),
            "topics": list(fit.topics),
            "light": fit.light,
            "but": list(but),
            "now": now,
        },
    ).fetchone()
    return row[0] if row else None


class Ending(NamedTuple):
    """How a handoff ends. state: 'closed', 'returned', 'transferred' or 'withdrawn'. agency: whom it was referred to."""

    state: str
    staff_id: int
    at: float
    outcome: str | None = None
    agency: str | None = None
    because: str | None = None


def end(connection: Connection, handoff_id: int, ending: Ending) -> bool:
    """End a handoff that this person has claimed, with all else that they hold of its tenant; False if they have not."""
    held = _hold(connection, handoff_id, ending.staff_id)
    connection.execute(
        """
        UPDATE handoffs SET state = %(state)s, ended_at = to_timestamp(%(at)s), ended_by = %(staff_id)s, outcome = %(outcome)s,
            agency = %(agency)s, because = %(because)s, help_asked_at = NULL
        WHERE id = ANY(%(held)s)
        """,
        {**ending._asdict(), "held": held},
    )
    return bool(held)


def pass_on(connection: Connection, handoff_id: int, staff_id: int, *, team: str = "", to: int | None = None) -> bool:
    """Queue a claimed handoff again, for a team or first of all for one person; False if this person has not claimed it."""
    held = _hold(connection, handoff_id, staff_id)
    connection.execute(
        """
        UPDATE handoffs SET state = 'queued', claimed_by = NULL, claimed_at = NULL, clock_level = NULL, for_staff = %(to)s,
            team = CASE WHEN %(team)s = '' THEN team ELSE %(team)s END, warned_at = NULL, lapsed_at = NULL,
            help_asked_at = NULL
        WHERE id = ANY(%(held)s)
        """,
        {"held": held, "team": team, "to": to},
    )
    return bool(held)


def take_over(connection: Connection, handoff_id: int, from_: int, to: int, now: float) -> bool:
    """A supervisor gives a claimed handoff to somebody else, with all that was held of its tenant, unless it has moved on."""
    held = _hold(connection, handoff_id, from_)
    connection.execute(
        "UPDATE handoffs SET claimed_by = %s, claimed_at = to_timestamp(%s) WHERE id = ANY(%s)", (to, now, held)
    )
    return bool(held)


def set_level(connection: Connection, conversation_id: int, level: str) -> None:
    """A person has judged how urgent a conversation is: its live handoffs follow."""
    connection.execute(
        "WITH held AS (SELECT id FROM handoffs WHERE conversation_id = %s AND state IN ('queued', 'offered', 'claimed')"
        " ORDER BY id FOR UPDATE) UPDATE handoffs h SET level = %s FROM held WHERE h.id = held.id",
        (conversation_id, level),
    )


def replied(connection: Connection, handoff_id: int, at: float) -> None:
    """The tenant has been answered."""
    connection.execute("UPDATE handoffs SET replied_at = to_timestamp(%s) WHERE id = %s", (at, handoff_id))


def second_look(connection: Connection, handoff_id: int, staff_id: int, at: float) -> bool:
    """A second person has looked at how an urgent handoff was closed; False for whoever closed it, or if one has."""
    done = connection.execute(
        "UPDATE handoffs SET second_look_by = %s, second_look_at = to_timestamp(%s)"
        " WHERE id = %s AND state = 'closed' AND second_look_at IS NULL AND ended_by <> %s",
        (staff_id, at, handoff_id, staff_id),
    )
    return done.rowcount == 1


class Closed(NamedTuple):
    """An urgent handoff that waits for a second look."""

    id: int
    conversation_id: int
    level: str
    outcome: str
    agency: str | None
    because: str | None
    ended_at: float
    ended_by: int
    closer: str


def unlooked(connection: Connection, most: int = 100) -> list[Closed]:
    """Urgent handoffs that were closed and that no second person has looked at, the oldest first."""
    rows = connection.execute(
        """
        SELECT h.id, h.conversation_id, h.level, h.outcome, h.agency, h.because, extract(epoch FROM h.ended_at)::float8,
            h.ended_by, s.name
        FROM handoffs h JOIN staff s ON s.id = h.ended_by
        WHERE h.level IN ('P0', 'P1') AND h.state = 'closed' AND h.second_look_at IS NULL ORDER BY h.ended_at LIMIT %s
        """,
        (most,),
    ).fetchall()
    return [Closed(*row) for row in rows]


def join(connection: Connection, handoff_id: int, staff_id: int, at: float) -> bool:
    """A second advisor helps with a claimed handoff; False if it is not claimed, or by themselves."""
    done = connection.execute(
        "INSERT INTO joined (handoff_id, staff_id, at) SELECT id, %s, to_timestamp(%s) FROM handoffs"
        " WHERE id = %s AND state = 'claimed' AND claimed_by <> %s ON CONFLICT DO NOTHING",
        (staff_id, at, handoff_id, staff_id),
    )
    connection.execute(
        "UPDATE handoffs SET help_asked_at = NULL WHERE id = %s AND claimed_by <> %s", (handoff_id, staff_id)
    )
    return done.rowcount == 1


def ask_help(connection: Connection, case: Case, at: float) -> None:
    """Whoever has it calls for a colleague: it stays to be seen until one joins, and is told at once."""
    connection.execute("UPDATE handoffs SET help_asked_at = to_timestamp(%s) WHERE id = %s", (at, case.id))
    connection.execute("SELECT tell_desk('help', %s, %s, NULL, %s)", (case.conversation_id, case.id, case.level))


def calls(connection: Connection, teams: Collection[str] | None, staff_id: int) -> list[Case]:
    """Handoffs whose advisors call for a colleague, other than this one's own. teams: whose, None for all."""
    rows = connection.execute(
        f"{CASE} WHERE h.state = 'claimed' AND h.help_asked_at IS NOT NULL AND h.claimed_by <> %(staff)s"
        f" AND (%(teams)s::text[] IS NULL OR {TEAM} = ANY(%(teams)s)) ORDER BY h.level, h.help_asked_at",
        {"teams": None if teams is None else list(teams), "staff": staff_id},
    ).fetchall()
    return [Case(*row) for row in rows]


def helpers(connection: Connection, handoff_id: int) -> list[tuple[int, str]]:
    """[(id, name)] of those who joined."""
    rows = connection.execute(
        "SELECT s.id, s.name FROM joined j JOIN staff s ON s.id = j.staff_id WHERE j.handoff_id = %s ORDER BY j.at",
        (handoff_id,),
    ).fetchall()
    return [(row[0], row[1]) for row in rows]
