"""A trial of tuning in words, for a terminal, and as data, for a program."""

from dataclasses import asdict
from typing import Any

from waypost_server.lab.figures import FIGURES as EVALUATED
from waypost_server.lab.gain import Gain
from waypost_server.lab.paired import FIGURES, SENT_RIGHT, SHARES
from waypost_server.lab.text_table import (
    GAIN_HEAD,
    changed_figures,
    delta,
    gain_cells,
    table,
    value,
)
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
            "a gain: one of the first three rows better beyond noise, and no row worse beyond it",
        ],
        _gains(trial),
        changed_figures(trial.before, trial.after),
        _choices(trial),
        _worse(trial),
        [_verdict(trial), *_lost(trial), *_warning(trial)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def trial_json(trial: Trial) -> dict[str, Any]:
    """The same with all thresholds; numbers as they are, figures null where unknown."""
    return {
        "queries": len(trial.before.judged),
        "left_out": trial.left_out,
        "min_confidence_as_good": trial.bar,
        "folds": FOLDS,
        "finding": trial.finding,
        "worse": trial.worse,
        "price": trial.price,
        "gains": {name: asdict(gain) for name, gain in trial.gains.items()},
        "shares": {name: asdict(gain) for name, gain in trial.shares.items()},
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


def _verdict(trial: Trial) -> str:
    has_price = trial.finding == "gain" and trial.price
    return VERDICTS[trial.finding] + (" It has a price:" if has_price else "")


def _gains(trial: Trial) -> list[str]:
    rows = [["on held-out folds", *GAIN_HEAD, ""]]
    rows += [[FIGURES[name][0], *gain_cells(one), _word(one)] for name, one in trial.gains.items()]
    rows += [[SHARES[name][0], *gain_cells(one), _word(one)] for name, one in trial.shares.items()]
    return table(rows, left=(0, 5))


def _worse(trial: Trial) -> list[str]:
    """Each figure that is worse at all, so that nobody has to look for it among the others."""
    lines = []
    for name, figure in EVALUATED.items():
        old, new = (value(one.figures[name]) for one in (trial.before, trial.after))
        if old is None or new is None or round(old, 3) == round(new, 3):
            continue
        if (new < old) is figure.high_is_better:
            before, after, change = delta(old, new)
            lines.append(f"  {name}: {before} -> {after} ({change})")
    return ["worse than before, within noise or not:", *lines] if lines else []


def _lost(trial: Trial) -> list[str]:
    """What makes it a loss, or is the price of a gain, and by how much."""
    meanings = {name: each[0] for name, each in (*FIGURES.items(), *SHARES.items())}
    return [
        f"  {meanings[name]}: {one.before:.3f} -> {one.after:.3f}, "
        + ("beyond noise" if name in trial.worse else "which may be noise")
        for name, one in (*trial.gains.items(), *trial.shares.items())
        if name in trial.worse or name in trial.price
    ]


def _warning(trial: Trial) -> list[str]:
    """Why better confidences may send fewer queries right, and what to do."""
    if not trial.price:
        return []
    whose = "queries" if SENT_RIGHT in trial.price else "queries in scope"
    bar = trial.before.subject.min_confidence
    cure = (
        f"At min_confidence {trial.bar:g} as many would as before: write that into taxonomy.yaml, "
        "build, and tune again."
        if trial.bar is not None
        else "No lower min_confidence would mend that."
    )
    return [
        f"Fewer {whose} go where they should: less of the tuned confidence reaches "
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
