"""A conversation as the desk reads it: what the tenant wrote, what was said to them, and what colleagues noted.

Times are POSIX seconds. Nothing here is written to a log: it is tenants' words.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from bot.store.database import Connection

Kind = Literal["tenant", "bot", "advisor", "note"]


class File(NamedTuple):
    """A file that came with a message. state: 'stored' once it can be shown."""

    id: int
    kind: str
    content_type: str
    state: str


class Line(NamedTuple):
    """One line of a thread.

    id: of the row of its kind. conversation_id: which of the tenant's conversations. what: of the inbox row, "edit" or "button"
    or a plain message. signal: why it was raised, as `Signal` in JSON. delivery: the furthest report, or the row's state
    before there is one. by: who wrote it, for an advisor's reply or a note. note: its kind, where it is one. sent: name of a file
    that the advisor sent along.
    """

    kind: Kind
    id: int
    conversation_id: int
    at: float
    text: str
    what: str = ""
    signal: Mapping[str, Any] | None = None
    delivery: str = ""
    by: str = ""
    note: str = ""
    edited: bool = False
    files: tuple[File, ...] = ()
    sent: str = ""


LINES = """
SELECT * FROM (
    (SELECT 'tenant', i.id, i.conversation_id, extract(epoch FROM i.received_at)::float8 AS at, i.text, i.kind, i.signal, '', '',
        '', i.edited_at IS NOT NULL,
        (SELECT jsonb_agg(jsonb_build_array(m.id, m.kind, m.content_type, m.state) ORDER BY m.position)
         FROM media m WHERE m.inbox_id = i.id), ''
    FROM unnest(%(of)s::bigint[]) AS c (id) CROSS JOIN LATERAL (
        SELECT * FROM inbox i WHERE i.conversation_id = c.id AND i.kind IN ('message', 'edit', 'button', 'group')
        AND (%(before)s::float8 IS NULL OR i.received_at < to_timestamp(%(before)s)) ORDER BY i.id DESC LIMIT %(most)s) AS i)
    UNION ALL
    (SELECT CASE WHEN r.kind = 'advisor_replied' THEN 'advisor' ELSE 'bot' END, o.id, o.conversation_id,
        extract(epoch FROM o.created_at)::float8, o.text, o.purpose, NULL, coalesce(o.delivery, o.state),
        coalesce(r.payload->>'name', ''), '', false, NULL,
        CASE WHEN o.position = 0 THEN coalesce(r.payload->>'file', '') ELSE '' END
    FROM unnest(%(of)s::bigint[]) AS c (id) CROSS JOIN LATERAL (
        SELECT * FROM outbox o WHERE o.conversation_id = c.id
        AND (%(before)s::float8 IS NULL OR o.created_at < to_timestamp(%(before)s)) ORDER BY o.id DESC LIMIT %(most)s) AS o
    LEFT JOIN inbox r ON r.id = o.inbox_id AND r.kind = 'advisor_replied')
    UNION ALL
    (SELECT 'note', n.id, n.conversation_id, extract(epoch FROM n.at)::float8, n.text, '', NULL, '', s.name, n.kind, false,
        NULL, ''
    FROM notes n JOIN staff s ON s.id = n.staff_id
    WHERE n.conversation_id = ANY(%(of)s) AND n.kind = ANY(%(kinds)s)
        AND (%(before)s::float8 IS NULL OR n.at < to_timestamp(%(before)s)) ORDER BY n.id DESC LIMIT %(most)s)
) AS lines ORDER BY at DESC, 1 DESC, 2 DESC LIMIT %(most)s
"""


def lines(
    connection: Connection,
    conversations: Sequence[int],
    kinds: Collection[str],
    *,
    before: float | None = None,
    most: int = 100,
) -> list[Line]:
    """The newest lines of some conversations, oldest first. kinds: of notes that the reader may see. before: a time."""
    rows = connection.execute(
        LINES, {"of": list(conversations), "kinds": list(kinds), "before": before, "most": most}
    ).fetchall()
    return [Line._make((*row[:11], tuple(File(*part) for part in row[11] or ()), row[12])) for row in reversed(rows)]


def was_sent(connection: Connection, conversations: Sequence[int], file: str) -> bool:
    """Whether an advisor sent a file of this name in one of these conversations."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM inbox WHERE conversation_id = ANY(%s) AND kind = 'advisor_replied'"
        " AND payload->>'file' = %s)",
        (list(conversations), file),
    ).fetchone()
    return bool(row and row[0])


