"""Rows of handoffs as the desk sees them: who waits, who is offered what, who has whom. A claim is compare-and-set.

Levels are text, and "P0" sorts before "P3". The team of a handoff is the one it was transferred to, or the name of its queue.
Times are POSIX seconds.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

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
_TEAM = "coalesce(nullif(h.team, ''), h.queue)"


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
        f"""{CASE} WHERE h.state IN ('queued', 'offered') AND (%(teams)s::text[] IS NULL OR {_TEAM} = ANY(%(teams)s))
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
        f" AND (%(teams)s::text[] IS NULL OR {_TEAM} = ANY(%(teams)s))",
        {"teams": None if teams is None else list(teams)},
    ).fetchall()
    return frozenset(row[0] for row in rows)


def counts(connection: Connection, teams: Collection[str] | None) -> dict[str, int]:
    """How many wait unclaimed at each level. teams: whose, None for all."""
    rows = connection.execute(
        f"SELECT level, count(*) FROM handoffs h WHERE state IN ('queued', 'offered')"
        f" AND (%(teams)s::text[] IS NULL OR {_TEAM} = ANY(%(teams)s)) GROUP BY level",
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
    AND (%(teams)s::text[] IS NULL OR {_TEAM} = ANY(%(teams)s) OR h.for_staff = %(staff)s OR h.offered_to = %(staff)s)
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


class Waiting(NamedTuple):
    """An urgent handoff that nobody is offered. declined: who has let it pass, the latest last."""

    id: int
    level: str
    team: str
    language: str
    for_staff: int | None
    declined: tuple[int, ...]


def lock_unoffered(connection: Connection, most: int = 50) -> list[Waiting]:
    """Lock urgent handoffs, and those that wait for one person, which wait for an offer."""
    rows = connection.execute(
        f"""
        SELECT h.id, h.level, {_TEAM}, c.language, h.for_staff,
            ARRAY(SELECT staff_id FROM declines d WHERE d.handoff_id = h.id ORDER BY d.at)
        FROM handoffs h JOIN conversations c ON c.id = h.conversation_id
        WHERE h.state = 'queued' AND (h.level IN ('P0', 'P1') OR h.for_staff IS NOT NULL)
        ORDER BY h.level, h.due_at NULLS FIRST, h.id LIMIT %s FOR UPDATE OF h SKIP LOCKED
        """,
        (most,),
    ).fetchall()
    return [Waiting._make((*row[:5], tuple(row[5]))) for row in rows]


def offer(connection: Connection, handoff_id: int, staff_id: int, until: float) -> None:
    """Offer a locked handoff to somebody until a time."""
    connection.execute(
        "UPDATE handoffs SET state = 'offered', offered_to = %s, offer_until = to_timestamp(%s) WHERE id = %s",
        (staff_id, until, handoff_id),
    )


def decline(connection: Connection, handoff_id: int, staff_id: int, now: float) -> bool:
    """Somebody lets an offer pass: it goes to another at once."""
    done = connection.execute(
        "UPDATE handoffs SET state = 'queued', offered_to = NULL, offer_until = NULL, for_staff = NULL"
        " WHERE id = %s AND state = 'offered' AND offered_to = %s",
        (handoff_id, staff_id),
    )
    _passed(connection, [(handoff_id, staff_id)] if done.rowcount else [], now)
    return done.rowcount == 1


def lapse_offers(connection: Connection, now: float, absent_before: float) -> int:
    """Take back offers that nobody answered, and at once those to people who have disappeared. Returns how many.

    absent_before: a heartbeat older than this is none.
    """
    rows = connection.execute(
        """
        WITH over AS (
            SELECT h.id, h.offered_to FROM handoffs h LEFT JOIN presence p ON p.staff_id = h.offered_to
            WHERE h.state = 'offered' AND (h.offer_until <= to_timestamp(%s) OR p.staff_id IS NULL
                OR p.seen_at < to_timestamp(%s) OR p.status IN ('offline', 'away', 'break'))
            FOR UPDATE OF h SKIP LOCKED
        )
        UPDATE handoffs h SET state = 'queued', offered_to = NULL, offer_until = NULL, for_staff = NULL
        FROM over WHERE h.id = over.id RETURNING over.id, over.offered_to
        """,
        (now, absent_before),
    ).fetchall()
    _passed(connection, [(row[0], row[1]) for row in rows], now)
    return len(rows)


def _passed(connection: Connection, passed: Sequence[tuple[int, int]], now: float) -> None:
    for handoff_id, staff_id in passed:
        connection.execute(
            "INSERT INTO declines (handoff_id, staff_id, at) VALUES (%s, %s, to_timestamp(%s))"
            " ON CONFLICT (handoff_id, staff_id) DO UPDATE SET at = excluded.at",
            (handoff_id, staff_id, now),
        )


def release_abandoned(connection: Connection, absent_before: float) -> list[tuple[int, int]]:
    """Queue again what people hold who have disappeared; their notes stay. Returns [(handoff, whose it was)]."""
    rows = connection.execute(
        """
        WITH gone AS (
            SELECT h.id, h.claimed_by FROM handoffs h LEFT JOIN presence p ON p.staff_id = h.claimed_by
            WHERE h.state = 'claimed' AND coalesce(p.seen_at, h.claimed_at) < to_timestamp(%s)
                AND h.claimed_at < to_timestamp(%s)
            FOR UPDATE OF h SKIP LOCKED
        )
        UPDATE handoffs h SET state = 'queued', claimed_by = NULL, claimed_at = NULL, clock_level = NULL, lapsed_at = NULL,
            warned_at = NULL, help_asked_at = NULL
        FROM gone WHERE h.id = gone.id RETURNING gone.id, gone.claimed_by
        """,
        (absent_before, absent_before),
    ).fetchall()
    return [(row[0], row[1]) for row in rows]


def waiting_of(connection: Connection, conversation_id: int) -> list[int]:
    """What a tenant waits for that nobody has."""
    rows = connection.execute(
        "SELECT id FROM handoffs WHERE conversation_id = %s AND state IN ('queued', 'offered') ORDER BY id",
        (conversation_id,),
    ).fetchall()
    return [row[0] for row in rows]


class Unclocked(NamedTuple):
    """A live handoff whose clock must be set: it is new, or its level has changed."""

    id: int
    conversation_id: int
    level: str
    team: str
    since: float
    former: int | None


def lock_unclocked(connection: Connection, reopened_since: float, most: int = 200) -> list[Unclocked]:
    """Lock handoffs without a clock for their level. former: who closed this tenant's last one lately, if it is new."""
    rows = connection.execute(
        f"""
        SELECT h.id, h.conversation_id, h.level, {_TEAM},
            extract(epoch FROM greatest(h.opened_at, h.raised_at))::float8,
            CASE WHEN h.clock_level IS NULL AND h.claimed_at IS NULL THEN (
                SELECT e.ended_by FROM handoffs e WHERE e.conversation_id = h.conversation_id AND e.id < h.id
                    AND e.state = 'closed' AND e.ended_at > to_timestamp(%s) ORDER BY e.id DESC LIMIT 1) END
        FROM handoffs h WHERE h.state IN ('queued', 'offered', 'claimed') AND h.clock_level IS DISTINCT FROM h.level
        ORDER BY h.level, h.id LIMIT %s FOR UPDATE OF h SKIP LOCKED
        """,
        (reopened_since, most),
    ).fetchall()
    return [Unclocked(*row) for row in rows]


def set_clock(connection: Connection, handoff_id: int, level: str, due_at: float, for_staff: int | None) -> None:
    """Set a locked handoff's clock for its level. for_staff: who is asked first."""
    connection.execute(
        "UPDATE handoffs SET clock_level = %s, due_at = to_timestamp(%s), warned_at = NULL, lapsed_at = NULL,"
        " for_staff = coalesce(%s, for_staff) WHERE id = %s",
        (level, due_at, for_staff, handoff_id),
    )


def warn(connection: Connection, now: float) -> int:
    """Mark unclaimed handoffs that have used three quarters of their clock. Returns how many."""
    return connection.execute(
        """
        WITH late AS (SELECT id FROM handoffs WHERE state IN ('queued', 'offered') AND warned_at IS NULL
            AND due_at - (due_at - greatest(opened_at, raised_at)) / 4 < to_timestamp(%(now)s) FOR UPDATE SKIP LOCKED)
        UPDATE handoffs h SET warned_at = to_timestamp(%(now)s) FROM late WHERE h.id = late.id
        """,
        {"now": now},
    ).rowcount


def lapse(connection: Connection, now: float) -> list[tuple[int, int]]:
    """Mark unclaimed handoffs whose clock has run out, each once. Returns [(handoff, conversation)] of those whose tenant
    nobody has.
    """
    rows = connection.execute(
        "WITH late AS (SELECT id FROM handoffs WHERE state IN ('queued', 'offered') AND lapsed_at IS NULL"
        " AND due_at < to_timestamp(%s) FOR UPDATE SKIP LOCKED)"
        " UPDATE handoffs h SET lapsed_at = to_timestamp(%s) FROM late WHERE h.id = late.id RETURNING h.id, h.conversation_id,"
        " EXISTS (SELECT FROM handoffs k WHERE k.conversation_id = h.conversation_id AND k.state = 'claimed')",
        (now, now),
    ).fetchall()
    return [(row[0], row[1]) for row in rows if not row[2]]


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
        f" AND (%(teams)s::text[] IS NULL OR {_TEAM} = ANY(%(teams)s)) ORDER BY h.level, h.help_asked_at",
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


def teams(connection: Connection) -> dict[str, tuple[Any, str | None]]:
    """Opening hours (None for the landlord's) and out-of-hours plan of each team that has any, by name."""
    rows = connection.execute("SELECT name, opening, out_of_hours FROM teams ORDER BY name").fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def save_team(connection: Connection, name: str, opening: str | None, out_of_hours: str | None) -> None:
    """Keep a team's plan. opening: JSON of ranges by weekday, None for the landlord's hours."""
    connection.execute(
        "INSERT INTO teams (name, opening, out_of_hours) VALUES (%s, %s::jsonb, %s) ON CONFLICT (name) DO UPDATE SET"
        " opening = excluded.opening, out_of_hours = excluded.out_of_hours",
        (name, opening, out_of_hours),
    )


def team_names(connection: Connection) -> list[str]:
    """Every team that there is: with a plan, with members, or with a queue."""
    rows = connection.execute(
        "SELECT name FROM teams UNION SELECT unnest(teams) FROM staff WHERE disabled_at IS NULL"
        f" UNION SELECT DISTINCT {_TEAM} FROM handoffs h WHERE state IN ('queued', 'offered', 'claimed') ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def colleagues(connection: Connection) -> list[tuple[int, str]]:
    """[(id, name)] of everybody who can take a handoff."""
    rows = connection.execute(
        "SELECT id, name FROM staff WHERE disabled_at IS NULL AND roles && ARRAY['advisor', 'supervisor', 'safety-lead']"
        " ORDER BY lower(name), id"
    ).fetchall()
    return [(row[0], row[1]) for row in rows]
