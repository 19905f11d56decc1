from dataclasses import replace

import pytest

from tests.unit.lab.judgements import FALLBACK, MATCHED, OUTSIDE, Row, judged
from waypost_server.core.labelled import OUT_OF_SCOPE
from waypost_server.lab.going_live import astray, losses

RIGHT: Row = ("a", "a", 0.9, MATCHED)
WRONG: Row = ("a", "b", 0.9, MATCHED)
SEEN: Row = (OUT_OF_SCOPE, "a", 0.1, OUTSIDE)
TAKEN: Row = (OUT_OF_SCOPE, "a", 0.9, MATCHED)


def test_a_query_that_does_not_reach_its_route_is_named_with_where_it_went_and_why() -> None:
    rows = judged([RIGHT, WRONG, ("a", "a", 0.6, FALLBACK)])
    assert astray(rows) == [
        "file.jsonl:2: 'query 1' must go to a, but goes to b (taken for b with confidence 0.90, "
        "near its exemplar 'exemplar of b'); add exemplars like it to a, or remove the line",
        "file.jsonl:3: 'query 2' must go to a, but goes to c (taken for a with confidence 0.60, "
        "near its exemplar 'exemplar of a'); add exemplars like it to a, or remove the line",
    ]


def test_a_plan_that_begins_elsewhere_is_astray_and_says_so() -> None:
    [row] = judged([RIGHT])
    begins_there = replace(row, plan=("a", "b"))
    elsewhere = replace(row, route="b", plan=("b", "a"))
    assert astray([begins_there, elsewhere]) == [
        "file.jsonl:1: 'query 0' must go to a, but becomes a plan of b, then a; raise "
        "plans.min_similarity, or remove the line"
    ]
    assert elsewhere.is_right  # the best candidate of the whole is a
    assert not elsewhere.arrived


@pytest.mark.parametrize(
    ("wrong_before", "wrong_after", "is_loss"),
    [(0, 0, False), (0, 4, False), (0, 12, True), (20, 25, False), (30, 10, False)],
)
def test_accuracy_is_lost_only_beyond_noise(
    wrong_before: int, wrong_after: int, is_loss: bool
) -> None:
    before = judged([WRONG] * wrong_before + [RIGHT] * (100 - wrong_before))
    # Other queries are wrong after than before, as chance would have it.
    after = judged([RIGHT] * (100 - wrong_after) + [WRONG] * wrong_after)
    found = losses(before, after)
    assert len(found) == is_loss
    if found:
        assert found[0].startswith(
            f"accuracy on 100 labelled queries falls from {1 - wrong_before / 100:.3f} to "
            f"{1 - wrong_after / 100:.3f}, by "
        )


def test_out_of_scope_is_a_figure_of_its_own() -> None:
    before = judged([RIGHT] * 300 + [SEEN] * 40)
    after = judged([RIGHT] * 300 + [SEEN] * 25 + [TAKEN] * 15)
    (sentence,) = losses(before, after)
    assert sentence.startswith(
        "out-of-scope recall on 40 labelled queries falls from 1.000 to 0.625"
    )
    # A gain in the one does not make up for a loss in the other.
    assert losses(judged([WRONG] * 300 + [SEEN] * 40), after) == [sentence]


def test_no_queries_lose_nothing() -> None:
    assert losses((), ()) == []
