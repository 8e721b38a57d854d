"""The Book from its files: conversations, answers and crisis wording in YAML, tables in CSV, for one landlord.

Everything is read and validated before anything is refused, so that an author sees all issues of a Book at once.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from flows.issue import Issue
from flows.schema import (
    Book,
    FaqTopic,
    Flow,
    Forbidden,
    Helpline,
    Landlord,
    Paging,
    ProtocolText,
    SafetyText,
    Table,
    Text,
    Words,
)
from flows.source import Path_, Source, read
from flows.translations import Translations
from flows.translations import read as read_translations
from flows.upgrade import NotUpgradable, TooNew, upgrade

ROOT = Path(__file__).parent
LEFT = "left."
"""Begins the places of translations that belong to nothing any more."""
KINDS = ("bad-yaml", "repeated-key", "bad-schema", "duplicate", "missing-part")

T = TypeVar("T", bound=BaseModel)
_TEXTS: TypeAdapter[Any] = TypeAdapter(dict[str, Text])
_SAFETY: TypeAdapter[tuple[SafetyText, ...]] = TypeAdapter(tuple[SafetyText, ...])
_PROTOCOL: TypeAdapter[tuple[ProtocolText, ...]] = TypeAdapter(tuple[ProtocolText, ...])
_HELPLINES: TypeAdapter[tuple[Helpline, ...]] = TypeAdapter(tuple[Helpline, ...])


class BookError(Exception):
    """The Book cannot be used. `issues` say where and what to do; the message lists them, one a line."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        """Keep the issues."""
        super().__init__("\n".join(str(issue) for issue in issues))
        self.issues = tuple(issues)


def load_landlord(path: Path) -> Landlord:
    """Read one landlord's profile. Raises `BookError`."""
    pile = _Pile(translations=read_translations(path.parent.parent, ("landlords/translations",)))
    source = _current(read(path, path.parent.parent), pile)
    pile.translations.lay(source.data, f"landlord.{path.stem}")
    landlord = _validated(Landlord, source.data, source, pile)
    if landlord is None or pile.issues or pile.translations.issues:
        raise BookError([*pile.issues, *pile.translations.issues])
    return landlord


def load_book(landlord: Landlord, root: Path = ROOT) -> Book:
    """Read the whole Book for a landlord from the flows directory. Raises `BookError` with every issue found."""
    pile = _Pile(translations=read_translations(root))
    for path in sorted((root / "library").glob("*.yaml")):
        _take_library(_whole(path, root, pile), pile)
    for path in sorted((root / "faq").glob("*.yaml")):
        _take_topic(_whole(path, root, pile), pile)
    for path in sorted((root / "tables").glob("*.csv")):
        _take_table(path, path.relative_to(root).as_posix(), pile)
    for name, take in _SAFETY_FILES:
        if (root / "safety" / name).exists():
            take(_whole(root / "safety" / name, root, pile), pile)
    pile.issues += pile.translations.issues
    pile.places |= {f"{LEFT}{row.place}": (row.file, row.line) for row in pile.translations.left}
    return _bound(landlord, pile)


def _whole(path: Path, root: Path, pile: "_Pile") -> Source:
    """A file with its translations laid over it."""
    source = _current(read(path, root), pile)
    pile.translations.lay(source.data)
    return source


@dataclass
class _Pile:
    translations: Translations
    flows: dict[str, Flow] = field(default_factory=dict)
    topics: dict[str, FaqTopic] = field(default_factory=dict)
    texts: dict[str, Text] = field(default_factory=dict)
    safety: tuple[SafetyText, ...] = ()
    protocol: tuple[ProtocolText, ...] = ()
    paging: Paging = Paging()
    forbidden: Forbidden = Forbidden()
    helplines: tuple[Helpline, ...] = ()
    words: Words | None = None
    tables: dict[str, Table] = field(default_factory=dict)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)


def _current(source: Source, pile: _Pile) -> Source:
    pile.issues += source.issues
    if not isinstance(source.data, dict):
        if not source.issues:
            pile.issues.append(source.issue("bad-schema", (), "write `schema:` and the content as a mapping"))
        source.data = {}
        return source
    try:
        source.data = upgrade(source.data)
    except (TooNew, NotUpgradable) as error:
        pile.issues.append(source.issue("bad-schema", ("schema",), str(error)))
        source.data = {}
    return source


def _take_library(source: Source, pile: _Pile) -> None:
    if "flow" in source.data:
        _take_flow(source, pile)
    elif "texts" in source.data:
        _take_texts(source, pile)
    elif "words" in source.data:
        pile.words = _validated(Words, source.data["words"], source, pile, ("words",))
        _place(pile, source, "words", ("words",))
    elif source.data:
        pile.issues.append(source.issue("bad-schema", (), "begin the file with `flow:`, `texts:` or `words:`"))


def _take_flow(source: Source, pile: _Pile) -> None:
    flow = _validated(Flow, source.data, source, pile)
    if flow is None or _is_duplicate(flow.flow, pile.flows, source, pile):
        return
    pile.flows[flow.flow] = flow
    _place(pile, source, f"flows.{flow.flow}", ("flow",))
    for name in flow.states:
        _place(pile, source, f"flows.{flow.flow}.{name}", ("states", name))


def _take_texts(source: Source, pile: _Pile) -> None:
    try:
        texts = _TEXTS.validate_python(source.data["texts"])
    except ValidationError as error:
        pile.issues += _issues(error, source, ("texts",))
        return
    _place(pile, source, "texts", ("texts",))
    for name, text in texts.items():
        if not _is_duplicate(name, pile.texts, source, pile):
            pile.texts[name] = text
            _place(pile, source, f"texts.{name}", ("texts", name))


