"""Where a conversation stands. Small, frozen, and the same after a trip through JSON."""

import msgspec
from msgspec import Struct

from bot.nlu.understanding import Level

STATE_VERSION = 1
TRUTHS = ("told", "seen", "nobody")
"""What may be said of the team, each once: that somebody has been told, has seen it, or that nobody could be reached."""


class Frame(Struct, frozen=True):
    """One level of the stack: a state of a flow."""

    flow: str
    state: str


class State(Struct, frozen=True, omit_defaults=True):
    """Everything the engine remembers of a conversation between two events. Times are POSIX seconds.

    revision: hash of the Book the stack belongs to. stack: callers first, the flow the tenant is in last. misses: how
    many messages in a row were not understood. mode: who talks, "bot" or "advisor". level: rises by itself and falls
    only by a person's hand. offered: ids of the choices of a question outside any flow ("faq:pay-rent"); offer: the
    name of its text; said: the words that led to it; first_told: when they came, because the law counts from the first
    notice. asked_at: when the last question was put. last_answer: id of the FAQ topic just given. trail: the stack at
    each answered question, newest last, for going back; answered: provider id of the message that answered the newest.
    aside: a flow the tenant left half-way and may resume; aside_slots: its answers, which no other queue
    is told. reminding: whether a reminder is set. waiting: queue of the
    last handoff, and waiting_at when. languages_offered, group_refused, told_stopped: what is said only once.
    comforted_at: when a kind word was last said; crisis_at, crisis_concerns: when crisis words were, and for what;
    crisis_language: in which language they were; heard: every concern told of since.

    Of the crisis protocol: tentative: the level rests on the statistical reader alone. asked: the id of its question
    that waits for an answer. truths: what has been said of the team since the level rose ("told", "seen", "nobody").
    waited_at: when the short word was last said to somebody who waits. group: other people read along.
    contact: whether it is safe to write to somebody who is afraid of another: "" nothing to fear, "asked", "yes",
    "not-now" or "call". safe_word: folded; it changes the subject at once. quiet, quiet_at: it was sent, and when.
    suppressed: nothing is ever sent of our own accord.
    """

    version: int = STATE_VERSION
    revision: str = ""
    stack: tuple[Frame, ...] = ()
    language: str = ""
    mode: str = "bot"
    slots: dict[str, str] = {}
    misses: int = 0
    level: Level = "P3"
    greeted: bool = False
    stopped: bool = False
    offered: tuple[str, ...] = ()
    offer: str = ""
    said: str = ""
    first_told: float = 0.0
    asked_at: float = 0.0
    last_answer: str = ""
    trail: tuple[tuple[Frame, ...], ...] = ()
    answered: str = ""
    aside: tuple[Frame, ...] = ()
    aside_slots: dict[str, str] = {}
    reminding: bool = False
    waiting: str = ""
    waiting_at: float = 0.0
    languages_offered: tuple[str, ...] = ()
    group_refused: bool = False
    told_stopped: bool = False
    comforted_at: float = 0.0
    crisis_at: float = 0.0
    crisis_concerns: tuple[str, ...] = ()
    crisis_language: str = ""
    heard: tuple[str, ...] = ()
    tentative: bool = False
    asked: str = ""
    truths: tuple[str, ...] = ()
    waited_at: float = 0.0
    group: bool = False
    contact: str = ""
    safe_word: str = ""
    quiet: bool = False
    quiet_at: float = 0.0
    suppressed: bool = False

    @property
    def urgent(self) -> bool:
        """Whether a person has to act soon: nothing but a person closes it, reminds, or hands it back."""
        return self.level in ("P0", "P1")


_decoder = msgspec.json.Decoder(State)


def to_json(state: State) -> bytes:
    """Encode for the conversations table."""
    return msgspec.json.encode(state)


def from_json(data: bytes | str) -> State:
    """Decode what `to_json` wrote. Raises `msgspec.ValidationError` if it is not a state."""
    return _decoder.decode(data)
