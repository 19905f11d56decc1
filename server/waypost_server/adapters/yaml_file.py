"""YAML whose errors name file and line."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from waypost_server.adapters.text_file import problem_at, read_text

_TEXT = "tag:yaml.org,2002:str"


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


def read_yaml(path: Path) -> YamlFile:
    """Reads a YAML file whose top is a mapping; raises FileProblems."""
    text = read_text(path)
    try:
        _refuse_aliases(path, text)
        loader = yaml.SafeLoader(text)
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
    except RecursionError:
        raise problem_at(path, 1, "values are nested too deeply; write them flatter") from None
    except (yaml.YAMLError, ValueError) as error:
        raise problem_at(path, 1, f"this is not YAML: {error}; mend it") from None
    if value is None:
        return YamlFile(path, {}, {})
    if not isinstance(value, dict):
        raise problem_at(path, 1, "the file must be a mapping, `key: value` on each line")
    return YamlFile(path, value, lines)


def _refuse_aliases(path: Path, text: str) -> None:
    """A few aliases of aliases are enough to fill all memory, and no setting needs one."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise problem_at(path, line, f"alias *{event.anchor}: write the value out instead")


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
