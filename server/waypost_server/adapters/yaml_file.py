"""YAML whose errors name file and line."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from waypost_server.adapters.text_file import problem_at, read_text

_TEXT = "tag:yaml.org,2002:str"

MAX_BYTES = 2**20
MAX_VALUES = 100_000
"""Each of the two is a minute of PyYAML's scanner, which is Python: no folder is worth more."""

MAX_DEPTH = 100
"""The scanner's time grows with the square of it."""

MAX_DIGITS = 400
"""Of a whole number: the largest float has 309, and more than 4,300 Python would not write out."""


@dataclass(frozen=True)
class YamlFile:
    """A file's value, and where each part of it stands."""

    path: Path
    value: Any
    _lines: dict[tuple[Hashable, ...], int]

    def line_of(self, location: Sequence[int | str]) -> int:
        """Line, from 1, of the value at a path of keys and positions, or of its nearest parent."""
        parts = tuple(location)
        while parts not in self._lines and parts:
            parts = parts[:-1]
        return self._lines.get(parts, 1)

    def problem(self, location: Sequence[int | str], text: str) -> str:
        """A problem with the value at `location`, as a sentence that names file and line."""
        return f"{self.path}:{self.line_of(location)}: {text}"


def read_yaml(path: Path, *, most_values: int = MAX_VALUES) -> YamlFile:
    """Reads a YAML file whose top is a mapping; raises FileProblems."""
    text = read_text(path, most=MAX_BYTES)
    try:
        loader = _Loader(text, path, most_values)
        node = loader.get_single_node()
        if node is None:
            return YamlFile(path, {}, {})
        lines = dict(_walk(path, node, ()))
        value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise problem_at(path, line, f"this is not YAML: {error.problem}; mend it") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        code = f"U+{ord(text[error.position]):04X}"
        raise problem_at(path, line, f"{code} may not stand in YAML; remove it") from None
    except (yaml.YAMLError, ValueError) as error:
        raise problem_at(path, 1, f"this is not YAML: {error}; mend it") from None
    if value is None:
        return YamlFile(path, {}, {})
    if not isinstance(value, dict):
        raise problem_at(path, 1, "the file must be a mapping, `key: value` on each line")
    return YamlFile(path, value, lines)


class _Loader(yaml.SafeLoader):
    """Refuses what would take all memory, or hours, where it first stands."""

    def __init__(self, text: str, path: Path, most_values: int) -> None:
        super().__init__(text)
        self._path = path
        self._left = most_values
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401  (PyYAML's)
        """The next value."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            # A few aliases of aliases are enough to fill all memory, and no setting needs one.
            text = f"alias *{event.anchor}: write the value out instead"
            raise problem_at(self._path, line, text)
        self._left -= 1
        if self._left < 0:
            text = "the file has too many values; shorten it"
            raise problem_at(self._path, line, text)
        if self._depth == MAX_DEPTH:
            raise problem_at(self._path, line, "values are nested too deeply; write them flatter")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number."""
        if len(node.value) > MAX_DIGITS:
            text = f"a number has more than {MAX_DIGITS} digits; shorten it"
            raise problem_at(self._path, node.start_mark.line + 1, text)
        return super().construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _walk(
    path: Path, node: yaml.Node, location: tuple[Hashable, ...]
) -> Iterator[tuple[tuple[Hashable, ...], int]]:
    yield location, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if problem := _key_problem(key, seen):
                raise problem_at(path, line, problem)
            seen.add(key.value)
            yield from _walk(path, value, (*location, key.value))
            yield (*location, key.value), line
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from _walk(path, item, (*location, i))
    elif not _is_unicode(node.value):
        raise problem_at(path, node.start_mark.line + 1, "a lone surrogate stands here; remove it")


def _key_problem(key: yaml.Node, seen: set[str]) -> str | None:
    if key.tag != _TEXT:
        return "a key here is not text to YAML; put it in quotes"
    if not _is_unicode(key.value):
        return "a lone surrogate stands in a key here; remove it"
    if key.value in seen:
        return f"key {key.value!r} stands twice; keep one"
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
