"""Channels that only remember, a clock that moves when told, and a reader that knows one word."""

import threading
from collections.abc import Callable, Sequence

from bot.nlu.understanding import Signal
from channels.errors import Outcome, Sent
from channels.messages import ChannelName, Inbound, Outbound, Part, SendContext, WebhookRequest

TENANT = "+447700900001"
OURS = "+447700900900"


class Remembering:
    """A channel that accepts everything, or does what `outcomes` says, in turn."""

    def __init__(self, name: ChannelName = "sms") -> None:
        self.name: ChannelName = name
        self.sent: list[tuple[str, str]] = []
        self.contexts: list[SendContext] = []
        self.outcomes: list[Sent] = []
        self.before: Callable[[Part], None] = lambda part: None
        self._lock = threading.Lock()

    def verify(self, request: WebhookRequest) -> None:
        """Accept every request."""

    def parse(self, request: WebhookRequest) -> tuple[Inbound, ...]:
        return ()

    def render(self, outbound: Outbound) -> tuple[Part, ...]:
        texts = outbound.text.split("\n\n") if outbound.text else [""]
        return tuple(
            Part(channel=self.name, account=outbound.account, address=outbound.address, params={"n": n}, text=text)
            for n, text in enumerate(texts)
        )

    def send(self, part: Part, context: SendContext) -> Sent:
        self.before(part)
        with self._lock:
            self.contexts.append(context)
            if self.outcomes:
                sent = self.outcomes.pop(0)
                if sent.outcome is not Outcome.ACCEPTED:
                    return sent
            self.sent.append((part.address, part.text))
        return Sent(Outcome.ACCEPTED, provider_id=f"SM{context.message_id}-{len(self.sent)}")

    def texts_to(self, address: str) -> list[str]:
        return [text for to, text in self.sent if to == address]


class LookingUp(Remembering):
    """A channel that can be asked what it has sent."""

    found: str | None = None
    asked = 0

    def find_sent(self, part: Part, since: float, known: Sequence[str] = ()) -> str | None:
        self.asked += 1
        return self.found


class Time:
    """A clock that moves when told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def screen(messages: Sequence[str]) -> Signal:
    """Read only the made-up word."""
    return Signal(level="P1", concerns=("suicide",)) if "dolorous" in " ".join(messages) else Signal()