def _take_topic(source: Source, pile: _Pile) -> None:
    topic = _validated(FaqTopic, source.data, source, pile) if source.data else None
    if topic is not None and not _is_duplicate(topic.id, pile.topics, source, pile):
        pile.topics[topic.id] = topic
        _place(pile, source, f"faq.{topic.id}", ("id",))


def _take_safety(source: Source, pile: _Pile) -> None:
    try:
        pile.safety = _SAFETY.validate_python(source.data.get("texts", ()))
    except ValidationError as error:
        pile.issues += _issues(error, source, ("texts",))
    for index, entry in enumerate(pile.safety):
        _place(pile, source, f"safety.{entry.id}", ("texts", index))


def _take_protocol(source: Source, pile: _Pile) -> None:
    try:
        pile.protocol = _PROTOCOL.validate_python(source.data.get("texts", ()))
    except ValidationError as error:
        pile.issues += _issues(error, source, ("texts",))
    first = {entry.id for entry in pile.safety}
    for index, entry in enumerate(pile.protocol):
        _is_duplicate(entry.id, first, source, pile)
        _place(pile, source, f"safety.{entry.id}", ("texts", index))


def _take_helplines(source: Source, pile: _Pile) -> None:
    try:
        pile.helplines = _HELPLINES.validate_python(source.data.get("helplines", ()))
    except ValidationError as error:
        pile.issues += _issues(error, source, ("helplines",))
    for index, entry in enumerate(pile.helplines):
        _place(pile, source, f"helplines.{entry.id}", ("helplines", index))


def _take_paging(source: Source, pile: _Pile) -> None:
    paging = _validated(Paging, source.data.get("paging", {}), source, pile, ("paging",))
    pile.paging = paging or pile.paging
    _place(pile, source, "paging", ("paging",))


def _take_forbidden(source: Source, pile: _Pile) -> None:
    forbidden = _validated(Forbidden, source.data.get("forbidden", {}), source, pile, ("forbidden",))
    pile.forbidden = forbidden or pile.forbidden


_SAFETY_FILES: tuple[tuple[str, Callable[[Source, _Pile], None]], ...] = (
    ("texts.yaml", _take_safety),
    ("protocol.yaml", _take_protocol),
    ("paging.yaml", _take_paging),
    ("forbidden.yaml", _take_forbidden),
    ("helplines.yaml", _take_helplines),
)


def _is_duplicate(name: str, known: Any, source: Source, pile: _Pile) -> bool:
    if name in known:
        pile.issues.append(source.issue("duplicate", (), f"`{name}` is already in another file: rename or remove one"))
    return name in known


def _place(pile: _Pile, source: Source, where: str, path: Path_) -> None:
    pile.places[where] = (source.file, source.line(path))


def _take_table(path: Path, file: str, pile: _Pile) -> None:
    try:
        lines = [tuple(cell.strip() for cell in row) for row in csv.reader(_lines(path))]
    except (UnicodeDecodeError, csv.Error):
        pile.issues.append(Issue("bad-schema", "error", file, 0, file, "save it again, as CSV in UTF-8"))
        return
    columns = lines[0] if lines and any(lines[0]) else ()
    wrong = list(_table_faults(columns, lines[1:]))
    pile.issues += [Issue("bad-schema", "error", file, line, file, remedy) for line, remedy in wrong]
    pile.tables[path.stem] = Table(columns=columns, rows=tuple(row for row in lines[1:] if any(row)))


def _lines(path: Path) -> list[str]:
    """Spreadsheets mark UTF-8 at the start and end lines in their own ways."""
    return path.read_text(encoding="utf-8-sig").splitlines()


def _table_faults(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, str]]:
    if not columns:
        yield 1, "name the columns in the first line"
    if len(set(columns)) < len(columns):
        yield 1, "a column is named twice: keep one"
    for line, row in enumerate(rows, start=2):
        if columns and any(row) and len(row) != len(columns):
            yield line, f"give this row {len(columns)} columns, as the first line names them"


def _validated(model: type[T], data: Any, source: Source, pile: _Pile, under: Path_ = ()) -> T | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        pile.issues += _issues(error, source, under)
        return None


def _issues(error: ValidationError, source: Source, under: Path_) -> Iterator[Issue]:
    for problem in error.errors(include_url=False, include_input=False):
        yield source.issue("bad-schema", (*under, *problem["loc"]), f"{problem['msg']}: correct this part")


def _bound(landlord: Landlord, pile: _Pile) -> Book:
    if pile.words is None:
        remedy = "add library/words.yaml with the words that always work"
        pile.issues.append(Issue("missing-part", "error", "library/words.yaml", 0, "words", remedy))
    if pile.issues or pile.words is None:
        raise BookError(pile.issues)
    book = Book(
        landlord=landlord,
        flows=pile.flows,
        faq=tuple(pile.topics.values()),
        texts=pile.texts,
        words=pile.words,
        safety=pile.safety,
        protocol_texts=pile.protocol,
        paging=pile.paging,
        forbidden=pile.forbidden,
        helplines=pile.helplines,
        tables=pile.tables,
        places=pile.places,
    )
    return book.model_copy(update={"revision": revision_of(book)})


def revision_of(book: Book) -> str:
    """The SHA-256 of a Book's content, in hexadecimal: equal content, equal revision, wherever it was written."""
    content = book.model_dump(mode="json", exclude={"revision", "places"})
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
