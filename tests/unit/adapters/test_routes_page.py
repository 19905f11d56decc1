"""docs/routes.md lists every key that a routes folder may have, with what its schema says."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.unit.adapters.schema_keys import KINDS, Key, keys_of
from waypost_server.adapters.extract_schema import SECTIONS
from waypost_server.adapters.hierarchy_schema import GroupFile
from waypost_server.adapters.route_schema import FleetFile, RouteFile, TaxonomyFile, WordsFile
from waypost_server.adapters.rules_schema import RulesFile

FILES: dict[str, type[BaseModel]] = {
    "taxonomy.yaml": TaxonomyFile,
    "route.yaml": RouteFile,
    "group.yaml": GroupFile,
    "fleet.yaml": FleetFile,
    "rules.yaml": RulesFile,
    "words.yaml": WordsFile,
}
ELSEWHERE = {"threshold": "`auto`"}
"""Defaults that a validator writes, and no schema shows."""


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs/routes.md").read_text("utf-8")


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """Cells of the table under a heading, by key."""
    section = re.split(r"^#{2,3} ", page.split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = {cells[0].strip("`"): cells for cells in table}
    assert len(found) == len(table), f"{heading}: a key stands twice"
    assert all(len(cells) == 4 for cells in table), heading
    return found


def check(heading: str, keys: list[Key], shown: dict[str, list[str]]) -> None:
    known = {key.name: key for key in keys}
    assert not known.keys() - shown, f"docs/routes.md, {heading}, lacks {known.keys() - shown}"
    assert not shown.keys() - known, f"docs/routes.md, {heading}, has {shown.keys() - known}"
    for key in keys:
        _, _, default, said = shown[key.name]
        assert default == ELSEWHERE.get(key.name, key.default), f"{heading}: {key.name}"
        missing = {word for word in key.words if not tells(word, said)}
        assert not missing, f"{heading}: {key.name} does not say {missing}"


def tells(word: str, said: str) -> bool:
    """Whether a cell has a value in backticks, or a number that is no part of another one."""
    if word.startswith("`"):
        return word in said
    return bool(re.search(rf"(?<![\d.]){re.escape(word)}(?![\d.]\d)", said))


@pytest.mark.parametrize("file", FILES)
def test_it_lists_every_key_of_a_file(page: str, file: str) -> None:
    check(file, list({key.name: key for key in keys_of(FILES[file])}.values()), rows(page, file))


def test_it_lists_every_key_of_an_extractor(page: str) -> None:
    keys = [key for by, section in SECTIONS.items() for key in keys_of(section, f"{by}.")]
    check("extractors", keys, rows(page, "Extractors"))


def test_the_kinds_that_it_names_are_those_of_the_guard(page: str) -> None:
    named = re.search(r"KIND for one of (.*?), and `\[\]`", page)
    assert named
    assert set(re.findall(r"`(\w+)`", named[1])) == KINDS
