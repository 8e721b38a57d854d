"""The web process."""

import sys

import uvicorn

from bot.queues import connect
from bot.service.alive import alive
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.desk.setup import desk_of
from bot.wiring import build

POOL = 8
"""Connections to PostgreSQL. More would not commit faster on a small machine."""
SWITCH_INTERVAL = 0.001
"""Seconds between thread switches: Python's own 5 ms would let a busy thread hold up an answer."""


def main(settings: Settings) -> None:
    """Serve until the process is asked to stop, then finish what has begun."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    parts = build(settings, name="web", pool_size=POOL)
    # A first webhook must not wait for the phrases, and they must be sound before anything is answered.
    parts.screen([""])
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    app = create_app(
        parts,
        public_base_url=settings.base_url,
        redis_client=connect(settings.redis_url or "", timeout=1.0),
        metrics_token=token,
        desk=desk_of(settings, parts),
    )
    with alive(parts, "web"):
        uvicorn.run(
            app,
            host=settings.bind_host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            # What the providers sign is PUBLIC_BASE_URL, whatever a proxy says of itself.
            proxy_headers=False,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=16 * 1024,
        )
