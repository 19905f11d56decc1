"""What a route does about findings in queries that go to it, besides what holds for all."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.clues import Flag
from waypost_server.core.decision import Decision
from waypost_server.core.guard_actions import LOCAL, describe, refuge_of, worst_of
from waypost_server.core.guard_policy import GuardPolicy, RouteActions, reaches
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query

NOTHING = RouteActions()


def note_for_route(query: Query, decision: Decision, catalog: Catalog) -> Query:
    """The query with what the routes that may get it say of its findings.

    Those are the decision's own, those of a plan's steps, the fallback, for which the same models
    must do, and where one of them must not have the query the one that gets it instead. What an
    earlier decision's routes said is taken back.
    """
    clues = query.clues.of_query or query.clues
    if not clues.found:
        return query
    routes = [*_routes_of(decision)]
    if decision.fallback_route:
        routes.append(catalog.routes[decision.fallback_route])
    if _held(clues.found, decision):
        policy = catalog.taxonomy.guard or GuardPolicy()
        routes.append(catalog.routes[refuge_of(policy, catalog)])
    if not any(route.guard for route in routes):
        return replace(query, clues=clues)
    said = [(flag, route.guard.get(flag.kind, NOTHING)) for route in routes for flag in clues.found]
    told = [flag for flag, actions in said if reaches(flag.severity, actions.flag)]
    hidden = [flag for flag, actions in said if reaches(flag.severity, actions.redact)]
    local = any(reaches(flag.severity, actions.local) for flag, actions in said)
    clues = replace(
        clues,
        flags=tuple(dict.fromkeys((*clues.flags, *told))),
        hidden=tuple(dict.fromkeys((*clues.hidden, *hidden))),
        required_tags=clues.required_tags | {LOCAL} if local else clues.required_tags,
        of_query=clues,
    )
    return replace(query, clues=clues)


def keep_from_route(query: Query, decision: Decision, catalog: Catalog) -> Decision:
    """The decision, unless a route of it must not have what was found in the query.

    The routes of a plan's steps count like its own: the findings are those of the whole query. A
    fallback route that must not have it is none.
    """
    found = query.clues.found
    if not found:
        return decision
    if query.clues.flags and Reason.GUARD_FLAGGED not in query.clues.reasons:
        decision = replace(decision, reasons=(*decision.reasons, Reason.GUARD_FLAGGED))
    if decision.outcome is Outcome.BLOCKED:
        return decision
    held = _held(found, decision)
    if held is None:
        fallback = decision.fallback_route
        if fallback and any(_barred(found, catalog.routes[fallback])):
            return replace(decision, fallback_route="")
        return decision
    barred, worst, sent = held
    policy = catalog.taxonomy.guard or GuardPolicy()
    refuge = catalog.routes[refuge_of(policy, catalog)]
    if worst is None and sent is not None and refuge is not barred:
        action, why = Action.INVOKE, f"so that {refuge.name} has the query instead"
    else:
        action, why = Action.REFUSE, "and is refused"
    flag = worst or sent
    described = "" if flag is None else describe(flag)
    others = tuple(reason for reason in decision.reasons if reason is not Reason.NO_ELIGIBLE_MODEL)
    return replace(
        decision,
        outcome=Outcome.BLOCKED,
        action=action,
        reasons=(Reason.GUARD_BLOCKED, *others),
        route=refuge,
        fallback_route="",
        rationale=f"{barred.name} may not have {described}, {why}.",
        clarifying_question="",
        plan=(),
    )


def _held(
    found: Iterable[Flag], decision: Decision
) -> tuple[Route, Flag | None, Flag | None] | None:
    """The first route that must not have it, where there is one that refuses it, that."""
    kept = [(route, *_barred(found, route)) for route in _routes_of(decision)]
    return next((one for one in kept if one[1]), None) or next((o for o in kept if o[2]), None)


def _routes_of(decision: Decision) -> Iterator[Route]:
    yield decision.route
    for step in decision.plan:
        yield step.route


def _barred(found: Iterable[Flag], route: Route) -> tuple[Flag | None, Flag | None]:
    """What a route's guard refuses, and what it sends elsewhere."""
    guard, none = route.guard, NOTHING
    if not guard:
        return None, None
    return (
        worst_of(f for f in found if reaches(f.severity, guard.get(f.kind, none).refuse)),
        worst_of(f for f in found if reaches(f.severity, guard.get(f.kind, none).send)),
    )
