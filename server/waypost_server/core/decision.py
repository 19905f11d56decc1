"""What was decided about a query, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from waypost_server.core.catalog import Catalog, Hints, Route
from waypost_server.core.clues import Verdict
from waypost_server.core.hierarchy import NO_GROUPS
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, Ranking
from waypost_server.core.ranking_outcome import judge
from waypost_server.core.rationale import (
    clarifying_question,
    destination,
    rationale,
    rationale_at_limit,
    rationale_of_plan,
)
from waypost_server.core.rejections import MAX_REROUTES, last_resort, refuge, refuge_in_group

NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One step of a plan.

    Attributes:
        route: who takes it.
        text: the part of the query that belongs to it.
        depends_on: positions, from 0, of the steps whose output it needs.
        confidence: as of a decision about this part alone.
        params: parameters found in this part.
    """

    route: Route
    text: str
    depends_on: tuple[int, ...] = ()
    confidence: float
    params: Mapping[str, Any] = field(default_factory=lambda: NO_PARAMS)


@dataclass(frozen=True, kw_only=True)  # without slots, for `changed`
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
        params: parameters found, by name: what JSON knows.
        missing_params: names of required parameters that were not found.
        plan: steps in order; set when action is RUN_PLAN.
        hints: advice for the specialist's call; None for the route's own.
    """

    outcome: Outcome
    action: Action
    reasons: tuple[Reason, ...]
    route: Route
    fallback_route: str
    rationale: str
    clarifying_question: str
    candidates: tuple[Candidate, ...]
    params: Mapping[str, Any] = field(default_factory=lambda: NO_PARAMS)
    missing_params: tuple[str, ...] = ()
    plan: tuple[PlanStep, ...] = ()
    hints: Hints | None = None


BEST_LEFT_OUT = frozenset(
    (
        Reason.ROUTE_NOT_ALLOWED,
        Reason.ROUTE_REJECTED,
        Reason.ROUTE_DISABLED,
        Reason.RULE_FORBADE,
    )
)
"""Reasons of a decision that the best route of all had no part in."""

OF_ANOTHER_ROUTE = frozenset(
    (
        Reason.REROUTE_LIMIT,
        Reason.MISSING_PARAMS,
        Reason.NO_ELIGIBLE_MODEL,
        Reason.INPUT_TOO_LARGE,
        Reason.BUDGET_EXHAUSTED,
        Reason.GUARD_FLAGGED,
    )
)
"""Reasons that say something of where the query would have gone, and nothing of the query."""


def decide(ranking: Ranking, catalog: Catalog, query: Query) -> Decision:
    """Applies scope, thresholds, margin and the least confidence to ranked candidates.

    A best candidate that is not good enough never loses to a worse one with a lower bar: the query
    then goes to the default route, or where that rejected it, to a fallback.
    """
    ranking, outcome, reasons = judge(ranking, catalog, query.clues.previous)
    candidates, rejected = ranking.candidates, query.rejected_routes
    good_enough = outcome in (Outcome.MATCHED, Outcome.AMBIGUOUS)
    in_group = (
        refuge_in_group(candidates[0].route, ranking.groups, query, catalog)
        if reasons[0] is Reason.BELOW_MIN_CONFIDENCE
        else None
    )
    otherwise = in_group or refuge(query, catalog)
    route = catalog.routes[candidates[0].route] if good_enough else otherwise.route
    no_default = not (good_enough or in_group) and catalog.default_route.name in rejected
    why = _why_left_out(ranking.left_out, query)
    if why:
        reasons = (*reasons, why)
    if no_default and why is not Reason.ROUTE_REJECTED:
        reasons = (*reasons, Reason.ROUTE_REJECTED)
    if no_default:
        reasons = (*reasons, Reason.REROUTE_LIMIT)
    if not ranking.swayed.isdisjoint(query.clues.boosted_by_rules):
        reasons = (*reasons, Reason.RULE_BOOSTED)
    reasons = (*reasons, *(r for r in query.clues.reasons if r not in reasons))
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
            min_confidence=catalog.taxonomy.min_confidence,
            scope=ranking.scope_probability,
            restricted=bool(ranking.left_out),
            switched_off=ranking.left_out if why is Reason.ROUTE_DISABLED else "",
            groups=ranking.groups if ranking.calibrated else NO_GROUPS,
            left=_left(reasons, query),
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


def decide_by_verdict(verdict: Verdict, query: Query, catalog: Catalog) -> Decision:
    """The decision that was made before the query was encoded."""
    route = catalog.routes[verdict.route]
    others = tuple(reason for reason in query.clues.reasons if reason is not verdict.reason)
    return Decision(
        outcome=verdict.outcome,
        action=verdict.action,
        reasons=_with_models((verdict.reason, *others), route, query, catalog),
        route=route,
        # What the guard sends to one route must go to no other.
        fallback_route=""
        if verdict.outcome is Outcome.BLOCKED
        else _fallback_of(route, query, catalog),
        rationale=verdict.rationale,
        clarifying_question="",
        candidates=(),
    )


def decide_by_plan(
    steps: tuple[PlanStep, ...], whole: Decision, query: Query, catalog: Catalog
) -> Decision:
    """The decision to ask several routes about one query.

    Its route is that of the first step, its candidates are those of the whole query.

    Args:
        steps: in order, at least two.
        whole: the decision about the query as a whole.
        query: the query.
        catalog: the routes.
    """
    route = steps[0].route
    reasons = (Reason.MULTIPLE_ROUTES, *query.clues.reasons)
    for step in steps:
        if Reason.NO_ELIGIBLE_MODEL not in reasons:
            reasons = _with_models(reasons, step.route, query, catalog)
    return replace(
        whole,
        outcome=Outcome.MATCHED,
        action=Action.RUN_PLAN,
        reasons=reasons,
        route=route,
        fallback_route=_fallback_of(route, query, catalog),
        rationale=rationale_of_plan([step.route.name for step in steps]),
        clarifying_question="",
        plan=steps,
    )


def decide_by_model(
    decision: Decision, chosen: Candidate, query: Query, catalog: Catalog
) -> Decision:
    """The decision after a language model chose one of the candidates, not completed yet.

    The chosen one comes first and keeps the encoder's probability as its confidence: that is right
    if the model knows nothing that the encoder does not, and too low by as much as it knows.
    """
    route = catalog.routes[chosen.route]
    candidates = (chosen, *(one for one in decision.candidates if one is not chosen))
    of_query = query.clues.reasons
    why = tuple(r for r in decision.reasons if r in of_query or r not in OF_ANOTHER_ROUTE)
    return replace(
        decision,
        outcome=Outcome.MATCHED,
        action=Action.INVOKE,
        reasons=_with_models((Reason.MODEL_CONSULTED, *why), route, query, catalog),
        route=route,
        fallback_route=_fallback_of(route, query, catalog),
        rationale=rationale(
            candidates,
            Reason.MODEL_CONSULTED,
            route.name,
            min_confidence=catalog.taxonomy.min_confidence,
        ),
        clarifying_question="",
        candidates=candidates,
        params=NO_PARAMS,
        missing_params=(),
        hints=None,
    )


def _fallback_of(route: Route, query: Query, catalog: Catalog) -> str:
    rejected = query.rejected_routes
    if route.name in rejected:
        return ""  # it ends there
    fallback = catalog.fallback_of(route, without=query.off.routes | query.clues.forbidden)
    return "" if fallback in rejected else fallback


def _left(reasons: Sequence[Reason], query: Query) -> str:
    """The route that the conversation was on and clearly leaves; empty where it does not."""
    previous = query.clues.previous
    return previous.route if previous and Reason.TOPIC_SWITCH in reasons else ""


def _why_left_out(left_out: str, query: Query) -> Reason | None:
    """Why the best route of all is no candidate; a switch comes last, if it made no difference."""
    if not left_out:
        return None
    if left_out in query.rejected_routes:
        return Reason.ROUTE_REJECTED
    if query.allowed_routes and left_out not in query.allowed_routes:
        return Reason.ROUTE_NOT_ALLOWED
    if left_out in query.clues.forbidden:
        return Reason.RULE_FORBADE
    return Reason.ROUTE_DISABLED


def _with_models(
    reasons: tuple[Reason, ...], route: Route, query: Query, catalog: Catalog
) -> tuple[Reason, ...]:
    if catalog.can_call(route, without=query.off.models):
        return reasons
    return (*reasons, Reason.NO_ELIGIBLE_MODEL)
