"""What the router would have said of each exemplar had it not known it, with its second choice.

`core.crossfit.hold_out` does the same for a fit, which needs neither the second choice nor which
exemplar it was, and stops when it has seen enough. The doctor has to see every exemplar.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.core.arrays import join
from waypost_server.core.calibration import fit_calibration
from waypost_server.core.crossfit import ENOUGH, SMALL, HeldOut, split_folds
from waypost_server.core.evidence import Evidence, blocks, gather_evidence, score_routes
from waypost_server.core.head import Head, fit_head
from waypost_server.core.softmax import Floats, Labels
from waypost_server.lab.near_exemplars import Rows
from waypost_server.lab.patient import Patient

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """The m exemplars that could be held out, arrays of shape (m,).

    Attributes:
        rows: their rows in the table, ascending.
        own: their own route.
        best: the route that they would have been sent to.
        second: the route that came second.
        confidence: calibrated probability that the best route is right.
        second_confidence: the same of the second; never higher.
    """

    rows: Rows
    own: Labels
    best: Labels
    second: Labels
    confidence: Doubles
    second_confidence: Doubles


@dataclass(frozen=True, slots=True)
class _Part:
    """Some held-out exemplars; `share` is what the second gets of what the best leaves."""

    rows: Rows
    evidence: Evidence
    similarity: Floats
    second: Labels
    share: Floats


def ask_again(patient: Patient) -> SecondOpinion | None:
    """Holds every exemplar out once; None when there is nothing to choose or to hold out."""
    labels, routes = patient.exemplars.route_ids, len(patient.exemplars.routes)
    folds = 10 if len(labels) <= SMALL else 5 if len(labels) <= ENOUGH else 3
    if routes == 1:
        return None
    fold_of = split_folds(labels, folds, patient.exemplars.first_of)
    parts = [
        part
        for fold in range(folds)
        if (fold_of == fold).any()
        for part in _one_fold(patient, fold_of == fold)
    ]
    return _joined(parts, labels) if parts else None


def _one_fold(patient: Patient, held: npt.NDArray[np.bool_]) -> list[_Part]:
    labels, routes = patient.exemplars.route_ids, len(patient.exemplars.routes)
    head = fit_head(patient.encodings[~held], labels[~held], routes, dimension=patient.dimension)
    known = patient.vectors[~held]
    sizes = np.bincount(labels[~held], minlength=routes).astype(np.int32)
    rows = np.flatnonzero(held)
    return [
        _score(patient, head, known, sizes, rows[block]) for block in blocks(len(rows), len(known))
    ]


def _score(patient: Patient, head: Head, known: Floats, sizes: Labels, rows: Rows) -> _Part:
    logits, outside = head.logits(patient.encodings[rows])
    similarities = patient.vectors[rows] @ known.T
    scores = score_routes(logits, similarities, sizes)
    evidence = gather_evidence(scores, outside)
    here = np.arange(len(rows))
    rivals = scores.score - scores.score[here, evidence.route][:, np.newaxis]
    rivals[here, evidence.route] = -np.inf
    second = rivals.argmax(axis=1).astype(np.int32)
    powers = np.exp(rivals - rivals[here, second][:, np.newaxis])
    return _Part(
        rows=rows,
        evidence=evidence,
        similarity=scores.similarity[here, patient.exemplars.route_ids[rows]],
        second=second,
        share=1 / powers.sum(axis=1),
    )


def _joined(parts: list[_Part], labels: Labels) -> SecondOpinion:
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows)
    own = labels[rows]
    evidence = join([part.evidence for part in parts])
    similarity = np.concatenate([part.similarity for part in parts])
    calibration = fit_calibration(HeldOut(evidence, evidence.route == own, similarity, own))
    confidence = calibration.confidence(evidence)
    share = np.concatenate([part.share for part in parts])
    rest = (1 - confidence) * calibration.scope_probability(evidence) * share
    return SecondOpinion(
        rows=rows[order],
        own=own[order],
        best=evidence.route[order],
        second=np.concatenate([part.second for part in parts])[order],
        confidence=confidence[order],
        second_confidence=np.minimum(rest, confidence)[order],
    )
