"""What was decided about a query, as data."""

from dataclasses import dataclass

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.ranking import Candidate, Ranking
from waypost_server.core.rationale import clarifying_question, rationale


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a query goes and why.

    Attributes:
        outcome: what was decided.
        action: what the client should do.
        reasons: why, the most important first.
        route: where the query goes.
        fallback_route: where to go when its specialist refuses or fails; empty for nowhere else.
        rationale: one sentence that a person can check.
        clarifying_question: set when action is CLARIFY.
        candidates: every route considered, best first.
    """

    outcome: Outcome
    action: Action
    reasons: tuple[Reason, ...]
    route: Route
    fallback_route: str
    rationale: str
    clarifying_question: str
    candidates: tuple[Candidate, ...]


SCOPE_BAR = 0.5
"""Probability of belonging to any route under which a query counts as out of scope."""


def decide(ranking: Ranking, catalog: Catalog) -> Decision:
    """Applies scope, thresholds, margin and the least confidence to ranked candidates.

    A best candidate that is not good enough never loses to a worse one with a lower bar: the query
    then goes to the default route.
    """
    candidates = ranking.candidates
    outcome, reasons = _judge(ranking, catalog)
    if ranking.best_not_allowed:
        reasons = (*reasons, Reason.ROUTE_NOT_ALLOWED)
    good_enough = outcome in (Outcome.MATCHED, Outcome.AMBIGUOUS)
    route = catalog.routes[candidates[0].route] if good_enough else catalog.default_route
    ambiguous = outcome is Outcome.AMBIGUOUS
    return Decision(
        outcome=outcome,
        action=Action.CLARIFY if ambiguous else Action.INVOKE,
        reasons=reasons,
        route=route,
        fallback_route=catalog.fallback_of(route),
        rationale=rationale(candidates, reasons[0], route.name),
        clarifying_question=clarifying_question(candidates[:2], catalog) if ambiguous else "",
        candidates=candidates,
    )


def _judge(ranking: Ranking, catalog: Catalog) -> tuple[Outcome, tuple[Reason, ...]]:
    taxonomy = catalog.taxonomy
    if not ranking.candidates:
        return Outcome.OUT_OF_SCOPE, (Reason.NO_CANDIDATE,)
    best, *others = ranking.candidates
    if ranking.scope_probability < SCOPE_BAR:
        return Outcome.OUT_OF_SCOPE, (Reason.NEAR_NO_ROUTE,)
    if not best.reaches_threshold:
        return Outcome.FALLBACK, (Reason.BELOW_THRESHOLD,)
    if others and _too_close(best, others[0], ranking, catalog):
        return Outcome.AMBIGUOUS, (Reason.WITHIN_MARGIN, Reason.ABOVE_THRESHOLD)
    # An uncalibrated confidence is no probability, so no bar may be laid on it.
    if ranking.calibrated and best.confidence < taxonomy.min_confidence:
        return Outcome.FALLBACK, (Reason.BELOW_MIN_CONFIDENCE, Reason.ABOVE_THRESHOLD)
    return Outcome.MATCHED, (Reason.ABOVE_THRESHOLD,)


def _too_close(best: Candidate, second: Candidate, ranking: Ranking, catalog: Catalog) -> bool:
    """Whether it is surely one of the two, and not which."""
    taxonomy = catalog.taxonomy
    surely = best.confidence + second.confidence >= taxonomy.min_confidence
    return (
        second.reaches_threshold
        and best.confidence - second.confidence < taxonomy.margin
        and (surely or not ranking.calibrated)
    )
