"""README and docs hold together: links, the index, the first screen."""

import re
from functools import cache
from pathlib import Path

import pytest

from waypost_server.core import query
from waypost_server.core.catalog import Taxonomy
from waypost_server.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if "node_modules" not in path.parts
)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", (ROOT / page).read_text("utf-8"))


@cache
def anchors(page: str) -> frozenset[str]:
    """Of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target, anchor in LINK.findall(prose(page)):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), f"{page}: {target}"
        if anchor and path.suffix == ".md":
            linked = path.resolve().relative_to(ROOT.resolve()).as_posix()
            assert anchor in anchors(linked), f"{page}: {target}#{anchor}"


def test_the_index_lists_every_page() -> None:
    listed = {
        target.removesuffix("/README.md") for target, _ in LINK.findall(prose("docs/README.md"))
    }
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert not pages - listed


def test_the_first_screen_has_something_to_run_and_a_contract() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert lines.index("```sh") < 25
    assert lines.index("```json") < 30
    assert len(lines) <= 260


def test_the_limits_of_a_request_are_those_that_are_kept() -> None:
    section = prose("docs/concepts.md").split("## What a request may hold")[1].split("## ")[0]
    said = [
        [int(number.replace(",", "")) for number in re.findall(r"(?<!-)\b\d[\d,]*", limit)]
        for limit in re.findall(r"^\| (?!what|---).* \| (.*) \|$", section, re.MULTILINE)
    ]
    text = Taxonomy(default_route="any").max_query_bytes
    assert said == [
        [text],
        [query.MAX_BATCH],
        [query.MAX_METADATA_ENTRIES, query.MAX_METADATA_BYTES],
        [query.MAX_ID_BYTES],
        [query.MAX_ROUTES_NAMED],
        [query.MAX_CANDIDATES],
        [Settings.model_fields["max_message_bytes"].default],
    ]
    readme = prose("README.md")
    assert f"A query holds {text:,} bytes at most, a batch {query.MAX_BATCH}" in readme
