import html
from itertools import product

import pytest

from tests.unit.lab.judgements import FALLBACK, MATCHED, TEN, Row, evaluation
from waypost_server.core.labelled import OUT_OF_SCOPE
from waypost_server.lab.comparison import compare
from waypost_server.lab.gain import mcnemar
from waypost_server.lab.html_report import as_html
from waypost_server.lab.json_report import as_json
from waypost_server.lab.report import Report
from waypost_server.lab.text_report import comparison_text


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


FELL_BACK: Row = ("a", "a", 0.6, FALLBACK)
TURNED_AWAY: Row = (OUT_OF_SCOPE, "a", 0.6, FALLBACK)
LET_IN: Row = (OUT_OF_SCOPE, "a", 0.8, MATCHED)


@pytest.mark.parametrize(
    ("before", "after", "sent", "worst", "verdict"),
    [
        ([RIGHT] * 8, [RIGHT] * 8, "same", "same", "Where they go: no difference."),
        (
            [RIGHT] * 8 + [TURNED_AWAY],
            [FELL_BACK] * 8 + [TURNED_AWAY],
            "loss",
            "loss",
            "Where they go: a loss beyond noise (in scope: went to the label's route 1.000 -> "
            "0.000; out of scope: went to none 1.000 -> 1.000).",
        ),
        (
            # As many strangers that are turned away do not make up for them.
            [RIGHT] * 8 + [LET_IN] * 8,
            [FELL_BACK] * 8 + [TURNED_AWAY] * 8,
            "loss",
            "loss",
            "Where they go: a loss beyond noise (in scope: went to the label's route 1.000 -> "
            "0.000; out of scope: went to none 0.000 -> 1.000).",
        ),
        (
            [FELL_BACK] * 8,
            [RIGHT] * 8,
            "gain",
            "gain",
            "Where they go: a gain beyond noise (in scope: went to the label's route 0.000 -> "
            "1.000).",
        ),
        (
            [RIGHT] * 8,
            [RIGHT] * 7 + [FELL_BACK],
            "noise",
            "noise",
            "Where they go: no difference beyond noise (in scope: went to the label's route 1.000 "
            "-> 0.875).",
        ),
    ],
)
def test_where_queries_go_has_a_verdict_of_its_own(
    before: list[Row], after: list[Row], sent: str, worst: str, verdict: str
) -> None:
    """All of them are taken for what they are before and after: only the bar says otherwise."""
    comparison = compare(evaluation(before), evaluation(after))
    assert (comparison.finding, comparison.p_value) == ("same", 1)
    assert (comparison.sent, comparison.worst) == (sent, worst)
    assert comparison.verdict == f"No difference: the same queries are right. {verdict}"


def test_every_report_says_where_queries_go() -> None:
    found = evaluation([FELL_BACK] * 8)
    comparison = compare(evaluation([RIGHT] * 8), found)
    report = Report(evaluation=found, comparison=comparison, gate=None, points=())
    assert comparison.verdict in comparison_text(comparison)
    assert f'<p class="verdict loss">{html.escape(comparison.verdict)}</p>' in as_html(report)
    told = as_json(report)["comparison"]
    assert (told["verdict"], told["sent"]) == (comparison.verdict, "loss")
    assert (told["shares"]["routed"]["before"], told["shares"]["routed"]["after"]) == (1, 0)


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
