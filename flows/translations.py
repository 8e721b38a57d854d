"""Translations: one CSV for each language, which a translator opens in a spreadsheet, laid over the English of the YAML.

A row is `place,text,source,reviewed_by`. The place is the one that `flows.texts.spots` gives, with `@sms` behind it for the
words of one channel only; lists of words are separated by ` | `. The source is the fingerprint of the English that was
translated, so that a change of the English is noticed. Crisis wording has files of its own under `safety/`, because two
people sign it.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from flows.issue import Issue

COLUMNS = ("place", "text", "source", "reviewed_by")
FOLDERS = ("translations", "safety/translations")
SEPARATOR = " | "
ALTERNATIVES = "/"
"""Between the words for one place in a list ("one/first")."""
_LISTS = (".words", ".examples")
_SINGLE = frozenset({"today", "tomorrow", "weekday", "morning", "afternoon", "on_date"})


class Row(NamedTuple):
    """One translated text or list. line: in its file, from 1."""

    place: str
    text: str
    source: str
    reviewed_by: str
    language: str = ""
    file: str = ""
    line: int = 0


@dataclass
class Translations:
    """All rows by place, and what was wrong with the files."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    def lay(self, data: dict[str, Any], prefix: str = "") -> None:
        """Put the rows that belong to a file's content into it, as if its author had written them there.

        data: the content of one YAML file. prefix: only needed where the content does not name itself (`landlord.x`).
        """
        for place, target in _targets(data, prefix):
            for row in self.rows.pop(place, ()):
                _put(target, row, self)
            for channel in ("sms", "whatsapp", "telegram"):
                for row in self.rows.pop(f"{place}@{channel}", ()):
                    _put_variant(target, row, channel, self)

    @property
    def left(self) -> Iterator[Row]:
        """Rows whose place no file has."""
        return (row for rows in self.rows.values() for row in rows)


def fingerprint(text: str) -> str:
    """A short hash of an English text, kept with its translation to notice when the English has moved on."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def is_list(place: str) -> bool:
    """Whether a place holds words that tenants type rather than a text that they read."""
    if place.startswith("words.calendar."):
        return place.rsplit(".", 1)[1] not in _SINGLE
    return place.startswith("words.") or place.endswith(_LISTS)


def read(root: Path, folders: Iterable[str] = FOLDERS) -> Translations:
    """Read every language's files below the flows directory. A file that cannot be read is an issue."""
    found = Translations()
    for folder in folders:
        for path in sorted((root / folder).glob("*.csv")):
            for row in rows_of(path, path.relative_to(root).as_posix(), found.issues):
                found.rows.setdefault(row.place, []).append(row)
    return found


def rows_of(path: Path, file: str, issues: list[Issue]) -> Iterator[Row]:
    """The rows of one language's file; what is wrong with it is added to `issues`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            if tuple(next(reader, ())) != COLUMNS:
                issues.append(_bad(file, 1, f"begin it with the columns {','.join(COLUMNS)}"))
                return
            for cells in reader:
                if len(cells) == len(COLUMNS) and cells[0] and cells[1].strip():
                    place, text, source, reviewed_by = cells
                    yield Row(place, text, source, reviewed_by, path.stem, file, reader.line_num)
                elif any(cells):
                    issues.append(
                        _bad(file, reader.line_num, f"give this row a place, a text and {len(COLUMNS)} columns")
                    )
    except (UnicodeDecodeError, csv.Error):
        issues.append(_bad(file, 0, "save it again, as CSV in UTF-8"))


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write one language's file, whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row[: len(COLUMNS)] for row in rows)
    partial.replace(path)


def english(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every place of a YAML file's content with its English: what there is to translate, variants of a channel included."""
    for place, target in _targets(data, prefix):
        own = _mapping(target).get("en")
        if place.startswith("words.calendar."):
            own = _mapping(own).get(place.rsplit(".", 1)[1])
        if isinstance(own, dict):
            yield place, str(own.get("default", ""))
            for channel in ("sms", "whatsapp", "telegram"):
                if channel in own:
                    yield f"{place}@{channel}", str(own[channel])
        elif own:
            yield place, own if isinstance(own, str) else SEPARATOR.join(map(_joined, own))


def _joined(part: object) -> str:
    return ALTERNATIVES.join(map(str, part)) if isinstance(part, list) else str(part)