def written(connection: Connection, conversations: Sequence[int], line_id: int) -> str | None:
    """What the tenant wrote in one line of these conversations; None if it is none of theirs, or has no words."""
    row = connection.execute(
        "SELECT text FROM inbox WHERE id = %s AND conversation_id = ANY(%s) AND kind IN ('message', 'edit') AND text <> ''",
        (line_id, list(conversations)),
    ).fetchone()
    return str(row[0]) if row else None


class Standing(NamedTuple):
    """newest: id of the tenant's newest message, 0 if there is none. last_inbound_at: when WhatsApp's window began."""

    newest: int
    last_inbound_at: float | None


def standing(connection: Connection, conversation_id: int) -> Standing:
    """Where a conversation stands for whoever writes in it."""
    row = connection.execute(
        """
        SELECT coalesce((SELECT i.id FROM inbox i WHERE i.conversation_id = c.id AND i.kind IN ('message', 'edit', 'button')
                         ORDER BY i.id DESC LIMIT 1), 0),
            extract(epoch FROM c.last_inbound_at)::float8
        FROM conversations c WHERE c.id = %s
        """,
        (conversation_id,),
    ).fetchone()
    return Standing(*row) if row else Standing(0, None)


def add_note(connection: Connection, conversation_id: int, staff_id: int, kind: str, text: str, at: float) -> None:
    """Keep a colleague's note."""
    connection.execute(
        "INSERT INTO notes (conversation_id, staff_id, kind, text, at) VALUES (%s, %s, %s, %s, to_timestamp(%s))",
        (conversation_id, staff_id, kind, text, at),
    )


def save_draft(connection: Connection, staff_id: int, conversation_id: int, text: str, at: float) -> None:
    """Keep what somebody is writing; an empty text forgets it."""
    if not text:
        return forget_draft(connection, staff_id, conversation_id)
    connection.execute(
        "INSERT INTO drafts (staff_id, conversation_id, text, at) VALUES (%s, %s, %s, to_timestamp(%s))"
        " ON CONFLICT (staff_id, conversation_id) DO UPDATE SET text = excluded.text, at = excluded.at",
        (staff_id, conversation_id, text, at),
    )
    return None


def forget_draft(connection: Connection, staff_id: int, conversation_id: int) -> None:
    """It has been sent."""
    connection.execute("DELETE FROM drafts WHERE staff_id = %s AND conversation_id = %s", (staff_id, conversation_id))


def draft(connection: Connection, staff_id: int, conversation_id: int) -> str:
    """What somebody was writing."""
    row = connection.execute(
        "SELECT text FROM drafts WHERE staff_id = %s AND conversation_id = %s", (staff_id, conversation_id)
    ).fetchone()
    return str(row[0]) if row else ""


class Tenant(NamedTuple):
    """One conversation's tenant. linked: ids of all conversations of the same person, this one included.

    fields: what was recorded of them, by name.
    """

    conversation_id: int
    channel: str
    address: str
    name: str
    language: str
    level: str
    stopped: bool
    reachable: bool
    last_inbound_at: float | None
    created_at: float
    state: Mapping[str, Any]
    person_id: int | None
    linked: tuple[int, ...]
    fields: Mapping[str, str]


def tenant(connection: Connection, conversation_id: int) -> Tenant | None:
    """Who is on the other side of a conversation."""
    row = connection.execute(
        """
        SELECT c.id, c.channel, c.address, coalesce(p.name, c.profile_name), c.language, c.level, c.stopped_at IS NOT NULL,
            c.reachable, extract(epoch FROM c.last_inbound_at)::float8, extract(epoch FROM c.created_at)::float8, c.state,
            c.person_id,
            CASE WHEN c.person_id IS NULL THEN ARRAY[c.id]
                 ELSE ARRAY(SELECT o.id FROM conversations o WHERE o.person_id = c.person_id ORDER BY o.id) END,
            coalesce((SELECT jsonb_object_agg(f.name, f.value) FROM fields f WHERE f.conversation_id = c.id), '{}')
        FROM conversations c LEFT JOIN people p ON p.id = c.person_id WHERE c.id = %s
        """,
        (conversation_id,),
    ).fetchone()
    return Tenant._make((*row[:12], tuple(row[12]), row[13])) if row else None


class Consent(NamedTuple):
    """A word that stopped, or started again, what we send of our own accord. origin: 'tenant', or the 'provider' for them."""

    conversation_id: int
    word: str
    origin: str
    at: float


