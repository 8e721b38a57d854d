"""YAML read with its line numbers, and with every plain word left a word: `no` is an answer here and never false."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from flows.issue import Issue

Path_ = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null"})


@dataclass
class Source:
    """A file's content, where each part of it begins (line from 1), and what could not be read."""

    file: str
    data: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    def line(self, path: Path_) -> int:
        """The line of a part, or of the nearest part around it. Names that pydantic adds to a path are passed over."""
        known: Path_ = ()
        for name in path:
            if (*known, name) in self.lines:
                known = (*known, name)
        return self.lines.get(known, 1)

    def issue(self, kind: str, path: Path_, remedy: str) -> Issue:
        """An error at a part of this file."""
        where = ".".join(str(name) for name in path) or self.file
        return Issue(kind, "error", self.file, self.line(path), where, remedy)


def read(path: Path, root: Path) -> Source:
    """Read one YAML file. What is wrong with it is in `issues`, and `data` is then what could be read."""
    source = Source(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        source.issues.append(_unreadable(source, error))
        return source
    source.data = _plain(node, (), source)
    return source


def _unreadable(source: Source, error: Exception) -> Issue:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or type(error).__name__
    remedy = f"make it valid YAML in UTF-8: {problem}"
    return Issue("bad-yaml", "error", source.file, mark.line + 1 if mark else 0, source.file, remedy)


def _plain(node: Any, path: Path_, source: Source) -> Any:
    if node is None:
        return None
    source.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, source)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, index), source) for index, item in enumerate(node.value)]
    # Plain scalars have the style None or "", after which of the two YAML readers is at hand.
    return None if not node.style and node.value in _NULLS else node.value


def _mapping(node: Any, path: Path_, source: Source) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        place = (*path, name)
        source.lines[place] = key.start_mark.line + 1
        if name in content:
            source.issues.append(source.issue("repeated-key", place, f"`{name}` is written twice: keep one"))
        content[name] = _plain(value, place, source)
    return content
