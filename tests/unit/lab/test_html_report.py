import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from tests.unit.lab.judgements import (
    FALLBACK,
    MATCHED,
    ROUTES,
    SUBJECT,
    TEN,
    Row,
    evaluation,
    judged,
)
from waypost_server.core.gate import Bar
from waypost_server.lab.comparison import compare
from waypost_server.lab.evaluation import Subject, evaluate
from waypost_server.lab.gate import check_gate
from waypost_server.lab.html_report import as_html
from waypost_server.lab.map_chart import MOST_POINTS, map_chart
from waypost_server.lab.per_route import Confusion
from waypost_server.lab.report import Report
from waypost_server.lab.scatter import Point

EVIL = "</script><script>alert(1)</script> \" onload='x' & {$x} <b>"

VOID = {"meta", "input", "br", "hr", "img", "link"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and keeps what a browser would act on."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def report(rows: Sequence[Row] = TEN, *, text: str = EVIL) -> Report:
    found = evaluation(rows, text=text)
    return Report(
        evaluation=found,
        comparison=compare(evaluation(reversed(rows), text=text), found),
        gate=check_gate(found, [Bar(figure="accuracy", at_least=0.9)]),
        points=(Point(kind="exemplar", label="a", called="a", text=EVIL, x=0.5, y=0.5),),
    )


def test_the_page_is_well_formed_and_holds_the_figures() -> None:
    page = read(as_html(report()))
    assert {"svg", "table", "circle", "polyline", "rect"} <= set(page.seen)
    for figure in ("0.714", "0.571", "0.750", "0.333", "0.738", "0.314"):
        assert figure in page.text


def test_texts_are_shown_and_never_run() -> None:
    page = read(as_html(report()))
    assert f"{EVIL} 2" in page.text
    assert page.seen.count("script") == 1
    assert page.seen.count("b") == as_html(report(text="tame")).count("<b>")
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert any(name == "data-tip" and EVIL in value for name, value in page.attributes)


def test_the_page_asks_no_network() -> None:
    source = as_html(report())
    page = read(source)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(page.seen)
    assert not [name for name, _ in page.attributes if name in ("src", "href", "srcset", "action")]
    assert not re.search(r"https?://|url\(|@import|fetch\(|XMLHttpRequest|import\(", source)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(TEN[:1], id="one query"),
        pytest.param(TEN[7:], id="only out of scope"),
        pytest.param([("a", "a", 0.9, MATCHED)] * 3, id="all right"),
        pytest.param([("a", "b", 0.0, FALLBACK)] * 3, id="all wrong"),
    ],
)
def test_few_queries_make_a_page_too(rows: list[Row]) -> None:
    page = read(as_html(report(rows, text="q")))
    assert "nan" not in page.text.lower().split()
    assert not [value for _, value in page.attributes if "nan" in value]


def test_a_hundred_and_fifty_routes_make_a_page_too() -> None:
    routes = tuple(f"route_{i:03}" for i in range(150))
    subject = Subject(
        index_version="0" * 12,
        encoder="e",
        calibration="NONE",
        routes=routes,
        min_confidence=SUBJECT.min_confidence,
    )
    rows: list[Row] = [(route, routes[i // 2], 0.8, MATCHED) for i, route in enumerate(routes)]
    found = evaluate(judged(rows), subject)
    page = read(as_html(Report(evaluation=found, comparison=None, gate=None, points=())))
    assert "route_149" in page.text
    assert len(Confusion.of(found.judged, routes).labels) == 151


def test_too_many_points_are_sampled_and_the_page_says_so() -> None:
    points = [
        Point(kind="right", label=ROUTES[i % 3], called="a", text=str(i), x=0.1, y=0.2)
        for i in range(MOST_POINTS + 500)
    ]
    chart = read(map_chart(points))
    assert chart.seen.count("circle") == MOST_POINTS
    assert "A random 4,000 of 4,500 points are drawn." in chart.text
    assert map_chart(points) == map_chart(points)
