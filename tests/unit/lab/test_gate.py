import pytest

from tests.unit.lab.judgements import TEN, evaluation
from waypost_server.core.gate import Bar
from waypost_server.lab.gate import check_gate


@pytest.mark.parametrize(
    ("bar", "passed", "sentence"),
    [
        (
            Bar(figure="accuracy", at_least=5 / 7),
            True,
            "accuracy is 0.7143, wanted at least 0.714286",
        ),
        (Bar(figure="accuracy", at_least=0.72), False, "accuracy is 0.7143, wanted at least 0.72"),
        (Bar(figure="ece", at_most=0.3), False, "ece is 0.3143, wanted at most 0.3"),
        (
            Bar(figure="coverage", at_least=0.5, at_most=0.6),
            True,
            "coverage is 0.5714, wanted at least 0.5 and at most 0.6",
        ),
        (
            Bar(figure="recall", route="b", at_least=0.9),
            True,
            "recall of b is 1.0000, wanted at least 0.9",
        ),
    ],
)
def test_a_bar_is_passed_when_the_figure_reaches_it(bar: Bar, passed: bool, sentence: str) -> None:
    (result,) = check_gate(evaluation(), [bar])
    assert (result.passed, result.sentence) == (passed, sentence)


def test_a_figure_that_is_not_known_passes_no_bar() -> None:
    bars = [Bar(figure="auroc", at_most=1.0), Bar(figure="recall", route="c", at_least=0.0)]
    auroc, recall = check_gate(evaluation(TEN[:5]), bars)
    assert not auroc.passed
    assert auroc.sentence == "auroc is not known: no query tells, wanted at most 1"
    assert not recall.passed
