import numpy as np
import pytest

from tests.unit.lab.judgements import FALLBACK, MATCHED, OUTSIDE, TEN, Row, judged
from waypost_server.core.labelled import OUT_OF_SCOPE
from waypost_server.lab.paired import FIGURES, SHARES, gains, means, shares


def test_each_figure_of_ten_queries_is_what_a_hand_counts() -> None:
    rows = judged(TEN)
    found = {name: gain.before for name, gain in gains(rows, rows).items()}
    # Recognised: rows 1, 2, 4, 5, 6 and 8. Sent right: 1, 2, 4, 6, 7 (c is the default route) and
    # the first two strangers.
    assert found["recognised"] == pytest.approx(0.6)
    assert found["sent_right"] == pytest.approx(0.7)
    squares = [0.05, 0.15, 0.8, 0.1, 0.4, 0.5, 0.2, 0.1, 0.55, 0.8]
    assert found["confidence"] == pytest.approx(1 - np.square(squares).mean())
    assert list(found) == list(FIGURES)


def test_what_does_not_change_has_no_interval() -> None:
    rows = judged(TEN)
    assert all((gain.low, gain.high) == (0, 0) for gain in gains(rows, rows).values())


def of(better: int, worse: int, same: int) -> tuple[list[Row], list[Row]]:
    right: Row = ("a", "a", 0.8, MATCHED)
    wrong: Row = ("a", "b", 0.8, MATCHED)
    before = [wrong] * better + [right] * (worse + same)
    after = [right] * better + [wrong] * worse + [right] * same
    return before, after


@pytest.mark.parametrize(("better", "worse", "sign"), [(60, 20, 1), (20, 60, -1), (25, 20, 0)])
def test_the_interval_is_that_of_paired_differences(better: int, worse: int, sign: int) -> None:
    size = 400
    before, after = of(better, worse, size - better - worse)
    found = gains(judged(before), judged(after))["recognised"]
    mean = (better - worse) / size
    deviation = np.sqrt((better + worse) / size - mean**2) / np.sqrt(size)
    z = 2.394  # of 95% shared by three figures, both tails
    assert found.after - found.before == pytest.approx(mean)
    assert found.low == pytest.approx(mean - z * deviation, abs=deviation / 4)
    assert found.high == pytest.approx(mean + z * deviation, abs=deviation / 4)
    assert (found.low > 0) - (found.high < 0) == sign


def test_a_stranger_that_is_sent_nowhere_is_sent_right() -> None:
    rows: list[Row] = [
        (OUT_OF_SCOPE, "a", 0.9, outcome) for outcome in (MATCHED, FALLBACK, OUTSIDE)
    ]
    found = {name: gain.before for name, gain in gains(judged(rows), judged(rows)).items()}
    assert found["sent_right"] == pytest.approx(2 / 3)
    assert found["recognised"] == pytest.approx(1 / 3)


def test_what_strangers_gain_does_not_hide_what_queries_in_scope_lose() -> None:
    before: list[Row] = [("a", "a", 0.8, MATCHED)] * 60 + [(OUT_OF_SCOPE, "a", 0.8, MATCHED)] * 60
    after: list[Row] = [("a", "a", 0.8, MATCHED)] * 50 + [("a", "a", 0.7, FALLBACK)] * 10
    after += [(OUT_OF_SCOPE, "a", 0.7, FALLBACK)] * 60
    assert gains(judged(before), judged(after))["sent_right"].low > 0
    found = shares(judged(before), judged(after))
    assert list(found) == list(SHARES)
    routed, turned_away = found.values()
    assert (routed.before, routed.after) == (1.0, 50 / 60)
    assert routed.high < 0
    assert (turned_away.before, turned_away.after) == (0.0, 1.0)
    assert list(shares(judged(before[:60]), judged(after[:60]))) == ["routed"]


@pytest.mark.parametrize("kept", [slice(None), slice(7), slice(7, None)])
def test_means_are_those_of_gains_and_shares(kept: slice) -> None:
    rows = judged(TEN)[kept]
    found = gains(rows, rows) | shares(rows, rows)
    assert means(rows) == {name: gain.after for name, gain in found.items()}
