"""The table of metrics keeps Prometheus's conventions, and the docs have it."""

import re
from pathlib import Path

import pytest

from waypost_server.core.metric import Kind, Metric
from waypost_server.core.metric_names import METRICS, metrics_table

NAMES = [metric.name for metric in METRICS]
RESERVED = {"le", "quantile", "job", "instance", "pid"}


def test_each_name_is_there_once() -> None:
    assert len(set(NAMES)) == len(NAMES) > 40


@pytest.mark.parametrize("metric", METRICS, ids=NAMES)
def test_names_and_labels_follow_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"waypost(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not RESERVED & set(metric.labels)
    assert metric.meaning.endswith(".")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)


def test_the_docs_have_the_table(repo: Path) -> None:
    text = (repo / "docs/observability.md").read_text("utf-8")
    shown = text.partition("<!-- metrics:begin")[2].partition("-->\n")[2]
    assert shown.partition("\n<!-- metrics:end -->")[0] == metrics_table()