def _bad(file: str, line: int, remedy: str) -> Issue:
    return Issue("bad-schema", "error", file, line, file, remedy)


def _put(target: Any, row: Row, all_: Translations) -> None:
    if not isinstance(target, dict) or not _is_free(target, row, all_):
        return
    if row.place.startswith("words.calendar."):
        name = row.place.rsplit(".", 1)[1]
        target.setdefault(row.language, {})[name] = row.text if name in _SINGLE else _split(row.text)
    elif row.place == "words.positions":
        target[row.language] = [place.split(ALTERNATIVES) for place in _split(row.text)]
    elif is_list(row.place):
        target[row.language] = _split(row.text)
    else:
        target[row.language] = {
            "default": row.text,
            "source": row.source or None,
            "reviewed_by": row.reviewed_by or None,
        }
        if row.place.startswith("landlord."):
            target[row.language] = row.text


def _is_free(target: Mapping[str, Any], row: Row, all_: Translations) -> bool:
    calendar = row.place.startswith("words.calendar.")
    taken = row.language in target and not calendar
    if taken:
        remedy = f"{row.language} is also written beside the English or twice here: keep one"
        all_.issues.append(Issue("duplicate", "error", row.file, row.line, row.place, remedy))
    return not taken


def _put_variant(target: Any, row: Row, channel: str, all_: Translations) -> None:
    own = target.get(row.language) if isinstance(target, dict) else None
    if isinstance(own, dict):
        own[channel] = row.text
    else:
        remedy = f"translate {row.place.split('@')[0]} itself too: this is only for {channel}"
        all_.issues.append(Issue("bad-schema", "error", row.file, row.line, row.place, remedy))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(SEPARATOR.strip()) if part.strip()]


def _targets(data: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Each place of a file's content, with the mapping by language that stands there."""
    if prefix.startswith("landlord."):
        for name, fact in _mapping(data.get("facts")).items():
            yield f"{prefix}.{name}", fact
    elif "examples" in data:
        yield from _topic_targets(f"faq.{data.get('id')}", data)
    elif "flow" in data:
        yield from _flow_targets(f"flows.{data['flow']}", data)
    elif "words" in data:
        yield from _word_targets(_mapping(data["words"]))
    elif isinstance(data.get("texts"), list):
        yield from _safety_targets(data["texts"])
    elif "texts" in data:
        for name, text in _mapping(data["texts"]).items():
            yield f"texts.{name}", text


def _flow_targets(name: str, data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield f"{name}.title", data.get("title")
    yield f"{name}.patience", _mapping(data.get("patience")).get("text")
    for state_name, state in _mapping(data.get("states")).items():
        state = _mapping(state)
        yield f"{name}.{state_name}.text", state.get("text")
        yield f"{name}.{state_name}.again", state.get("again")
        yield from _choice_targets(f"{name}.{state_name}", state)
        for case, phrases in _mapping(state.get("words")).items():
            yield f"{name}.{state_name}.cases.{case}.words", phrases


def _choice_targets(name: str, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for choice in _items(data.get("choices")):
        yield f"{name}.choices.{choice.get('id')}", choice.get("label")
        # A choice with a clear label needs no English words, and may still need some in other languages.
        yield f"{name}.choices.{choice.get('id')}.words", choice.setdefault("words", {})


def _topic_targets(name: str, data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield f"{name}.title", data.get("title")
    yield f"{name}.answer", data.get("answer")
    yield f"{name}.examples", data.get("examples")
    for nation, text in _mapping(data.get("nations")).items():
        yield f"{name}.answer.{nation}", text
    for place, rule in enumerate(_items(data.get("escalate_on"))):
        yield f"{name}.escalate.{place}.words", rule.get("words")


def _safety_targets(entries: list[Any]) -> Iterator[tuple[str, Any]]:
    for entry in _items(entries):
        name = f"safety.{entry.get('id')}"
        yield name, entry.get("text")
        for nation, text in _mapping(entry.get("nations")).items():
            yield f"{name}.{nation}", text
        if "choices" in entry:
            yield from _choice_targets(name, entry)


def _word_targets(words: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for kind, content in words.items():
        if kind in ("always", "consent"):
            for word, phrases in _mapping(content).items():
                yield f"words.{kind}.{word}", phrases
        elif kind == "calendar":
            for name in ("days", "months", *sorted(_SINGLE)):
                yield f"words.calendar.{name}", content
        else:
            yield f"words.{kind}", content


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
