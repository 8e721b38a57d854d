"""Approved answers from the FAQ, and the numbered questions that stand outside any flow.

A choice of such a question is known by its id alone: `faq:` gives an answer, `flow:` starts a flow, `word:` is a word
that always works, or "none". Its buttons therefore work at any later time.
"""

from collections.abc import Sequence

from bot.engine import crisis
from bot.engine.effects import Choice
from bot.engine.reading import answers, read_choice
from bot.engine.turn import Turn
from flows.folding import fold
from flows.schema import MAX_SLOT_CHARACTERS, Escalation, FaqTopic, Text

NONE = "word:none"
PERSON = "word:person"
AMONG = "did_you_mean"
ABOUT_ONE = "is_it_about"
STILL_READ = 600.0
"""Seconds during which an answer is taken for what the tenant still has before them."""


def give_topic(turn: Turn, topic: FaqTopic) -> None:
    """Say an approved answer, and put a person on the line where the words that led to it (`said`) ask for one."""
    turn.change(last_answer=topic.id, misses=0)
    if topic.concern is not None:
        entry = turn.book.crisis.get(topic.concern)
        return crisis.respond(turn, (topic.concern,), entry.level if entry else "P0")
    turn.say(topic.answer_in(turn.book.landlord.nation))
    for rule in topic.escalate_on:
        if _applies(turn, rule):
            return _escalate(turn, topic, rule)
    return None


def _applies(turn: Turn, rule: Escalation) -> bool:
    said = f" {fold(turn.state.said)} "
    return not rule.words or any(f" {fold(word)} " in said for words in rule.words.values() for word in words)


def _escalate(turn: Turn, topic: FaqTopic, rule: Escalation) -> None:
    turn.say("passed_on")
    turn.hand_off(rule.queue, rule.level, topic.id)


def offer(turn: Turn, question: str, choices: Sequence[str], said: str) -> None:
    """Ask a numbered question outside any flow. said: the tenant's words that led to it."""
    turn.change(offered=tuple(choices), offer=question, said=said[:MAX_SLOT_CHARACTERS])
    offer_again(turn)


def offer_again(turn: Turn) -> None:
    """Put the numbered question outside any flow, for the first time or once more."""
    state = turn.state
    labels = [Choice(name, turn.words(_label(turn, name, state.offer))) for name in state.offered]
    topic = turn.book.topics.get(state.offered[0].removeprefix("faq:"))
    about = {"title": turn.words(topic.title)} if topic is not None else {}
    entry = turn.book.protocol.get(state.offer)
    question = state.offer if entry is None else entry.text_in(turn.book.landlord.nation)
    turn.say(question, labels, menu=state.offer.replace("_", "-"), extra=about)
    turn.change(asked_at=turn.event.at, asked="")


def say_again(turn: Turn) -> None:
    """Say in a language just chosen what came last in another: the approved answer, and the question below it."""
    state = turn.state
    topic = turn.book.topics.get(state.last_answer)
    lately = turn.event.at - state.first_told < STILL_READ and state.offer != "same_answer"
    if topic is not None and topic.concern is None and lately:
        turn.say(topic.answer_in(turn.book.landlord.nation))
    if state.offered:
        offer_again(turn)


def read_offered(turn: Turn) -> str | None:
    """The offered choice that the message means. A button's id is enough by itself.

    A clear question ("no power in my flat") counts for more than a word of it that would also answer ours.
    """
    message, words = turn.message, turn.book.words
    if message.choice is not None:
        return message.choice if is_global(turn, message.choice) else None
    options = answers((name, _says(turn, name)) for name in turn.state.offered)
    found = read_choice(turn.said, options, words)
    if found is None or (not found.sure and message.understood.faq.answer):
        return None
    return found.id


def is_global(turn: Turn, choice: str) -> bool:
    """Whether a choice means the same wherever it is tapped, in this Book."""
    kind, _, name = choice.partition(":")
    known = {"faq": turn.book.topics, "flow": turn.book.flows, "word": ("none", "person")}.get(kind, ())
    return name in known


def _says(turn: Turn, choice: str) -> list[str]:
    words = turn.book.words
    kind = choice.partition(":")[0]
    agrees = kind == "flow" or choice == PERSON or (kind == "faq" and turn.state.offer == ABOUT_ONE)
    plain = words.folded("yes") if agrees else words.folded("no") if choice == NONE else ()
    labels = [_label(turn, choice, question) for question in (AMONG, turn.state.offer)]
    return [*(wording.default for label in labels for wording in label.values()), *plain]


def _label(turn: Turn, choice: str, question: str) -> Text:
    kind, _, name = choice.partition(":")
    texts = turn.book.texts
    if kind == "faq":
        return texts["label_yes"] if question == ABOUT_ONE else turn.book.topics[name].title
    if kind == "flow":
        return texts["label_yes"]
    if choice == PERSON:
        return texts["label_person"]
    return texts["none_of_these" if question == AMONG else "label_no"]
