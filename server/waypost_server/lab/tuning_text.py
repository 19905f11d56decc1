"""A trial of tuning in words, for a terminal, and as data, for a program."""

from dataclasses import asdict
from typing import Any

from waypost_server.lab.gain import Gain
from waypost_server.lab.paired import FIGURES, SENT_RIGHT
from waypost_server.lab.text_table import GAIN_HEAD, changed_figures, gain_cells, table
from waypost_server.lab.tuning import FOLDS, Trial

VERDICTS = {
    "gain": "A gain beyond noise.",
    "loss": "A loss beyond noise.",
    "noise": "No gain beyond noise.",
}

MOST_THRESHOLDS = 10
"""Thresholds that are shown, those that move most."""


def trial_text(trial: Trial) -> str:
    """The trial on some lines."""
    queries = len(trial.before.judged)
    blocks = [
        [
            f"{queries:,} queries, {FOLDS} folds: each judged by what was tuned without it",
            f"left out: {trial.left_out:,} that were taught or were there already",
            "before: what exemplars alone give, as after `waypost build`",
            "a gain: one of three rows better beyond noise, and none worse",
        ],
        _gains(trial),
        changed_figures(trial.before, trial.after),
        _choices(trial),
        [VERDICTS[trial.finding], *_warning(trial)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def trial_json(trial: Trial) -> dict[str, Any]:
    """The same with all thresholds; numbers as they are, figures null where unknown."""
    return {
        "queries": len(trial.before.judged),
        "left_out": trial.left_out,
        "min_confidence_as_good": trial.bar,
        "folds": FOLDS,
        "finding": trial.finding,
        "gains": {name: asdict(gain) for name, gain in trial.gains.items()},
        "figures": {
            name: {
                "before": before.value if before else None,
                "after": after.value if after else None,
            }
            for (name, before), after in zip(
                trial.before.figures.items(), trial.after.figures.values(), strict=True
            )
        },
        "similarity_weight": {
            "before": trial.old.similarity_weight,
            "after": trial.new.similarity_weight,
        },
        "thresholds": {
            route: {"before": before, "after": trial.new.thresholds[route]}
            for route, before in trial.old.thresholds.items()
        },
    }


def _gains(trial: Trial) -> list[str]:
    rows = [["on held-out folds", *GAIN_HEAD, ""]]
    for name, one in trial.gains.items():
        rows.append([FIGURES[name][0], *gain_cells(one), _word(one)])
    return table(rows, left=(0, 5))


def _warning(trial: Trial) -> list[str]:
    """Why better confidences may send fewer queries right, and what to do."""
    if trial.gains[SENT_RIGHT].high >= 0:
        return []
    bar = trial.before.subject.min_confidence
    cure = (
        f"At min_confidence {trial.bar:g} as many would as before: write that into taxonomy.yaml, "
        "build, and tune again."
        if trial.bar is not None
        else "No lower min_confidence would mend that."
    )
    return [
        "Fewer queries go where they should: less of the tuned confidence reaches "
        f"min_confidence {bar:g}. {cure}"
    ]


def _word(one: Gain) -> str:
    if one.low > 0:
        return "better"
    return "worse" if one.high < 0 else "noise"


def _choices(trial: Trial) -> list[str]:
    old, new = trial.old, trial.new
    moves = sorted(
        ((route, before, new.thresholds[route]) for route, before in old.thresholds.items()),
        key=lambda row: (-abs(row[2] - row[1]), row[0]),
    )
    moved = [move for move in moves if move[1] != move[2]]
    lines = [
        f"weight of similarity: {old.similarity_weight:g} -> {new.similarity_weight:g}",
        f"thresholds moved: {len(moved)} of {len(moves)}",
    ]
    lines += [
        f"  {route}: {before:.2f} -> {after:.2f}"
        for route, before, after in moved[:MOST_THRESHOLDS]
    ]
    return lines
