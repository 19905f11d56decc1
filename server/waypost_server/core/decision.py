"""What was decided about a query, as data."""

from dataclasses import dataclass

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, Ranking
from waypost_server.core.rationale import (
    clarifying_question,
    destination,
    rationale,
    rationale_at_limit,
)
from waypost_server.core.rejections import MAX_REROUTES, last_resort, refuge


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

BEST_LEFT_OUT = frozenset((Reason.ROUTE_NOT_ALLOWED, Reason.ROUTE_REJECTED, Reason.ROUTE_DISABLED))
"""Reasons of a decision that the best route of all had no part in."""


def decide(ranking: Ranking, catalog: Catalog, query: Query) -> Decision:
    """Applies scope, thresholds, margin and the least confidence to ranked candidates.

    A best candidate that is not good enough never loses to a worse one with a lower bar: the query
    then goes to the default route, or where that rejected it, to a fallback.
    """
    candidates, rejected = ranking.candidates, query.rejected_routes
    outcome, reasons = _judge(ranking, catalog)
    good_enough = outcome in (Outcome.MATCHED, Outcome.AMBIGUOUS)
    otherwise = refuge(query, catalog)
    route = catalog.routes[candidates[0].route] if good_enough else otherwise.route
    no_default = not good_enough and catalog.default_route.name in rejected
    why = _why_left_out(ranking.left_out, query)
    if why:
        reasons = (*reasons, why)
    if no_default and why is not Reason.ROUTE_REJECTED:
        reasons = (*reasons, Reason.ROUTE_REJECTED)
    if no_default:
        reasons = (*reasons, Reason.REROUTE_LIMIT)
    ambiguous = outcome is Outcome.AMBIGUOUS
    return Decision(
        outcome=outcome,
        action=Action.CLARIFY if ambiguous else Action.INVOKE,
        reasons=_with_models(reasons, route, query, catalog),
        route=route,
        fallback_route=_fallback_of(route, query, catalog),
        rationale=rationale(
            candidates,
            reasons[0],
            destination(otherwise, query, catalog),
            restricted=bool(ranking.left_out),
            switched_off=ranking.left_out if why is Reason.ROUTE_DISABLED else "",
        ),
        clarifying_question=clarifying_question(candidates[:2], catalog) if ambiguous else "",
        candidates=candidates,
    )


def decide_at_limit(query: Query, catalog: Catalog) -> Decision | None:
    """The decision about a query that is rerouted too often, without a look at it; else None."""
    if len(query.rejected_routes) <= MAX_REROUTES:
        return None
    otherwise = last_resort(query, catalog)
    route = otherwise.route
    return Decision(
        outcome=Outcome.FALLBACK,
        action=Action.INVOKE,
        reasons=_with_models((Reason.REROUTE_LIMIT, Reason.ROUTE_REJECTED), route, query, catalog),
        route=route,
        fallback_route=_fallback_of(route, query, catalog),
        rationale=rationale_at_limit(query, destination(otherwise, query, catalog)),
        clarifying_question="",
        candidates=(),
    )


def _fallback_of(route: Route, query: Query, catalog: Catalog) -> str:
    rejected = query.rejected_routes
    if route.name in rejected:
        return ""  # it ends there
    fallback = catalog.fallback_of(route, without=query.off.routes)
    return "" if fallback in rejected else fallback


def _why_left_out(left_out: str, query: Query) -> Reason | None:
    """Why the best route of all is no candidate; a switch comes last, if it made no difference."""
    if not left_out:
        return None
    if left_out in query.rejected_routes:
        return Reason.ROUTE_REJECTED
    if query.allowed_routes and left_out not in query.allowed_routes:
        return Reason.ROUTE_NOT_ALLOWED
    return Reason.ROUTE_DISABLED


def _with_models(
    reasons: tuple[Reason, ...], route: Route, query: Query, catalog: Catalog
) -> tuple[Reason, ...]:
    if catalog.can_call(route, without=query.off.models):
        return reasons
    return (*reasons, Reason.NO_ELIGIBLE_MODEL)


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
