"""Every text of a Book with the place it stands at, for whoever has to look at all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from flows.folding import fold
from flows.schema import BASE_LANGUAGE, COMPUTED, PLACEHOLDER, Ask, Book, Flow, Handoff, Say, Text

EXTRA = {
    "texts.language_offer": ("language", "word"),
    "texts.carry_on": ("title",),
    "texts.is_it_about": ("title",),
}
"""Placeholders that the engine fills for one text only."""


@dataclass(frozen=True)
class Spot:
    """A text and where it stands.

    flow: whose slots it may name. label: a button or title rather than a message. nation: the only one it is for.
    """

    where: str
    text: Text
    flow: str = ""
    label: bool = False
    nation: str = ""

    @property
    def extra(self) -> frozenset[str]:
        """Placeholders that the engine fills here."""
        return COMPUTED | frozenset(EXTRA.get(self.where, ()))


def spots(book: Book) -> Iterator[Spot]:
    """All texts that tenants may read, in the order of the Book."""
    for name, text in book.texts.items():
        yield Spot(f"texts.{name}", text)
    for flow in book.flows.values():
        yield from _flow_spots(flow)
    for topic in book.faq:
        yield Spot(f"faq.{topic.id}.title", topic.title, label=True)
        yield Spot(f"faq.{topic.id}.answer", topic.answer)
        for nation, text in topic.nations.items():
            yield Spot(f"faq.{topic.id}.answer.{nation}", text, nation=nation)
    for entry in book.safety:
        yield Spot(f"safety.{entry.id}", entry.text)
        for nation, text in entry.nations.items():
            yield Spot(f"safety.{entry.id}.{nation}", text, nation=nation)
    for said in book.protocol_texts:
        yield Spot(f"safety.{said.id}", said.text)
        for nation, text in said.nations.items():
            yield Spot(f"safety.{said.id}.{nation}", text, nation=nation)
        for choice in said.choices:
            yield Spot(f"safety.{said.id}.choices.{choice.id}", choice.label, label=True)


def _flow_spots(flow: Flow) -> Iterator[Spot]:
    prefix = f"flows.{flow.flow}"
    yield Spot(f"{prefix}.title", flow.title, flow.flow, label=True)
    if flow.patience is not None:
        yield Spot(f"{prefix}.patience", flow.patience.text, flow.flow)
    for name, state in flow.states.items():
        if isinstance(state, Say | Ask | Handoff) and state.text is not None:
            yield Spot(f"{prefix}.{name}.text", state.text, flow.flow)
        if isinstance(state, Ask):
            if state.again is not None:
                yield Spot(f"{prefix}.{name}.again", state.again, flow.flow)
            for choice in state.choices:
                yield Spot(f"{prefix}.{name}.choices.{choice.id}", choice.label, flow.flow, label=True)


def placeholders(text: Text) -> frozenset[str]:
    """Names in braces in any language and channel of a text."""
    said = (part for word in text.values() for part in (word.default, word.sms, word.whatsapp, word.telegram) if part)
    return frozenset(name for part in said for name in PLACEHOLDER.findall(part))


def filled(book: Book, text: Text, language: str, channel: str) -> str:
    """A text as a tenant would read it, with the landlord's values; what only a conversation knows stays in braces."""
    wording = text.get(language) or text[BASE_LANGUAGE]
    return PLACEHOLDER.sub(lambda found: book.landlord.value(found[1], language) or found[0], wording.on(channel))


def folded_choices(state: Ask) -> Iterator[tuple[str, str, str]]:
    """Every way to say each choice of a question: (choice id, its target, folded words), each once."""
    for choice in state.choices:
        says = [wording.default for wording in choice.label.values()]
        says += [word for words in choice.words.values() for word in words]
        for said in dict.fromkeys(map(fold, says)):
            yield choice.id, choice.to, said
