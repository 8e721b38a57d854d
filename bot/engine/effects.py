"""What a step asks for. An effect is an imperative; the service carries out all of a step's in one transaction."""

from typing import Literal

from msgspec import Struct


class Choice(Struct, frozen=True):
    """One button or numbered line under a text."""

    id: str
    label: str


class SendText(Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """Say approved words. `purpose` decides what happens when their delivery is in doubt.

    template: approved WhatsApp template to use when the 24-hour window has closed. menu: name of the question.
    media_url: a signed address of a file to send along.
    """

    text: str
    language: str
    choices: tuple[Choice, ...] = ()
    purpose: Literal["crisis", "reply", "proactive"] = "reply"
    template: str | None = None
    menu: str | None = None
    media_url: str | None = None


class OpenHandoff(Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """Put the conversation into a queue for a person, with what the tenant has already told us.

    tentative: only the statistical reader thinks that it is urgent, so that nobody is paged for it.
    """

    queue: str
    level: Literal["P0", "P1", "P2", "P3"]
    reason: str
    fields: dict[str, str]
    tentative: bool = False


class StartTimer(Struct, frozen=True, tag=True):
    """Fire `name` at `due_at` (POSIX seconds). Starting a running name moves it."""

    name: str
    due_at: float


class CancelTimer(Struct, frozen=True, tag=True):
    """Forget the timer called `name`; nothing happens if there is none."""

    name: str


class SetLanguage(Struct, frozen=True, tag=True):
    """Remember the tenant's language (BCP 47)."""

    language: str


class SetConsent(Struct, frozen=True, tag=True):
    """Record that the tenant stopped, or started again, what we send of our own accord."""

    stopped: bool


class SetReachable(Struct, frozen=True, tag=True):
    """Record that the tenant blocked or unblocked us."""

    reachable: bool


class RecordField(Struct, frozen=True, tag=True):
    """Keep something the tenant told us, under a name the flow chose."""

    name: str
    value: str


class RecordSource(Struct, frozen=True, tag=True):
    """Keep where the tenant found us (a deep link's payload or a leaflet's keyword)."""

    source: str


class RecordMiss(Struct, frozen=True, tag=True):
    """A message was not understood at this place. The message itself is found by the event's id, never copied."""

    flow: str
    state: str


class ReportAuthorError(Struct, frozen=True, tag=True):
    """A flow is wrong at this place. The tenant already has a safe answer and a person."""

    flow: str
    state: str
    problem: str


Effect = (
    SendText
    | OpenHandoff
    | StartTimer
    | CancelTimer
    | SetLanguage
    | SetConsent
    | SetReachable
    | RecordField
    | RecordSource
    | RecordMiss
    | ReportAuthorError
)
