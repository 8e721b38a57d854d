"""Nothing that two people have not signed is said to somebody in danger: production does not start, development says so."""

from bot.errors import HearthlineError
from bot.log import get
from bot.settings import Settings
from bot.wiring import FLOWS
from flows.approvals import unapproved

SAFETY = FLOWS / "safety"
SHOWN = 5

log = get(__name__)


class SafetyUnapproved(HearthlineError):
    """Safety files lack two people's signatures. Have them read, then: hearthline safety sign NAME."""


def insist(settings: Settings, *, warn: bool = False) -> None:
    """Refuse to start production with unsigned safety files. Raises `SafetyUnapproved`.

    warn: in development say it, loudly, once for the whole line.
    """
    missing = unapproved(SAFETY)
    if not missing:
        return
    named = ", ".join(missing[:SHOWN]) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
    if settings.in_production:
        raise SafetyUnapproved(
            f"Two people have not approved these safety files as they are: {named}.\n"
            "The line does not start in production like this. `hearthline safety status` lists them."
        )
    if warn:
        log.error(
            "safety_files_unapproved", count=len(missing), remedy="never with real tenants: hearthline safety status"
        )
