"""The only place that reads the time of day. Everything else is given a time as an argument."""

import time


def now() -> float:
    """Return POSIX seconds."""
    return time.time()
