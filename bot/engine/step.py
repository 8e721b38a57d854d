"""The engine: a function from where a conversation stands and what happened to where it stands next and what to do.

It reads no clock, makes no ids and touches nothing outside its arguments. What wins, in every state, is the order of
`_ORDER`. An author's mistake becomes a safe answer, a person and a report, never an exception.
"""

from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from bot.engine import staff
from bot.engine.always import always
from bot.engine.answering import (
    courtesy,
    edited,
    expected,
    fallback,
    faq,
    menu_label,
    misspelt_word,
    offered,
    without_words,
)
from bot.engine.asking import REMINDER
from bot.engine.consent import consent
from bot.engine.contact import change_subject
from bot.engine.crisis import answered, distress
from bot.engine.effects import CancelTimer, Effect, RecordSource, ReportAuthorError, SetConsent, SetReachable
from bot.engine.events import (
    AdvisorClaimed,
    AdvisorReplied,
    DeliveryFailed,
    Event,
    HandoffClosed,
    HandoffReturned,
    LevelSet,
    MessageReceived,
    NobodyCame,
    NobodyOnCall,
    PageAccepted,
    PageAcknowledged,
    StaffFact,
    TimerFired,
)
from bot.engine.greeting import greet, hear, offer_language
from bot.engine.state import State
from bot.engine.timers import fired, patience
from bot.engine.turn import AuthorError, Turn
from flows.schema import Book


def step(state: State, event: Event, book: Book) -> tuple[State, tuple[Effect, ...]]:
    """Move a conversation by one event.

    book: the Book of `state.revision`; any other while a flow is in progress ends that flow, because its states may
    mean something else there. Returns the next state and the effects in the order they are to be carried out.
    """
    turn = Turn(_adopted(state, book), event, book)
    match event:
        case MessageReceived():
            _guarded(turn, _message)
            _afterwards(turn)
        case TimerFired():
            _guarded(turn, fired)
        case DeliveryFailed():
            _not_delivered(turn, event)
        case _:
            _fact(turn, event)
    return turn.state, tuple(turn.effects)


def _fact(turn: Turn, event: StaffFact) -> None:
    """Something that people on our side did."""
    match event:
        case PageAccepted():
            staff.page_accepted(turn)
        case PageAcknowledged():
            staff.page_acknowledged(turn)
        case NobodyOnCall():
            staff.nobody_on_call(turn)
        case NobodyCame():
            staff.nobody_came(turn)
        case AdvisorClaimed():
            staff.claimed(turn)
        case AdvisorReplied():
            staff.replied(turn, event)
        case HandoffReturned():
            staff.returned(turn, event)
        case HandoffClosed():
            staff.closed(turn, event)
        case LevelSet():
            staff.level_set(turn, event)
        case _:
            assert_never(event)


def _adopted(state: State, book: Book) -> State:
    if state.revision == book.revision:
        return state
    return replace(state, revision=book.revision, stack=(), trail=(), aside=(), aside_slots={}, offered=())


def _guarded(turn: Turn, act: Callable[[Turn], None]) -> None:
    try:
        act(turn)
    except AuthorError as error:
        turn.change(stack=(), trail=(), aside=(), aside_slots={}, offered=())
        if turn.state.mode == "bot":
            turn.say("trouble")
        turn.hand_off("general", "P2", "author-error")
        turn.ask_for(ReportAuthorError(error.frame.flow, error.frame.state, error.problem))


def _message(turn: Turn) -> None:
    if turn.message.source:
        turn.ask_for(RecordSource(turn.message.source))
    if turn.message.kind == "group":
        turn.change(group=True)
    for act in _ORDER:
        if act(turn):
            return


def _reachability(turn: Turn) -> bool:
    kind = turn.message.kind
    if kind not in ("blocked", "unblocked"):
        return False
    turn.ask_for(SetReachable(kind == "unblocked"))
    return True


def _group(turn: Turn) -> bool:
    """Others read along in a group, so it gets one polite refusal, ever."""
    if turn.message.kind != "group":
        return False
    if not turn.state.group_refused:
        turn.change(group_refused=True)
        turn.say("group_refusal")
    return True


def _advisor(turn: Turn) -> bool:
    """While a person has the conversation, the bot is silent."""
    return turn.state.mode == "advisor"


_ORDER: tuple[Callable[[Turn], bool], ...] = (
    _reachability,
    hear,
    consent,
    change_subject,
    distress,
    _group,
    answered,
    _advisor,
    greet,
    always,
    edited,
    without_words,
    offered,
    expected,
    menu_label,
    courtesy,
    misspelt_word,
    faq,
    fallback,
)


def _afterwards(turn: Turn) -> None:
    """What holds whatever was answered: a stopped tenant is told so once, a reminder follows its flow."""
    spoke = turn.texts > 0 and turn.state.mode == "bot" and turn.message.kind in ("message", "edit", "button")
    if spoke and turn.state.stopped and not turn.state.told_stopped and not _just_stopped(turn):
        turn.change(told_stopped=True)
        turn.say("still_stopped")
    if spoke and not turn.message.understood.signal.urgent:
        offer_language(turn)
    if turn.state.reminding and patience(turn) is None:
        turn.change(reminding=False)
        turn.ask_for(CancelTimer(REMINDER))


def _just_stopped(turn: Turn) -> bool:
    return SetConsent(stopped=True) in turn.effects


def _not_delivered(turn: Turn, event: DeliveryFailed) -> None:
    """Keep what the provider told us; somebody in danger whom we cannot reach is a person's business at once."""
    if event.outcome == "opted_out":
        turn.change(stopped=True)
        turn.ask_for(SetConsent(stopped=True))
    if event.outcome == "unreachable":
        turn.ask_for(SetReachable(False))
    if turn.state.urgent:
        turn.hand_off("crisis", turn.state.level, "answer-not-delivered", {"outcome": event.outcome})
