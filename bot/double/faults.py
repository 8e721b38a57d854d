"""How the double can be told to misbehave, as a provider does on a bad day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.types import Scope, Send

from bot.double import asgi
from bot.double.asgi import Answer

Kind = Literal[
    "delay",
    "throttle",
    "error",
    "hang",
    "reset",
    "broken_json",
    "accept_then_hang",
    "accept_then_reset",
    "undelivered",
]
Order = Literal["normal", "reversed", "duplicated", "dropped", "early"]


@dataclass(slots=True)
class Fault:
    """One way to fail, for calls that match.

    where: sms, whatsapp, telegram, twilio (both of its channels) or any. to: only calls to this tenant.
    times: how often, None for ever. every: only each so-manieth matching call.
    seconds: of a hang, a delay or Retry-After. status, code: of an error; code also of an undelivered message.
    """

    kind: Kind
    where: str = "any"
    to: str | None = None
    times: int | None = 1
    every: int = 1
    seconds: float = 1.0
    status: int = 500
    code: int | None = None
    matched: int = 0
    done: int = 0

    def takes(self, channel: str, to: str) -> bool:
        """Whether this call fails; counts it."""
        places = {channel, "any"} | ({"twilio"} if channel in ("sms", "whatsapp") else set())
        if self.where not in places or (self.to is not None and self.to != to):
            return False
        if self.times is not None and self.done >= self.times:
            return False
        self.matched += 1
        if self.matched % self.every:
            return False
        self.done += 1
        return True


@dataclass(slots=True)
class Knobs:
    """What holds for every call. callbacks: whether status callbacks are posted at all.

    delay_ms: a provider's usual time to answer. strict_window: refuse WhatsApp to a tenant who never wrote.
    """

    delay_ms: float = 0.0
    callbacks: bool = True
    callback_delay_ms: float = 50.0
    callback_order: Order = "normal"
    strict_window: bool = False


def chosen(faults: list[Fault], channel: str, to: str) -> Fault | None:
    """The first fault that takes this call. Those of delivery are chosen when a message is delivered, not here."""
    return next((fault for fault in faults if fault.kind != "undelivered" and fault.takes(channel, to)), None)


def undelivered(faults: list[Fault], channel: str, to: str) -> Fault | None:
    """The first fault that keeps this message from its phone."""
    return next((fault for fault in faults if fault.kind == "undelivered" and fault.takes(channel, to)), None)


Refusal = Callable[[int, int | None, float], Answer]
"""(status, code, seconds to wait) -> the refusal as the provider words it."""


async def perform(
    fault: Fault | None, delay_ms: float, act: Callable[[], Answer], refusal: Refusal, scope: Scope, send: Send
) -> None:
    """Answer one call: as `act` does it, or as `fault` has it."""
    if delay_ms:
        await asyncio.sleep(delay_ms / 1000)
    if fault is None:
        return await asgi.reply(send, act())
    match fault.kind:
        case "throttle":
            return await asgi.reply(send, refusal(429, fault.code, fault.seconds))
        case "error":
            return await asgi.reply(send, refusal(fault.status, fault.code, 0.0))
        case "hang":
            await asyncio.sleep(fault.seconds)
        case "accept_then_hang":
            act()
            await asyncio.sleep(fault.seconds)
        case "accept_then_reset":
            act()
        case "broken_json":
            whole = act()
            return await asgi.reply(send, Answer(whole.status, whole.body[: len(whole.body) // 2]))
        case "delay":
            await asyncio.sleep(fault.seconds)
            return await asgi.reply(send, act())
    return asgi.reset(scope)
