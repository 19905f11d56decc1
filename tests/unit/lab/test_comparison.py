from itertools import product

import pytest

from tests.unit.lab.judgements import MATCHED, TEN, Row, evaluation
from waypost_server.lab.comparison import compare
from waypost_server.lab.gain import mcnemar


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (3, 1), (2, 9), (7, 7), (12, 0)])
def test_the_p_value_is_the_share_of_all_coin_tosses_as_lopsided(better: int, worse: int) -> None:
    tosses = list(product((0, 1), repeat=better + worse))
    lopsided = abs(better - worse)
    as_extreme = sum(abs(2 * sum(toss) - better - worse) >= lopsided for toss in tosses)
    assert mcnemar(better, worse) == pytest.approx(as_extreme / len(tosses), abs=1e-12)


def test_the_p_value_of_very_many_changes_is_a_number() -> None:
    assert mcnemar(5_000, 5_000) == 1
    assert mcnemar(20_000, 0) == 0
    assert mcnemar(5_100, 4_900) == pytest.approx(0.0466, abs=1e-3)  # 2 * (1 - Phi(1.99))


WRONG: Row = ("a", "b", 0.8, MATCHED)
RIGHT: Row = ("a", "a", 0.8, MATCHED)


@pytest.mark.parametrize(
    ("before", "after", "finding", "verdict"),
    [
        ([RIGHT, WRONG], [RIGHT, WRONG], "same", "No difference: the same queries are right."),
        ([WRONG] * 5, [RIGHT] * 5, "noise", "No difference beyond noise: 5 queries became right"),
        ([WRONG] * 6, [RIGHT] * 6, "gain", "A gain beyond noise: 6 queries became right and 0"),
        ([RIGHT] * 6, [WRONG] * 6, "loss", "A loss beyond noise: 0 queries became right and 6"),
    ],
)
def test_six_changes_one_way_are_beyond_noise_and_five_are_not(
    before: list[Row], after: list[Row], finding: str, verdict: str
) -> None:
    comparison = compare(evaluation(before), evaluation(after))
    assert comparison.finding == finding
    assert comparison.verdict.startswith(verdict)


def test_changes_name_the_queries_and_recalls_begin_with_the_loss() -> None:
    after: list[Row] = [*TEN]
    after[2], after[3] = ("a", "a", 0.9, MATCHED), ("b", "c", 0.9, MATCHED)
    comparison = compare(evaluation(TEN), evaluation(after))
    assert [change.after.query.source for change in comparison.became_right] == ["file.jsonl:3"]
    assert [change.after.query.source for change in comparison.became_wrong] == ["file.jsonl:4"]
    assert comparison.p_value == 1
    assert comparison.recalls == (
        ("b", 1.0, 0.5),
        ("c", 0.5, 0.5),
        ("oos", 1 / 3, 1 / 3),
        ("a", 2 / 3, 1.0),
    )
