"""Two routers on the same labelled queries: by how much the second is better."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from waypost_server.core.outcome import Outcome
from waypost_server.lab.bootstrap import LEVEL
from waypost_server.lab.gain import Gain, gain_of_means
from waypost_server.lab.judged import Judged


def _recognised(row: Judged) -> float:
    return float(row.is_right)


def sent_right(row: Judged) -> float:
    """1 if it went to its label's route, or, out of scope, to none; else 0."""
    if row.query.in_scope:
        return float(row.route == row.query.label)
    return float(row.outcome in (Outcome.OUT_OF_SCOPE, Outcome.FALLBACK))


def _sharpness(row: Judged) -> float:
    return 1 - (row.confidence - float(row.best == row.query.label)) ** 2


SENT_RIGHT = "sent_right"

FIGURES: Mapping[str, tuple[str, Callable[[Judged], float]]] = {
    "recognised": ("taken for what the label says, out of scope included", _recognised),
    SENT_RIGHT: ("went to the label's route; out of scope: to none", sent_right),
    "confidence": ("1 - Brier score of the confidence that the best route is right", _sharpness),
}
"""What each is, and its value for a query; more is better."""

ROUTED = "routed"

SHARES: Mapping[str, tuple[str, bool]] = {
    ROUTED: ("in scope: went to the label's route", True),
    "turned_away": ("out of scope: went to none", False),
}
"""The two that `SENT_RIGHT` adds up, and whether each is of queries in scope."""


def gains(before: Sequence[Judged], after: Sequence[Judged]) -> dict[str, Gain]:
    """Every figure's gain between answers to the same queries in the same order.

    Each interval is wider than `LEVEL` by Bonferroni's correction, so that by luck alone one in
    twenty trials shows a difference at all.
    """
    level = 1 - (1 - LEVEL) / len(FIGURES)
    return {
        name: gain_of_means([of(row) for row in before], [of(row) for row in after], level=level)
        for name, (_, of) in FIGURES.items()
    }


def means(rows: Sequence[Judged]) -> dict[str, float]:
    """What `gains` and `shares` would have before or after, without the intervals' resampling."""
    values = {name: [of(row) for row in rows] for name, (_, of) in FIGURES.items()}
    for name, (_, in_scope) in SHARES.items():
        values[name] = [sent_right(row) for row in rows if row.query.in_scope is in_scope]
    return {name: float(np.mean(each)) for name, each in values.items() if each}


def shares(before: Sequence[Judged], after: Sequence[Judged]) -> dict[str, Gain]:
    """The gain of each of `SHARES` that any of the queries tells of, which are as for `gains`.

    Strangers that are turned away make up for queries that no longer reach their route in a sum of
    both, and for nobody who asked them.
    """
    level = 1 - (1 - LEVEL) / len(SHARES)
    found = {}
    for name, (_, in_scope) in SHARES.items():
        old, new = (
            [sent_right(row) for row in rows if row.query.in_scope is in_scope]
            for rows in (before, after)
        )
        if old:
            found[name] = gain_of_means(old, new, level=level)
    return found
