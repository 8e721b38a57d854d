"""Ask Telegram for updates where it cannot call us. One process at a time does, by a lock in PostgreSQL."""

import threading

from bot.log import get
from bot.service import receive as receiving
from bot.service.parts import Parts
from bot.service.spool import SpoolUnwritable
from bot.store import marks
from bot.store.database import Connection, DatabaseAway
from channels.errors import ChannelError, Malformed
from channels.messages import Inbound, WebhookRequest
from channels.telegram import Telegram, TelegramCallFailed

ASK_FOR = 20
"""Seconds that Telegram may hold a question open."""
PAUSE = 3.0
"""Seconds to wait after a failure, or while another process holds the lock."""
LOCK = 7303015

log = get(__name__)


def start_polling(parts: Parts, telegram: Telegram) -> threading.Thread:
    """Poll in a daemon thread until the process stops."""
    thread = threading.Thread(target=_keep_polling, args=(parts, telegram), name="polling", daemon=True)
    thread.start()
    return thread


def _keep_polling(parts: Parts, telegram: Telegram) -> None:
    while not parts.stopping.is_set():
        try:
            _poll_while_ours(parts, telegram)
        except (DatabaseAway, TelegramCallFailed, SpoolUnwritable) as error:
            log.warning("polling_failed", error=type(error).__name__)
        except Exception as error:
            # The next round starts from the last update that was stored; a thread that ended would start no other.
            log.exception("polling_failed", error=type(error).__name__)
        parts.stopping.wait(PAUSE)


def _poll_while_ours(parts: Parts, telegram: Telegram) -> None:
    with parts.database.connection() as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
        if not row or not row[0]:
            return
        try:
            telegram.delete_webhook()
            while not parts.stopping.is_set():
                poll(parts, telegram, connection)
        finally:
            if not connection.closed:
                connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def poll(parts: Parts, telegram: Telegram, connection: Connection) -> int:
    """Ask once, store what came, and only then confirm it, by asking from the next one on. Returns how many updates.

    Raises `TelegramCallFailed`, `DatabaseAway` or `SpoolUnwritable`.
    """
    bot = telegram.account.bot_id
    offset = int(marks.get(connection, "telegram", bot, "offset") or 0)
    updates = telegram.get_updates(offset, ASK_FOR)
    for update in updates:
        take(parts, telegram, update.request)
        marks.put(connection, "telegram", bot, "offset", str(update.update_id + 1))
    return len(updates)


def take(parts: Parts, telegram: Telegram, request: WebhookRequest) -> None:
    """Store one polled update and stop the spinning of its button. One that cannot be read is said and passed over."""
    try:
        arrivals = telegram.parse(request)
    except Malformed as error:
        log.warning("webhook_malformed", channel="telegram", problem=str(error))
        return
    for arrival in arrivals:
        if isinstance(arrival, Inbound):
            receiving.receive(parts, arrival, parts.clock())
            _stop_spinning(telegram, arrival)


def _stop_spinning(telegram: Telegram, inbound: Inbound) -> None:
    if inbound.callback_id is not None:
        try:
            telegram.answer_callback(inbound.callback_id)
        except ChannelError as error:
            log.warning("callback_unanswered", error=type(error).__name__)
