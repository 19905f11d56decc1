"""Which of a specialist's models a query may go to, in which order, and why not to the others."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.model_policy import FREE_FOR_ALL, Prefer, TenantPolicy, policy_of
from waypost_server.core.model_pool import Member, Pool, input_tokens, pool_of
from waypost_server.core.model_rules import (
    Cause,
    Circumstances,
    LeftOut,
    Requirements,
    wished,
)
from waypost_server.core.outcome import Reason
from waypost_server.core.policy import Pattern
from waypost_server.core.query import Query

_NO_TAGS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The models of one specialist for one query.

    Attributes:
        models: to call, in this order.
        left_out: the specialist's others, its judge and shadows, then those of the fallback route.
        reasons: why there is none, or none that costs anything.
        is_restricted: whether something about the query or its tenant says where it may go.
        reserve_usd: what an answer may cost, where the tenant has a budget.
        lacked_usd: what the cheapest call would cost for which the budget has too little left; 0
            where it has enough.
    """

    models: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    reasons: tuple[Reason, ...] = ()
    is_restricted: bool = False
    reserve_usd: float = 0.0
    lacked_usd: float = 0.0


class ModelChoice:
    """Chooses for one version of the routes; thread-safe.

    Attributes:
        tenants: what holds for them, by name.
        budgets: by tenant, of those that have one.
    """

    def __init__(self, catalog: Catalog) -> None:
        """Reads nothing but the tenants; a route's pool is made once it is needed."""
        self._catalog = catalog
        self.tenants = catalog.taxonomy.tenants
        self._pools: dict[str, Pool] = {}
        self.budgets = {
            tenant: policy.budget for tenant, policy in self.tenants.items() if policy.budget
        }

    def choose(
        self, query: Query, route: Route, now: Circumstances, *, fallback: str = ""
    ) -> Choice | None:
        """The models for a query.

        Args:
            query: the query, with its clues; its text is what the specialist gets.
            route: whose specialist.
            now: what else counts.
            fallback: the route that a client may go on to without asking again; empty for none.

        Returns:
            None where nothing but switches and breakers has a say.
        """
        tenant, policy = policy_of(query.tenant, self.tenants)
        pool = self._pool(route)
        required = self._required(query, policy)
        is_plain = policy is FREE_FOR_ALL and pool.is_plain and not required
        if is_plain and pool.has_room_for(query):
            return None
        requirements = Requirements(required, tenant, policy, input_tokens(query), now)
        if is_plain and all(member.room >= requirements.tokens for member in pool.members):
            return None
        return self._chosen(pool, requirements, fallback)

    def output_tokens(self, route: Route) -> int:
        """Of an answer by a route's specialist, at most."""
        return self._pool(route).output_tokens

    def choose_for_anyone(
        self, route: Route, now: Circumstances, *, tenant: str | None = None
    ) -> Choice | None:
        """The models that the shortest and most harmless query of a tenant may go to.

        Args:
            route: whose specialist.
            now: what else counts.
            tenant: None where nobody knows it, so that only the route itself has a say.
        """
        pool = self._pool(route)
        name, policy = "", FREE_FOR_ALL
        if tenant is not None:
            name, policy = policy_of(tenant, self.tenants)
        if policy is FREE_FOR_ALL and pool.is_plain:
            return None
        required = dict.fromkeys(policy.requires, _TENANT)
        return self._chosen(pool, Requirements(required, name, policy, 0, now), "")

    def _chosen(self, pool: Pool, requirements: Requirements, fallback: str) -> Choice:
        policy, tokens = requirements.policy, requirements.tokens
        left_out: list[LeftOut] = []
        may: list[Member] = []
        for member in pool.members:
            barred = requirements.bar(pool, member)
            if barred is None:
                may.append(member)
            else:
                left_out.append(barred)
        causes = {each.cause for each in left_out}
        may = wished(may, pool, requirements.now, left_out)
        may = _ordered(may, policy.prefer or pool.route.specialist.prefer, tokens)
        if pool.helpers:
            left_out += _told(requirements.bar(pool, helper) for helper in pool.helpers)
        if fallback:
            left_out += self._of_fallback(fallback, pool, requirements)
        reserves = policy.budget is not None
        return Choice(
            models=tuple(member.model.name for member in may),
            left_out=tuple(left_out),
            reasons=_reasons(may, causes) if causes else (),
            is_restricted=bool(requirements.required) or policy.models is not None,
            reserve_usd=_reserve(may, pool.route, tokens) if reserves else 0.0,
            lacked_usd=_lacked(pool, left_out, tokens) if Cause.BUDGET in causes else 0.0,
        )

    def _required(self, query: Query, policy: TenantPolicy) -> Mapping[str, str]:
        """Tags that any model must have, each with who says so."""
        sensitivity, tags = self._catalog.taxonomy.sensitivity, query.clues.required_tags
        said = sensitivity.tags_for(query.metadata) if sensitivity else ()
        if not (tags or said or policy.requires):
            return _NO_TAGS
        return (
            dict.fromkeys(sorted(tags), "the guard requires")
            | dict.fromkeys(policy.requires, _TENANT)
            | dict.fromkeys(said, "the query's sensitivity requires")
        )

    def _of_fallback(
        self, fallback: str, pool: Pool, requirements: Requirements
    ) -> Sequence[LeftOut]:
        """Models that a client would find there, and must not call for this query either."""
        other = self._pool(self._catalog.routes[fallback])
        known = {each.model.name for each in (*pool.members, *pool.helpers)}
        found = (
            requirements.bar(other, each) for each in other.members if each.model.name not in known
        )
        return [
            LeftOut(each.name, each.cause, f"of the fallback route {fallback}: {each.why}")
            for each in _told(found)
        ]

    def _pool(self, route: Route) -> Pool:
        pool = self._pools.get(route.name)
        if pool is None:
            pool = self._pools[route.name] = pool_of(route, self._catalog)
        return pool


_TENANT = "the tenant requires"


def _told(found: Iterable[LeftOut | None]) -> list[LeftOut]:
    """Those that a contract names beside the specialist's own: a switch goes without saying."""
    return [each for each in found if each and each.cause is not Cause.SWITCHED_OFF]


def _ordered(may: list[Member], prefer: Prefer, tokens: int) -> list[Member]:
    if prefer is Prefer.CHEAPEST:
        return sorted(may, key=lambda member: member.usd(tokens))
    if prefer is Prefer.BEST:
        return sorted(may, key=lambda member: -member.model.quality)
    return may


def _reserve(may: Sequence[Member], route: Route, tokens: int) -> float:
    """What an answer may cost: the dearest call, or as many as are made at once."""
    policy = route.specialist.policy
    at_once = policy.parallel.width if policy.pattern is Pattern.PARALLEL else 1
    return sum(sorted((member.usd(tokens) for member in may), reverse=True)[:at_once])


def _lacked(pool: Pool, left_out: Iterable[LeftOut], tokens: int) -> float:
    dear = {each.name for each in left_out if each.cause is Cause.BUDGET}
    return min(member.usd(tokens) for member in pool.members if member.model.name in dear)


def _reasons(may: Sequence[Member], causes: Collection[Cause]) -> tuple[Reason, ...]:
    reasons: tuple[Reason, ...] = ()
    if not may:
        reasons = (Reason.NO_ELIGIBLE_MODEL,)
        if Cause.WINDOW in causes:
            reasons = (*reasons, Reason.INPUT_TOO_LARGE)
    if Cause.BUDGET in causes and not any(member.has_price for member in may):
        reasons = (*reasons, Reason.BUDGET_EXHAUSTED)
    return reasons
