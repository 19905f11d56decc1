"""The first of two stages: a static encoder decides what it is sure of."""

from dataclasses import dataclass, field

import numpy as np

from waypost_server.core.crossfit import HeldOut
from waypost_server.core.decision import BEST_LEFT_OUT, Decision
from waypost_server.core.outcome import Outcome
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.core.scoring import Scoring

GATES = (0.95, 0.96, 0.97, 0.98, 0.99)
"""Confidences to choose the gate from: below the first, strangers begin to slip through (of
CLINC150's on validation at 10 exemplars a route none at 0.95 and 1% at 0.94, at 100 1% and 2%)."""

ALLOWED_LOSS = 0.002
"""Share of held-out exemplars that the first stage may cost; gates within it cost at most 0.07
points of accuracy on validation (CLINC150 at 10 and 100 exemplars a route, HWU64 at 10)."""

FEWEST = 30
"""Held-out exemplars above the gate below which they show nothing."""

CLOSENESS_SHARE = 0.1
"""Of a lead, what similarity adds to the head's own where it is least: on CLINC150 so few queries
that it would decide are not looked at (0.1%), and more than half of the others."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a first stage decides from.

    Attributes:
        confidence: the least confidence, in [0, 1].
        lead: the least lead of the head's best logit over its second: with less, no held-out
            exemplar was sure enough, so that nothing else need be looked at.
    """

    confidence: float
    lead: float


@dataclass(frozen=True, kw_only=True)
class FittedFirstStage:
    """What a bundle holds of a first stage.

    Attributes:
        encodings: of the exemplars by the static encoder, row for row, shape (n, dimension).
        scoring: what was fitted on them.
        gate: what it decides from.
        encoder_name: name of the static encoder.
        encoder_fingerprint: its identity.
    """

    encodings: Encodings = field(repr=False)
    scoring: Scoring = field(repr=False)
    gate: Gate
    encoder_name: str
    encoder_fingerprint: str


def choose_gate(first: HeldOut, scoring: Scoring, second: HeldOut) -> Gate | None:
    """The lowest gate at which both stages are right about as often as the second alone.

    Args:
        first: exemplars as the first stage sees them held out.
        scoring: of the first stage.
        second: the same exemplars, in the same order, as the second sees them.

    Returns:
        The gate; None when the first stage costs too much at each, or decides too little to tell.
    """
    confidence = scoring.calibration.confidence(first.evidence)
    for gate in GATES:
        sure = confidence >= gate
        together = np.where(sure, first.right, second.right)
        if sure.sum() >= FEWEST and together.mean() >= second.right.mean() - ALLOWED_LOSS:
            least = float(first.evidence.lead[sure].min())
            return Gate(gate, least - CLOSENESS_SHARE * scoring.similarity_weight)
    return None


class FirstStage:
    """A static encoder, its router, and the gate; thread-safe."""

    def __init__(self, encoder: Encoder, router: Router, gate: Gate) -> None:
        self.encoder = encoder
        self.router = router
        self.gate = gate

    def decide_anyway(self, encoding: Encodings, query: Query) -> Decision:
        """The decision about a query with this static encoding, however unsure.

        Its confidence is this stage's own, calibrated as the other's is, and the bars for it are
        the same. So are thresholds that were written by hand, though for another encoder: a query
        that does not reach one goes where the route's fallback says.
        """
        return self.router.decide(encoding, self.router.search(encoding), query)

    def decide(self, encoding: Encodings, query: Query) -> Decision | None:
        """The decision about a query with this static encoding; None for the second stage's.

        A threshold that was written by hand is one of the transformer's similarity, so that a
        route that has one is left to it.
        """
        shortlist = self.router.shortlist(encoding)
        if not shortlist.liked or shortlist.lead < self.gate.lead:
            return None  # before anything else is computed: the second stage would do it again
        neighbours = self.router.search(encoding)
        decision = self.router.decide(encoding, neighbours, query, shortlist=shortlist)
        sure = (
            decision.outcome is Outcome.MATCHED
            and decision.candidates[0].confidence >= self.gate.confidence
            and BEST_LEFT_OUT.isdisjoint(decision.reasons)
            and decision.route.threshold is None
        )
        return decision if sure else None
