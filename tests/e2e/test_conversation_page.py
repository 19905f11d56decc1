"""What docs/conversation.md shows is what happens, on the shipped routes."""

import contextlib
import io
import re
from pathlib import Path

import pytest
import yaml

from tests.e2e.processes import ServerProcess
from waypost_server.adapters.conversation_schema import MOST
from waypost_server.adapters.route_schema import TaxonomyFile


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs/conversation.md").read_text("utf-8")


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)
    assert found
    return found[1]


def test_the_settings_are_what_a_taxonomy_may_say(page: str) -> None:
    assert TaxonomyFile.model_validate(yaml.safe_load(block(page, "yaml"))).stickiness == 1
    assert f"\n{MOST:g} is the most." in page


def test_the_example_prints_what_it_says(page: str, server: ServerProcess) -> None:
    code = block(page, "python").replace("127.0.0.1:50051", server.address)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})  # noqa: S102  (the page's own)
    assert printed.getvalue() == block(page, "text")
