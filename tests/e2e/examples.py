"""The fenced blocks of README.md, CONTRIBUTING.md and docs/, and how a shell's lines are read."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}:{self.language}"


@dataclass(frozen=True)
class Command:
    """A line of a shell's block: what it sets, and what it calls."""

    settings: dict[str, str]
    words: tuple[str, ...]


def blocks_of(repo: Path) -> tuple[Block, ...]:
    """All of them, page by page."""
    pages = (repo / "README.md", repo / "CONTRIBUTING.md", *sorted((repo / "docs").rglob("*.md")))
    return tuple(
        Block(
            page=page.relative_to(repo).as_posix(),
            line=text.count("\n", 0, found.start()) + 1,
            language=found[2],
            text=re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE),
        )
        for page in pages
        if "node_modules" not in page.parts
        for text in (page.read_text("utf-8"),)
        for found in FENCE.finditer(text)
    )


def commands_of(text: str) -> Iterator[Command]:
    """The commands of a block, with what was exported before each."""
    exported: dict[str, str] = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["export"]:
            exported |= dict(_assignment(word) for word in words[1:])
        elif words:
            own = [word for word in words if ASSIGNMENT.fullmatch(word)]
            yield Command(exported | dict(map(_assignment, own)), tuple(words[len(own) :]))


def _assignment(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def shown_output(block: Block, after: Sequence[Block]) -> list[str] | None:
    """What a block says that it prints: in comments, or in a block `text` right after it."""
    said = re.findall(r"^ *# prints: (.*)$", block.text, flags=re.MULTILINE)
    if said:
        return said
    following = after[0] if after else None
    near = following and following.page == block.page and following.language == "text"
    gap = following.line - block.line - block.text.count("\n") if following else 0
    return following.text.splitlines() if following and near and gap <= 4 else None
