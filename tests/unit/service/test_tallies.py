"""Quick counting ends in what prometheus_client's own counting gives."""

from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core import metric_names as names
from waypost_server.service.instruments import Bounded, Instruments

SIMILARITIES = st.lists(
    st.one_of(st.sampled_from(names.SIMILARITY.buckets), st.floats(min_value=0, max_value=2))
)


@given(first=SIMILARITIES, second=SIMILARITIES)
def test_a_spread_is_a_histogram(first: list[float], second: list[float]) -> None:
    quick, slow = Instruments(), Instruments()
    spread, histogram = (
        quick.spread(names.SIMILARITY, "r"),
        slow.histogram(names.SIMILARITY, "r"),
    )
    for batch in (first, second):
        for value in batch:
            spread.observe(value)
            histogram.observe(value)
        quick.flush()
    assert without_sums(quick) == without_sums(slow)
    assert abs(sum_of(quick) - sum_of(slow)) < 1e-9


def test_a_tally_counts_in_all_its_series() -> None:
    to = Instruments()
    tally = to.tally((names.REROUTES, ()), (names.REASONS, ("r", "STICKY")))
    tally.count += 3
    to.flush()
    tally.count += 2
    to.flush()
    to.flush()
    text = to.exposition()[0].decode()
    assert "waypost_reroutes_total 5.0" in text
    assert 'waypost_decision_reasons_total{reason="STICKY",route="r"} 5.0' in text


def test_a_bounded_label_keeps_its_first_values() -> None:
    bounded = Bounded(3, ("known",))
    assert [bounded(value) for value in ("a", "b", "c", "a", "known", "c")] == [
        *("a", "b", "other", "a", "known", "other")
    ]


def without_sums(instruments: Instruments) -> list[str]:
    lines = instruments.exposition()[0].decode().splitlines()
    return [line for line in lines if "_sum" not in line]


def sum_of(instruments: Instruments) -> float:
    lines = instruments.exposition()[0].decode().splitlines()
    (line,) = (line for line in lines if line.startswith("waypost_decision_similarity_sum"))
    return float(line.split()[-1])
