from pathlib import Path

import pytest

from waypost_server.adapters.gate_file import read_gate
from waypost_server.core.errors import EvaluationError
from waypost_server.core.gate import Bar

FIGURES = {"accuracy": True, "auroc": True, "ece": False}


def read(folder: Path, content: str) -> tuple[Bar, ...]:
    path = folder / "gate.yaml"
    path.write_text(content)
    return read_gate(
        path,
        figures=FIGURES,
        route_figures={"precision": True, "recall": True},
        routes=("code_review", "debugging"),
    )


def test_a_number_is_the_least_and_min_and_max_say_so(tmp_path: Path) -> None:
    content = """
        accuracy: 0.85
        auroc: {min: 0.5, max: 1}
        ece: {max: 0.05}
        per_route:
          code_review: {recall: 0.8, precision: {min: 0.7}}
    """
    assert read(tmp_path, content) == (
        Bar(figure="accuracy", at_least=0.85),
        Bar(figure="auroc", at_least=0.5, at_most=1),
        Bar(figure="ece", at_most=0.05),
        Bar(figure="recall", route="code_review", at_least=0.8),
        Bar(figure="precision", route="code_review", at_least=0.7),
    )


REFUSED = {
    "acuracy: 0.8": "'acuracy' is no figure; did you mean 'accuracy'? The figures are accuracy, ",
    "xyz: 0.8": "'xyz' is no figure; the figures are accuracy, auroc, ece, per_route",
    "ece: 0.05": "write ece: {max: 0.1}",
    "accuracy: high": "write accuracy: 0.8, or accuracy: {min: 0.8}",
    "accuracy: true": "write accuracy: 0.8, or accuracy: {min: 0.8}",
    "accuracy: {}": "write accuracy: 0.8, or accuracy: {min: 0.8}",
    "accuracy: 85": "accuracy.min is '85'; write a number between 0 and 1",
    "accuracy: .nan": "accuracy.min is 'nan'; write a number between 0 and 1",
    "accuracy: {least: 0.8}": "accuracy.least is an unknown key; it may be min or max: write",
    "per_route: {code-review: {recall: 0.8}}": "'code-review' is no route; did you mean 'code_re",
    "per_route: {debugging: {recal: 0.8}}": "'recal' is no figure; did you mean 'recall'? The",
    "per_route: {debugging: 0.8}": "write debugging: {recall: 0.8}",
    "per_route: 0.8": "write per_route: {a_route: {recall: 0.8}}",
    "# nothing": "the gate has no figure in it; write one, like accuracy: 0.85",
    "accuracy: [": "this is not YAML: ",
}


@pytest.mark.parametrize(("content", "problem"), REFUSED.items(), ids=REFUSED.keys())
def test_a_problem_is_named_with_file_line_and_cure(
    tmp_path: Path, content: str, problem: str
) -> None:
    with pytest.raises(EvaluationError) as error:
        read(tmp_path, content)
    (found,) = error.value.problems
    assert found.startswith(f"{tmp_path}/gate.yaml:1: {problem}")


def test_all_problems_are_named_with_their_lines(tmp_path: Path) -> None:
    content = "auroc: 0.5\nece: 1\nper_route:\n  debugging: {recall: 0.8}\n  review: {recall: 2}\n"
    with pytest.raises(EvaluationError) as error:
        read(tmp_path, content)
    assert [problem.split(":")[1] for problem in error.value.problems] == ["2", "5"]
