"""What keeps a model from being called for a query, and what only speaks against it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from waypost_server.core.model_policy import TenantPolicy
from waypost_server.core.model_pool import Member, Pool


class Cause(StrEnum):
    """Why a model is left out."""

    SWITCHED_OFF = "switched_off"
    TAG = "tag"
    NOT_APPROVED = "not_approved"
    WINDOW = "window"
    BUDGET = "budget"
    BREAKER = "breaker"
    LATENCY = "latency"


WISHES = frozenset((Cause.BREAKER, Cause.LATENCY))
"""Causes that are waived where they would leave nobody, and keep no model from judging."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that a query does not go to, and why, in one sentence."""

    name: str
    cause: Cause
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a choice depends on besides the query and the routes.

    Attributes:
        off: models that are switched off.
        breakers: why each model is left out for a while that is.
        p99_ms: what a model's slowest calls take; None for unknown.
        left_usd: what is left of the tenant's budget; infinite without one.
    """

    off: Collection[str] = ()
    breakers: Mapping[str, str] = field(default_factory=dict)
    p99_ms: Callable[[str], float | None] = lambda model: None
    left_usd: float = inf


@dataclass(frozen=True, slots=True)
class Requirements:
    """What must hold of a model for one query.

    Attributes:
        required: tags, each with who requires it.
        tenant: whose section of taxonomy.yaml holds.
        policy: what it says.
        tokens: of the query.
        now: what else counts.
    """

    required: Mapping[str, str]
    tenant: str
    policy: TenantPolicy
    tokens: int
    now: Circumstances

    def bar(self, pool: Pool, member: Member) -> LeftOut | None:
        """Why a model must not be called; None if it may."""
        name, approved = member.model.name, self.policy.models
        if name in self.now.off:
            return LeftOut(name, Cause.SWITCHED_OFF, "switched off by an operator")
        if (self.required or pool.route.specialist.requires) and (lack := self._lack(pool, member)):
            return lack
        if approved is not None and name not in approved:
            why = f"it is not approved for the tenant {self.tenant!r}"
            return LeftOut(name, Cause.NOT_APPROVED, why)
        if self.tokens > member.room:
            return self._too_small(pool, member)
        if self.policy.budget and member.has_price and self.now.left_usd < inf:
            return self._too_dear(member)
        return None

    def _lack(self, pool: Pool, member: Member) -> LeftOut | None:
        for tag in self.required:
            if tag not in member.tags:
                why = f"it lacks the tag {tag!r}, which {self.required[tag]}"
                return LeftOut(member.model.name, Cause.TAG, why)
        for tag in pool.route.specialist.requires:
            if tag not in member.tags:
                why = f"it lacks the tag {tag!r}, which the route {pool.route.name} requires"
                return LeftOut(member.model.name, Cause.TAG, why)
        return None

    def _too_small(self, pool: Pool, member: Member) -> LeftOut:
        model = member.model
        why = (
            f"its window of {model.context_window_tokens:,} tokens has no room for "
            f"{self.tokens:,} of the query, {pool.prompt_tokens:,} of the prompt and "
            f"{pool.output_tokens:,} of an answer: summarise or split first"
        )
        return LeftOut(model.name, Cause.WINDOW, why)

    def _too_dear(self, member: Member) -> LeftOut | None:
        usd, left = member.usd(self.tokens), self.now.left_usd
        if usd <= left and left > 0:
            return None
        per = self.policy.budget.per if self.policy.budget else ""
        why = (
            f"a call of about ${usd:.4f} is more than the ${left:.4f} left of the {per}'s budget "
            f"of tenant {self.tenant!r} to this process"
        )
        return LeftOut(member.model.name, Cause.BUDGET, why)


def wished(
    may: list[Member], pool: Pool, now: Circumstances, left_out: list[LeftOut]
) -> list[Member]:
    """Those of the models that are as wished for; all of them where none is.

    Args:
        may: models that may be called.
        pool: whose they are.
        now: what is known of them.
        left_out: takes the others.
    """
    if now.breakers:
        closed = [member for member in may if member.model.name not in now.breakers]
        # To try one is better than to fail for certain, and clients guard themselves.
        if closed and len(closed) < len(may):
            left_out += (
                LeftOut(member.model.name, Cause.BREAKER, now.breakers[member.model.name])
                for member in may
                if member.model.name in now.breakers
            )
            may = closed
    limit_ms = pool.route.specialist.max_latency_ms
    return _quick_ones(may, limit_ms, now, left_out) if limit_ms else may


def _quick_ones(
    may: list[Member], limit_ms: int, now: Circumstances, left_out: list[LeftOut]
) -> list[Member]:
    takes = {member.model.name: now.p99_ms(member.model.name) or 0.0 for member in may}
    quick = [member for member in may if takes[member.model.name] <= limit_ms]
    if not quick:
        return sorted(may, key=lambda member: takes[member.model.name])
    left_out += (
        LeftOut(
            name,
            Cause.LATENCY,
            f"its slowest calls take {ms / 1000:.1f} s (99th percentile), and the route wants "
            f"{limit_ms / 1000:.1f} s",
        )
        for name, ms in takes.items()
        if ms > limit_ms
    )
    return quick
