"""The clock process: sweeps every second, and asks Telegram for updates where it may not call us. Two may run at once."""

from bot.log import get
from bot.service import page_hooks, polling, receive, standing_in
from bot.service import sweep as sweeping
from bot.service.alive import alive
from bot.service.parts import Parts
from bot.settings import Settings
from bot.store.database import DatabaseAway
from bot.wiring import build
from channels.telegram import Telegram
from workers.main import stop_on_signals

log = get(__name__)


def main(settings: Settings) -> None:
    """Sweep until the process is asked to stop."""
    parts = build(settings, name="clock")
    stop_on_signals(parts)
    with alive(parts, "clock"):
        page_hooks.start_posting(parts)
        standing_in.start_standing_in(parts)
        telegram = parts.channels.get("telegram")
        if isinstance(telegram, Telegram) and telegram.account.mode == "polling":
            polling.start_polling(parts, telegram)
            # What is spooled here lies on this machine's disk, where there may be no web process.
            receive.start_replaying(parts)
        while not parts.stopping.wait(sweeping.EVERY):
            sweep_once(parts)


def sweep_once(parts: Parts) -> None:
    """One sweep; a database that is away is said and waited for."""
    try:
        parts.bell.ring(*sweeping.sweep(parts))
    except DatabaseAway:
        log.warning("database_away", role="clock")
