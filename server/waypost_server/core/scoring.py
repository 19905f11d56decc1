"""What is fitted when routes are built."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from waypost_server.core.calibration import UNCALIBRATED, Calibration, fit_calibration
from waypost_server.core.crossfit import HeldOut, hold_out
from waypost_server.core.evidence import SIMILARITY_WEIGHT
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.head import Head, Negatives, fit_head
from waypost_server.core.ports import Encodings
from waypost_server.core.thresholds import fit_thresholds


@dataclass(frozen=True, slots=True)
class Scoring:
    """What was fitted.

    Attributes:
        head: the routes' logits from an encoding.
        calibration: from evidence to confidence.
        thresholds: similarity to reach, for each route of the table, written by hand or fitted.
        similarity_weight: logits that a closeness of 1 adds to a route's score.
    """

    head: Head
    calibration: Calibration
    thresholds: Mapping[str, float]
    similarity_weight: float = SIMILARITY_WEIGHT


def fit_scoring(
    encodings: Encodings,
    outside: Encodings,
    exemplars: ExemplarTable,
    *,
    dimension: int,
    by_hand: Mapping[str, float],
    negatives: Negatives | None = None,
    held_out: HeldOut | None = None,
) -> tuple[Scoring, HeldOut | None]:
    """Fits on exemplars alone; with what was held out on the way, if anything could be.

    Args:
        encodings: of the exemplars, row for row, shape (n, width).
        outside: of examples of out of scope, shape (m, width); may be none.
        exemplars: the table.
        dimension: length of the unit vector at the front of an encoding.
        by_hand: thresholds that are not to be fitted, by route.
        negatives: texts that do not belong to a route.
        held_out: how the exemplars look held out, if the encoder knows better than a cross-fit,
            having learned from them.
    """
    routes = len(exemplars.routes)
    # Very many encodings are not copied where there is nothing to add.
    inputs = np.concatenate([encodings, outside]) if len(outside) else encodings
    labels = np.concatenate([exemplars.route_ids, np.full(len(outside), routes, dtype=np.int32)])
    with ThreadPoolExecutor(1) as pool:  # the head and the folds take about as long
        head = pool.submit(
            fit_head, inputs, labels, routes, dimension=dimension, negatives=negatives
        )
        if held_out is None and routes:
            alone = len(exemplars.texts) + np.arange(len(outside))
            held_out = hold_out(
                inputs,
                labels,
                routes,
                dimension=dimension,
                negatives=negatives,
                first_of=np.concatenate([exemplars.first_of, alone]),
            )
        fitted = fit_thresholds(held_out, routes)
        scoring = Scoring(
            head=head.result(),
            calibration=UNCALIBRATED if held_out is None else fit_calibration(held_out),
            thresholds={
                route: by_hand.get(route, float(fitted[i]))
                for i, route in enumerate(exemplars.routes)
            },
        )
    return scoring, held_out