def consents(connection: Connection, conversations: Sequence[int]) -> list[Consent]:
    """What some conversations' tenants consented to, the newest first."""
    rows = connection.execute(
        "SELECT conversation_id, word, origin, extract(epoch FROM at)::float8 FROM consents"
        " WHERE conversation_id = ANY(%s) ORDER BY id DESC LIMIT 50",
        (list(conversations),),
    ).fetchall()
    return [Consent(*row) for row in rows]


def link(connection: Connection, conversation_id: int, other_id: int, name: str, at: float) -> int:
    """Say that two conversations are with one person. Returns the person's id; the older person keeps their name."""
    rows = connection.execute(
        "SELECT person_id FROM conversations WHERE id IN (%s, %s) ORDER BY id FOR UPDATE", (conversation_id, other_id)
    ).fetchall()
    known = sorted({row[0] for row in rows if row[0] is not None})
    person = known[0] if known else _new_person(connection, name, at)
    connection.execute(
        "UPDATE conversations SET person_id = %s WHERE id IN (%s, %s) OR person_id = ANY(%s)",
        (person, conversation_id, other_id, known),
    )
    return person


def _new_person(connection: Connection, name: str, at: float) -> int:
    row = connection.execute(
        "INSERT INTO people (name, created_at) VALUES (%s, to_timestamp(%s)) RETURNING id", (name, at)
    ).fetchone()
    assert row
    return int(row[0])


def unlink(connection: Connection, conversation_id: int) -> None:
    """Say that a conversation is with somebody else after all."""
    connection.execute("UPDATE conversations SET person_id = NULL WHERE id = %s", (conversation_id,))


class Found(NamedTuple):
    """A conversation that a search found. handoff_id: its newest handoff, if any. text: the line that was found."""

    conversation_id: int
    channel: str
    name: str
    handoff_id: int | None
    team: str
    at: float
    text: str


_FOUND = """
SELECT c.id, c.channel, coalesce(p.name, c.profile_name), h.id, coalesce(nullif(h.team, ''), h.queue, ''),
    extract(epoch FROM coalesce(found.at, c.last_inbound_at, c.created_at))::float8, found.text
FROM found JOIN conversations c ON c.id = found.id LEFT JOIN people p ON p.id = c.person_id
LEFT JOIN LATERAL (SELECT * FROM handoffs h WHERE h.conversation_id = c.id ORDER BY h.id DESC LIMIT 1) AS h ON true
WHERE (h.id IS NOT NULL OR %(all)s) AND (%(teams)s::text[] IS NULL
    OR coalesce(nullif(h.team, ''), h.queue) = ANY(%(teams)s) OR h.claimed_by = %(staff)s)
ORDER BY 6 DESC LIMIT %(most)s
"""
SEARCH = f"""
WITH found AS (
    SELECT id, NULL::timestamptz AS at, ''::text AS text FROM conversations
        WHERE lower(profile_name) LIKE lower(%(like)s) OR address LIKE %(number)s OR address = %(exact)s
    UNION SELECT c.id, NULL, '' FROM conversations c JOIN people p ON p.id = c.person_id WHERE lower(p.name) LIKE lower(%(like)s)
    UNION SELECT conversation_id, NULL, '' FROM handoffs WHERE id = %(reference)s
    UNION (SELECT conversation_id, received_at, text FROM inbox
        WHERE text <> '' AND to_tsvector('simple', text) @@ websearch_to_tsquery('simple', %(words)s)
        ORDER BY id DESC LIMIT 500)
) {_FOUND}
"""


FEWEST_DIGITS = 6
NOTHING = "-"
"""A pattern that no address fits."""


def search(
    connection: Connection,
    words: str,
    teams: Collection[str] | None,
    staff_id: int,
    *,
    unhanded: bool = False,
    most: int = 50,
) -> list[Found]:
    """Conversations by name, number, reference or words, within the teams that somebody may read, the newest first.

    unhanded: also those that never waited for a person.
    """
    digits = "".join(char for char in words if char.isdigit())
    escaped = words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    rows = connection.execute(
        SEARCH,
        {
            "like": f"{escaped}%",
            "number": _number(words, digits),
            "exact": words,
            "reference": int(digits) if 0 < len(digits) < 10 else 0,
            "words": words,
            "teams": None if teams is None else list(teams),
            "staff": staff_id,
            "all": unhanded,
            "most": most,
        },
    ).fetchall()
    return [Found(*row) for row in rows]


def _number(words: str, digits: str) -> str:
    """A pattern for numbers that begin so, in E.164; a British one may be written the national way."""
    if len(digits) < FEWEST_DIGITS:
        return NOTHING
    international = words.lstrip().startswith("+") or digits.startswith("44")
    return f"+{digits}%" if international else f"+44{digits.removeprefix('0')}%"
