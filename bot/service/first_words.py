"""Crisis words without a database: what the webhook itself says to somebody in danger while PostgreSQL is away.

The engine decides on them as it does for a tenant who writes for the first time, because nothing more can be known. They
are said once: a repeat of the same message, or more of the same within minutes, hears nothing new from here.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from bot.engine import effects as fx
from bot.engine.crisis import REPEAT_AFTER
from bot.engine.state import State
from bot.engine.step import step
from bot.log import get
from bot.nlu import language
from bot.nlu.understanding import Signal, Understanding
from bot.service.parts import Parts
from bot.service.plan import message_of, render
from bot.store.conversations import Locked
from channels.errors import Outcome
from channels.messages import Inbound, Part, SendContext

K = TypeVar("K")
V = TypeVar("V")
REMEMBERED = 10_000
"""Messages and tenants remembered by one process."""

log = get(__name__)


class _Said(NamedTuple):
    """What a tenant was told last, and when, in POSIX seconds."""

    at: float
    signal: Signal


class FirstWords:
    """What one web process has said by itself. Safe to share between threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._messages: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._tenants: OrderedDict[tuple[str, str, str], _Said] = OrderedDict()

    def for_(self, inbound: Inbound, signal: Signal, at: float) -> tuple[Part, ...]:
        """The crisis words for a message that could not be stored, ready to be said; none if it is not urgent, or again.

        at: POSIX seconds. Whoever gets them has to say them: they are not given twice.
        """
        if not signal.urgent or signal.tentative or not self._first(inbound, signal, at):
            return ()
        try:
            return self._words(inbound, signal, at)
        except Exception as error:
            # The message itself must still be kept, and the engine answers it once it is stored.
            log.exception("first_words_failed", channel=inbound.channel, error=type(error).__name__)
            return ()

    def _first(self, inbound: Inbound, signal: Signal, at: float) -> bool:
        message = (inbound.channel, inbound.account, inbound.provider_id)
        tenant = (inbound.channel, inbound.account, inbound.address)
        with self._lock:
            if message in self._messages:
                return False
            _remember(self._messages, message, None)
            before = self._tenants.get(tenant)
            same = before is not None and before.signal.level <= signal.level and at - before.at < REPEAT_AFTER
            if before is not None and same and set(signal.concerns[:1]) <= set(before.signal.concerns[:1]):
                return False
            _remember(self._tenants, tenant, _Said(at, signal))
            return True

    def _words(self, inbound: Inbound, signal: Signal, at: float) -> tuple[Part, ...]:
        book = self._parts.library.book()
        heard = language.other_than(inbound.text, book.landlord.languages[0])
        event = message_of(0, at, inbound, Understanding(signal=signal, language=heard))
        _, effects = step(State(), event, book)
        whose = Locked(0, inbound.channel, inbound.account, inbound.address, "{}", False, None)
        said = [effect for effect in effects if isinstance(effect, fx.SendText) and effect.purpose == "crisis"]
        return tuple(part for effect in said for part in render(whose, effect, self._parts.channels, None))


def _remember(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)


def call(parts: Parts, channel: str, said: Sequence[Part], at: float) -> bool:
    """Say words by calls of the provider's API, one after another. Returns whether the first was taken. at: POSIX seconds."""
    taken = [parts.channels[channel].send(part, SendContext(message_id="", now=at)).outcome for part in said[:2]]
    return taken[:1] == [Outcome.ACCEPTED]
