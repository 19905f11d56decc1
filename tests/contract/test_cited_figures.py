"""Figures that pages cite are those of the benchmarks, or say that nothing measures them again."""

import pytest

from tests.bench.cited.claims import mistakes_of
from tests.bench.cited.decisions import SETTLED
from tests.bench.cited.pages import CLAIMS
from tests.bench.cited.sources import ROOT, pattern
from tests.bench.cited.unvouched import unvouched


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("page", CLAIMS)
def test_what_a_page_cites_is_what_was_measured(page: str) -> None:
    mistakes = mistakes_of(text_of(page), CLAIMS[page])
    assert not mistakes, "run `make figures`, and mend by hand what it names"


def test_no_number_among_the_decisions_is_without_a_source() -> None:
    page = "docs/design_decisions.md"
    assert unvouched(text_of(page), CLAIMS[page], SETTLED) == []
    assert [one for one in SETTLED if not pattern(one).search(text_of(page))] == []


@pytest.mark.parametrize("section", ["How good it is", "What it does not do"])
def test_no_number_by_which_readme_praises_or_blames_is_without_one(section: str) -> None:
    body = text_of("README.md").split(f"## {section}\n")[1].split("\n## ")[0]
    claims = [claim for claim in CLAIMS["README.md"] if pattern(claim.text).search(body)]
    assert len(claims) > 0
    assert unvouched(body, claims, ("semantic-router 1.1.1", "HTTP/2")) == []
