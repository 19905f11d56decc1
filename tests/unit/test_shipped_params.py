"""The parameters of the shipped routes, held to what is promised of them."""

from pathlib import Path

import pytest

from tests.bench.judgement.params import Counts, Labelled, chosen, measure, read_labelled, shipped
from waypost_server.adapters.re2_patterns import compile_re2
from waypost_server.core.extraction.values import fits


@pytest.mark.parametrize(
    ("author", "half", "size", "least"),
    [
        ("own", "tune", 50, 0.9),
        ("own", "test", 50, 0.9),
        ("other", "tune", 100, 0.9),
        ("other", "test", 50, 0.9),
        ("third", "tune", 50, 0.9),
        ("third", "test", 50, 0.85),  # 0.87 when it was looked at; lists of words know less of it
    ],
)
def test_parameters_are_found_as_a_person_finds_them(
    author: str, half: str, size: int, least: float, repo: Path
) -> None:
    catalog, parameters = shipped(repo)
    queries = chosen(read_labelled(repo), author, half)
    figures = measure(queries, catalog, parameters)
    assert figures.queries == size
    assert figures.counts["all"].f1 >= least
    assert figures.missing >= 0.9 * size


def test_labels_are_such_as_the_routes_may_send(repo: Path) -> None:
    catalog, _ = shipped(repo)
    queries = read_labelled(repo)
    for query in queries:
        schema = catalog.routes[query.route].params_schema
        assert schema
        for name, value in query.params.items():
            assert fits(value, schema["properties"][name], compile_re2), (query.text, name)
        assert list(query.missing) == [n for n in schema["required"] if n not in query.params]
    assert sum(not query.params for query in queries) >= 10
    assert len({query.text for query in queries}) == len(queries) == 350


def test_figures_count_exact_values(repo: Path) -> None:
    catalog, parameters = shipped(repo)
    said: list[tuple[str, dict[str, str], list[str]]] = [
        ("git", {"library": "git"}, []),
        ("git", {"library": "make"}, []),
        ("?", {"library": "make"}, []),
        ("git", {}, ["library"]),
    ]
    queries = [
        Labelled(route="docs_lookup", author="", half="", text=text, params=params, missing=missing)
        for text, params, missing in said
    ]
    figures = measure(queries, catalog, parameters)
    assert figures.counts["library"] == Counts(right=1, wrong=2, lacking=2)
    assert figures.counts["library"].f1 == pytest.approx(1 / 3)
    assert figures.missing == 2
