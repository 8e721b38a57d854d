"""How a page leaves: from which of our own addresses, with which link, and by which call of a webhook."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import urllib3

from bot.log import get

HOOK_TIMEOUT = 4.0
"""Seconds for one call of a webhook, connecting included."""
EVENTS_SOURCE = "hearthline"

log = get(__name__)


class Posted(NamedTuple):
    """What a webhook answered. state: "accepted", "refused" for good, or "away"; code: its status, or why there is none."""

    state: str
    code: str


Post = Callable[[str, bytes], Posted]


def nowhere(url: str, body: bytes) -> Posted:
    """Post nothing: for whoever has given no way to the network."""
    return Posted("refused", "no-network")


@dataclass(frozen=True, slots=True)
class Pager:
    """senders: our address on each channel that pages may go by. link_base: where links begin, without a last slash."""

    senders: Mapping[str, str] = field(default_factory=dict)
    link_base: str = ""
    post: Post = nowhere

    def link(self, token: str) -> str:
        """The address that acknowledges."""
        return f"{self.link_base}/ack/{token}"


def event(*, key: str | None, reference: str, level: str, concern: str, text: str) -> bytes:
    """A page in the shape of PagerDuty's Events API v2, which other services of the kind take too.

    https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
    """
    details = {"reference": reference, "level": level, "concern": concern}
    return json.dumps(
        {
            "routing_key": key or "",
            "event_action": "trigger",
            "dedup_key": f"{EVENTS_SOURCE}-{reference}",
            "payload": {
                "summary": text,
                "severity": "critical" if level == "P0" else "error",
                "source": EVENTS_SOURCE,
                "custom_details": details,
            },
        }
    ).encode()


def poster() -> Post:
    """Posts over a pool of connections of its own, without redirects, which could lead a page anywhere."""
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(total=HOOK_TIMEOUT), retries=False, headers={"content-type": "application/json"}
    )

    def post(url: str, body: bytes) -> Posted:
        try:
            answer = pool.request("POST", url, body=body, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            log.warning("page_hook_away", error=type(error).__name__)
            return Posted("away", type(error).__name__)
        if 200 <= answer.status < 300:
            return Posted("accepted", str(answer.status))
        # 429 and 5xx ask for another try (PagerDuty, "API Response Codes & Retry Logic").
        return Posted("away" if answer.status == 429 or answer.status >= 500 else "refused", str(answer.status))

    return post
