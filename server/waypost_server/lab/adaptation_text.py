"""What adapting an encoder gains, in words, for a terminal, and as data, for a program."""

from dataclasses import asdict
from typing import Any

from waypost_server.lab.adaptation import FOLDS, Adaptation
from waypost_server.lab.text_table import GAIN_HEAD, gain_cells, table


def adaptation_text(adaptation: Adaptation) -> str:
    """The folds' verdict on some lines."""
    rows = [
        ["on held-out exemplars", *GAIN_HEAD],
        ["best route is theirs", *gain_cells(adaptation.accuracy)],
        ["told apart from strangers (AUROC)", *gain_cells(adaptation.auroc)],
    ]
    held, times = len(adaptation.rows), adaptation.epochs
    verdict = "Both gain beyond noise." if adaptation.pays else "Not both gain beyond noise."
    head = (
        f"{held:,} exemplars, {FOLDS} folds, strangers are routes and examples kept from training; "
        f"{times} epochs"
    )
    return "\n\n".join([head, "\n".join(table(rows)), verdict])


def adaptation_json(adaptation: Adaptation) -> dict[str, Any]:
    """The same."""
    return {
        "exemplars": len(adaptation.rows),
        "folds": FOLDS,
        "epochs": adaptation.epochs,
        "pays": adaptation.pays,
        "accuracy": asdict(adaptation.accuracy),
        "auroc": asdict(adaptation.auroc),
    }
