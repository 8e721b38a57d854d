"""Questions: how they are put, which answers they know already, and how an answer is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.effects import Choice as Button
from bot.engine.effects import StartTimer
from bot.engine.hours import local
from bot.engine.reading import (
    Answer,
    Read,
    answers,
    choice_inside,
    is_question,
    read_choice,
    read_date,
    read_number,
    read_phone,
    read_postcode,
)
from bot.engine.turn import Turn
from flows.schema import MAX_SLOT_CHARACTERS, Ask, Choice, Text, Wording

REMINDER = "remind"
SET_ASIDE = "set-aside"
_HOUR = 3600.0


@dataclass(frozen=True)
class Given:
    """An answer and where it leads. `sure` is False for one that was guessed from a longer or misspelt message."""

    value: str
    to: str
    sure: bool = True


def ask(turn: Turn, *, again: bool = False) -> None:
    """Put the question of the present state, reworded if it is put again, and set the reminder its flow wants."""
    state = turn.asking()
    if state is None:
        return
    frame = turn.state.stack[-1]
    choices = buttons(turn, state)
    reworded = state.again if again and state.again is not None else state.text
    turn.say(reworded, choices, menu=f"{frame.flow}.{frame.state}" if choices else None)
    turn.change(asked_at=turn.event.at, asked="")
    if not turn.state.urgent and not turn.state.suppressed:
        _remind_later(turn)


def _remind_later(turn: Turn) -> None:
    for frame in turn.state.stack:
        patience = turn.book.flows[frame.flow].patience
        if patience is not None:
            turn.ask_for(StartTimer(REMINDER, turn.event.at + patience.remind_after_hours * _HOUR))
            turn.change(reminding=True)
            return


def buttons(turn: Turn, state: Ask) -> tuple[Button, ...]:
    """The choices below a question. Their ids name flow and state, so that an old button is known for what it is."""
    frame = turn.state.stack[-1]
    prefix = f"{frame.flow}.{frame.state}:"
    return tuple(Button(f"{prefix}{name}", turn.words(label)) for name, label, _ in _options(turn, state))


def known_target(turn: Turn, state: Ask) -> str | None:
    """Where to go without asking: the slot is filled, or words already given name exactly one choice."""
    value = turn.state.slots.get(state.slot or "", "")
    if state.known and value:
        return _target(state, value)
    for source in state.infer_from:
        found = choice_inside(turn.state.slots.get(source, ""), _answers(turn, state))
        if found and state.slot:
            turn.change(slots={**turn.state.slots, state.slot: found})
            return _target(state, found)
    return None


def _target(state: Ask, value: str) -> str | None:
    for choice in state.choices:
        if choice.id == value:
            return choice.to
    return {"yes": state.yes, "no": state.no, "skip": state.skip}.get(value) or state.to


def read_answer(turn: Turn, state: Ask) -> Given | None:
    """What the present message says to the question, or None when it says something else."""
    message = turn.message
    if message.choice is not None:
        return _tapped(turn, state, message.choice)
    found = _read_listed(turn, state, turn.said)
    if found is not None:
        return Given(found.id, _target(state, found.id) or "", found.sure)
    if state.expects == "picture" and set(message.media) & {"picture", "video", "document"}:
        return Given("sent", state.to or "")
    if state.expects == "text" or state.open:
        return _read_words(turn, state)
    value = _read_value(turn, state)
    return Given(value, state.to or "") if value else None


def read_begun(turn: Turn, state: Ask, text: str) -> Given | None:
    """A listed choice that the beginning of a longer message names exactly, where not any words will do."""
    if turn.message.choice is not None or state.open or state.expects not in ("choice", "yesno"):
        return None
    found = _read_listed(turn, state, text)
    return Given(found.id, _target(state, found.id) or "") if found is not None and found.sure else None


def _tapped(turn: Turn, state: Ask, choice: str) -> Given | None:
    frame = turn.state.stack[-1]
    prefix, _, name = choice.partition(":")
    if prefix != f"{frame.flow}.{frame.state}" or name not in {option for option, _, _ in _options(turn, state)}:
        return None
    return Given(name, _target(state, name) or "")


def _read_listed(turn: Turn, state: Ask, text: str) -> Read | None:
    """One of the listed choices. Only an exact one counts where any words would be an answer too."""
    options = _answers(turn, state)
    found = read_choice(text, options, turn.book.words)
    free = state.open or state.expects == "text"
    if found is not None and free and not found.sure:
        return None
    digits = state.expects in ("number", "date", "phone") and text.strip().isdecimal()
    return None if digits and not state.choices else found


def _read_words(turn: Turn, state: Ask) -> Given | None:
    """Any words will do, but a greeting is not an answer, and neither is a question that the FAQ knows."""
    text = turn.message.text[:MAX_SLOT_CHARACTERS].strip()
    words, faq = turn.book.words, turn.message.understood.faq
    if not turn.said or turn.said in words.folded("hello"):
        return None
    if faq.answer and is_question(text, words):
        return None
    return Given(text, state.to or "")


def _read_value(turn: Turn, state: Ask) -> str | None:
    text = turn.message.text[:MAX_SLOT_CHARACTERS]
    if state.expects == "number":
        return read_number(text, state.minimum, state.maximum)
    if state.expects == "postcode":
        return read_postcode(text)
    if state.expects == "phone":
        return read_phone(text)
    if state.expects == "date":
        return read_date(text, local(turn.book.landlord, turn.event.at).date(), turn.book.words)
    return None


def _answers(turn: Turn, state: Ask) -> tuple[Answer, ...]:
    return answers((name, [*_every_wording(label), *extra]) for name, label, extra in _options(turn, state))


def _options(turn: Turn, state: Ask) -> list[tuple[str, Text, Sequence[str]]]:
    """All choices of a question in order: (id, label, other words)."""
    words, texts = turn.book.words, turn.book.texts
    options = [(choice.id, choice.label, _other_words(choice)) for choice in state.choices]
    if state.choices_from == "languages":
        options += [(tag, _own_name(turn, tag), words.languages[tag].words) for tag in turn.book.landlord.languages]
    if state.expects == "yesno":
        options += [
            ("yes", texts["label_yes"], tuple(words.folded("yes"))),
            ("no", texts["label_no"], tuple(words.folded("no"))),
        ]
    if state.skip is not None:
        options.append(("skip", texts["label_skip"], tuple(words.folded("skip"))))
    return options


def _own_name(turn: Turn, tag: str) -> Text:
    return {tag: Wording(default=turn.book.words.languages[tag].name)}


def _other_words(choice: Choice) -> Sequence[str]:
    return [word for words in choice.words.values() for word in words]


def _every_wording(label: Text) -> list[str]:
    return [wording.default for wording in label.values()]
