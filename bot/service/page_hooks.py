"""Pages by webhook, to services like PagerDuty. A thread of the clock posts them: they need neither Redis nor a channel."""

import threading
from concurrent.futures import ThreadPoolExecutor

from bot.log import get
from bot.service import paging, upkeep
from bot.service.pager import HOOK_TIMEOUT, Posted, event
from bot.service.parts import Parts
from bot.store import pages
from bot.store.database import Connection
from bot.store.pages import Hook

LEASE = HOOK_TIMEOUT + 6.0
"""Seconds that a claimed page is left alone."""
LOOK_EVERY = 0.5
AT_ONCE = 8
FIRST_DELAY = 2.0
LONGEST_DELAY = 30.0
MOST_AGE = 600.0
"""Seconds after which a page by webhook is given up: newer ones have been made by then."""

log = get(__name__)


def post_due(parts: Parts) -> int:
    """Post what is due, `AT_ONCE` together, and record what came of it. Returns how many. Raises `DatabaseAway`."""
    now = parts.clock()
    with parts.database.transaction() as connection:
        hooks = pages.claim_hooks(connection, now, LEASE, now)
    if not hooks:
        return 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda hook: _post(parts, hook), hooks))
    with parts.database.transaction() as connection:
        for hook, posted in zip(hooks, answers, strict=True):
            _settle(parts, connection, hook, posted)
    parts.bell.ring("urgent")
    return len(hooks)


def _post(parts: Parts, hook: Hook) -> Posted:
    body = event(key=hook.key, reference=hook.reference, level=hook.level, concern=hook.concern, text=hook.text)
    try:
        return parts.pager.post(hook.url, body)
    except Exception as error:
        # One address that nothing can be posted to must not hold up everybody's pages.
        log.exception("page_hook_defect", page=hook.id, error=type(error).__name__)
        return Posted("refused", "defect")


def _settle(parts: Parts, connection: Connection, hook: Hook, posted: Posted) -> None:
    now = parts.clock()
    given_up = posted.state == "refused" or now - hook.made_at > MOST_AGE
    state = "accepted" if posted.state == "accepted" else "failed" if given_up else "queued"
    delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(hook.attempts - 1, 6))
    pages.settle_hook(connection, hook.id, state, posted.code, now, now + delay)
    if state != "accepted":
        log.warning("page_hook_failed", page=hook.id, code=posted.code, state=state)
    if state != "queued":
        paging.landed(connection, parts, hook.alarm_id, state == "accepted", now)


def start_posting(parts: Parts) -> threading.Thread:
    """Post what is due, in a thread of its own, until the process is asked to stop."""
    return upkeep.start(parts, "page-hooks", post_due, LOOK_EVERY)
