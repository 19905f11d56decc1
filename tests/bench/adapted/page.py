"""The figures of adapted encoders as Markdown."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.bench.accuracy.measure import TaskFigures
from tests.bench.accuracy.report import TITLES
from tests.bench.pages import table
from waypost_server.lab.bootstrap import Measured

if TYPE_CHECKING:
    from tests.bench.adapted.__main__ import Adapted
    from waypost_server.lab.gain import Gain

PUBLISHED = {"banking77": "87.2", "hwu64": "87.1", "clinc150": "94.2"}
"""Test accuracy at 10 exemplars a route of CPFT (Zhang et al. 2021), which fine-tunes RoBERTa-base,
five times as large, after further training on unlabelled queries of these and three more sets."""


def render(found: Mapping[str, "Adapted"]) -> str:
    """Two tables."""
    right = [
        [
            TITLES[name],
            _share(one.before.routers["Waypost"].in_scope["accuracy"]),
            _share(one.after.routers["Waypost"].in_scope["accuracy"]),
            _change(one.accuracy),
            PUBLISHED[name],
            f"{_change(one.folds.accuracy)}, AUROC {_change(one.folds.auroc)}",
            str(one.folds.epochs),
            f"{one.minutes:.0f}",
        ]
        for name, one in found.items()
    ]
    head = ["data", "as shipped", "adapted", "gain", "CPFT", "what the folds had said"]
    confidence = [
        [
            TITLES[name],
            *(_confidence(of) for of in (one.before, one.after)),
            *(_strangers(of) for of in (one.before, one.after)),
        ]
        for name, one in found.items()
    ]
    columns = [
        "data",
        "ECE; covered at accuracy, as shipped",
        "adapted",
        "strangers found; AUROC, as shipped",
        "adapted",
    ]
    return "\n\n".join([table([*head, "epochs", "minutes"], right), table(columns, confidence)])


def _share(measured: Measured | None) -> str:
    assert measured
    return f"{100 * measured.value:.1f} [{100 * measured.low:.1f}, {100 * measured.high:.1f}]"


def _value(measured: Measured | None) -> float:
    return measured.value if measured else float("nan")


def _change(gain: "Gain") -> str:
    change = 100 * (gain.after - gain.before)
    return f"{change:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"


def _confidence(of: TaskFigures) -> str:
    figures = of.routers["Waypost"].in_scope
    ece, covered, at = (_value(figures[name]) for name in ("ece", "coverage", "coverage_accuracy"))
    return f"{ece:.3f}; {100 * covered:.1f} at {100 * at:.1f}"


def _strangers(of: TaskFigures) -> str:
    found = of.routers["Waypost"].strangers
    return (
        ", ".join(
            f"{100 * _value(f['oos_recall_at_loss']):.1f}; {100 * _value(f['auroc']):.1f}"
            for f in found.values()
        )
        or "-"
    )
