"""Let the engine answer what has come in: a batch of conversations in one transaction, again until nothing is due."""

import time
from collections.abc import Sequence

import msgspec

from bot.engine import effects as fx
from bot.log import get
from bot.nlu import language
from bot.service import paging
from bot.service.parts import Parts
from bot.service.plan import Ack, Plan, Reader, plan, reply_rows, set_aside, words_to_read
from bot.store import conversations, handoffs, inbox, notes, outbox, rota, timers
from bot.store.database import Connection, ValuesRefused
from channels.messages import Inbound

BATCH = 50
"""Conversations locked by one transaction."""
EVENTS_EACH = 20
"""Rows of one conversation that one transaction takes; the rest stay due, so that a flood cannot hold the lock for long."""
TOGETHER = 600.0
"""Seconds during which a tenant's messages are read together."""
TOGETHER_MOST = 4
BUDGET = 5.0
"""Seconds after which a job hands over to the next one, so that a worker can stop, and is seen to be alive."""


log = get(__name__)
_text = msgspec.json.Decoder(Inbound).decode


def drain(parts: Parts, *, urgent_only: bool, budget: float = BUDGET) -> int:
    """Answer whatever is due until nothing is. Returns how many rows were answered.

    The last look comes after the last commit, so that a message that was stored while its conversation was locked here
    is not left behind. Raises `DatabaseAway`.
    """
    answered, until = 0, time.monotonic() + budget
    while count := converse(parts, urgent_only=urgent_only):
        answered += count
        if time.monotonic() > until or parts.stopping.is_set():
            parts.bell.ring("urgent" if urgent_only else "talk")
            break
    return answered


def converse(parts: Parts, *, urgent_only: bool = False, batch: int = BATCH) -> int:
    """Take up to `batch` conversations that nobody else holds through their unseen rows, in one transaction.

    State, outbox, handoffs, timers and notes are committed together or not at all. Returns how many rows were answered.
    If PostgreSQL refuses what one conversation's answer would write, each is taken alone, and that one goes to a person:
    it must not stop the line for everybody.
    """
    try:
        return _converse(parts, urgent_only, batch)
    except ValuesRefused as refused:
        log.error("batch_refused", batch=batch, problem=str(refused))
        if batch == 1:
            return _converse(parts, urgent_only, batch, aside=True)
    return sum(converse(parts, urgent_only=urgent_only, batch=1) for _ in range(batch))


def _converse(parts: Parts, urgent_only: bool, batch: int, aside: bool = False) -> int:
    now = parts.clock()
    with parts.database.transaction() as connection:
        locked = conversations.lock_due(connection, urgent_only=urgent_only, most=batch)
        if not locked:
            return 0
        plans = _plan_all(parts, connection, locked, now, aside)
        _answer_acks(connection, parts, locked, plans, now)
        _write(connection, parts, plans, now)
    if not plans:
        # All of them were answered between the look and the lock; behind them somebody else may be due.
        return _converse(parts, urgent_only, batch, aside)
    _ring(parts, plans)
    return sum(len(made.seen) for made in plans)


def _plan_all(
    parts: Parts, connection: Connection, locked: Sequence[conversations.Locked], now: float, aside: bool
) -> list[Plan]:
    ids = [conversation.id for conversation in locked]
    rows = inbox.pending(connection, ids, EVENTS_EACH)
    recent = inbox.recent_texts(connection, ids, now - TOGETHER, TOGETHER_MOST)
    reader = Reader(parts.screen, language.other_than, parts.second)
    by_conversation: dict[int, list[inbox.Pending]] = {}
    for row in rows:
        by_conversation.setdefault(row.conversation_id, []).append(row)
    if aside:
        return [set_aside(one, by_conversation[one.id], now) for one in locked if one.id in by_conversation]
    acks = _acks(connection, locked, rows)
    _warm(parts, rows)
    return [
        plan(
            conversation,
            by_conversation[conversation.id],
            recent.get(conversation.id, ()),
            library=parts.library,
            channels=parts.channels,
            reader=reader,
            now=now,
            acks=acks,
        )
        for conversation in locked
        if conversation.id in by_conversation
    ]


def _warm(parts: Parts, rows: Sequence[inbox.Pending]) -> None:
    """Read words together. An encoder that fails may cost the matching of some, and never everybody's crisis words."""
    try:
        parts.warm(words_to_read(rows))
    except Exception as error:
        log.exception("not_read_together", error=type(error).__name__)


def _acks(
    connection: Connection, locked: Sequence[conversations.Locked], rows: Sequence[inbox.Pending]
) -> dict[int, Ack]:
    """The rows in which somebody on the rota answers a page. A tenant who writes the same is a tenant."""
    found = {row.id: (row.conversation_id, reference) for row in rows if (reference := _reference(row))}
    if not found:
        return {}
    addresses = {one.id: (one.channel, one.address) for one in locked}
    names = rota.named_by(connection, sorted({addresses[conversation] for conversation, _ in found.values()}))
    return {
        row_id: Ack(row_id, reference, names[addresses[conversation]])
        for row_id, (conversation, reference) in found.items()
        if addresses[conversation] in names
    }


def _reference(row: inbox.Pending) -> str | None:
    """Most rows are told apart by their raw text, so that they are not read twice."""
    if row.kind != "message" or "ack" not in row.payload.lower():
        return None
    try:
        return paging.read_ack(_text(row.payload).text)
    except msgspec.DecodeError:
        # It has its own turn, which sends its tenant to a person.
        return None


def _answer_acks(
    connection: Connection, parts: Parts, locked: Sequence[conversations.Locked], plans: Sequence[Plan], now: float
) -> None:
    by_id = {one.id: one for one in locked}
    for made in plans:
        for ack in made.acks:
            said = paging.answer(connection, parts.library.book(), ack.reference, ack.by, now)
            made.rows += reply_rows(by_id[made.standing.id], ack.inbox_id, said, parts.channels, now)


def _write(connection: Connection, parts: Parts, plans: Sequence[Plan], now: float) -> None:
    if not plans:
        return
    conversations.save(connection, [made.standing for made in plans])
    outbox.add(connection, [row for made in plans for row in made.rows])
    openings = [opening for made in plans for opening in made.openings]
    opened = handoffs.open_all(connection, openings)
    paging.open_all(connection, parts, list(zip(opened, openings, strict=True)), now)
    for made in plans:
        for inbox_id, effect in made.notes:
            _write_note(connection, made.standing, inbox_id, effect, now)
    inbox.mark_processed(connection, [row for made in plans for row in made.seen], now)


def _write_note(
    connection: Connection, standing: conversations.Standing, inbox_id: int, effect: fx.Effect, now: float
) -> None:
    match effect:
        case fx.StartTimer(name, due_at):
            timers.start(connection, standing.id, name, inbox_id, due_at)
        case fx.CancelTimer(name):
            timers.cancel(connection, standing.id, name)
        case fx.RecordField(name=name, value=value):
            notes.field(connection, standing.id, name, value, inbox_id, now)
        case fx.RecordMiss(flow=flow, state=state):
            notes.miss(connection, inbox_id, flow, state, now)
        case fx.ReportAuthorError(flow=flow, state=state, problem=problem):
            notes.author_error(connection, flow, state, problem, "", now)
        case _:
            # Language, consent, reachability and source are columns of the conversation, saved with its standing.
            pass


def _ring(parts: Parts, plans: Sequence[Plan]) -> None:
    if any(made.rows and not made.urgent for made in plans):
        parts.bell.ring("send")
    if any(made.urgent for made in plans):
        parts.bell.ring("urgent")
