"""Which models each decision's contract names, by policy, and what that costs its tenant."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from weakref import WeakSet

from waypost_server.core.breakers import NOTHING
from waypost_server.core.budgets import Budgets
from waypost_server.core.catalog import Catalog, Model, Route
from waypost_server.core.decision import Decision
from waypost_server.core.latencies import Latencies
from waypost_server.core.model_choice import Choice, ModelChoice
from waypost_server.core.model_policy import Budget, policy_of
from waypost_server.core.model_pool import input_tokens
from waypost_server.core.model_rules import Cause, Circumstances
from waypost_server.core.outcome import Action, Reason
from waypost_server.core.report import Attempt, OutcomeReport
from waypost_server.core.shared_budgets import Cost
from waypost_server.core.switches import Off
from waypost_server.service.chosen import AS_LISTED, Chosen
from waypost_server.service.routed import Routed
from waypost_server.service.shortage import Shortage

_MILLION = 1e6

_SAID = {
    Reason.INPUT_TOO_LARGE: "No model of the specialist has room for it: summarise or split first.",
    Reason.BUDGET_EXHAUSTED: "The tenant's budget has not enough left for a paid model.",
    Reason.NO_ELIGIBLE_MODEL: "No model of the specialist may be called; excluded_models says why.",
}
"""What the rationale says too, the first that applies."""


class Choosing:
    """For one process; on the event loop alone.

    Attributes:
        budgets: what tenants have left.
        left_out: how often models were left out, by cause.
    """

    def __init__(
        self, budgets: Budgets, latencies: Latencies, *, wake: Callable[[], None] = lambda: None
    ) -> None:
        """Has chosen nothing yet; `wake` lets processes agree on budgets again soon."""
        self.budgets = budgets
        self.left_out: Counter[Cause] = Counter()
        self._latencies = latencies
        self._wake = wake
        self._shortage = Shortage(budgets)
        self._opened: ModelChoice | None = None
        self._known: WeakSet[ModelChoice] = WeakSet()

    def open(self, by: ModelChoice) -> None:
        """Keeps the accounts of these routes' tenants, and no others."""
        self._opened = by
        self._known.add(by)
        self.budgets.open(by.budgets)

    def choose(
        self, by: ModelChoice, routed: Routed, breakers: Mapping[str, str] = NOTHING
    ) -> tuple[Routed, Chosen]:
        """The decision with what the choice adds to its reasons, and the models it may go to.

        Sets apart what an answer may cost.

        Args:
            by: what the routes say.
            routed: the decision.
            breakers: why each model is left out for a while that is.
        """
        if by not in self._known:  # a call that began before a swap opens nothing anew
            self.open(by)
        query, decision = routed.query, routed.decision
        tenant, policy = policy_of(query.tenant, by.tenants)
        now = self._circumstances(query.off, breakers, tenant, policy.budget)
        fallback = decision.fallback_route
        choice = by.choose(query, decision.route, now, fallback=fallback)
        steps = _of_plan(by, routed, now) if decision.plan else ()
        if choice is None and not any(steps):
            return routed, AS_LISTED
        made = [each for each in (choice, *steps) if each]
        for each in made:
            for left_out in each.left_out:
                self.left_out[left_out.cause] += 1
        reasons = [reason for each in made for reason in each.reasons]
        if policy.budget:
            self._reserve(routed, tenant, choice, steps)
            if Reason.BUDGET_EXHAUSTED in reasons:
                self._shortage.tell(tenant, policy.budget)
        if reasons:
            routed = replace(routed, decision=_with(decision, reasons))
        return routed, Chosen(choice, steps)

    def for_callers(
        self,
        by: ModelChoice,
        route: Route,
        off: Off,
        breakers: Mapping[str, str],
        *,
        tenant: str | None,
    ) -> Choice | None:
        """The models that any query of a tenant may go to; None: as switches say.

        Args:
            by: what the routes say.
            route: whose specialist.
            off: what is switched off.
            breakers: as for `choose`.
            tenant: None where nobody knows it.
        """
        if tenant is None:
            return by.choose_for_anyone(route, self._circumstances(off, breakers))
        name, policy = policy_of(tenant, by.tenants)
        circumstances = self._circumstances(off, breakers, name, policy.budget)
        return by.choose_for_anyone(route, circumstances, tenant=tenant)

    def heard(self, report: OutcomeReport, catalog: Catalog) -> None:
        """Takes in a report that says something new of what happened."""
        for attempt in report.attempts:
            if attempt.model in catalog.models:
                self._latencies.hear(attempt)
        if report.is_afterthought or self._opened is None or not self._opened.budgets:
            return
        usd = cost_of(report, catalog.models)
        if self.budgets.settle(Cost(report.decision_id, usd)):
            self._wake()

    def _circumstances(
        self,
        off: Off,
        breakers: Mapping[str, str],
        tenant: str = "",
        budget: Budget | None = None,
    ) -> Circumstances:
        return Circumstances(
            off=off.models,
            breakers=breakers,
            p99_ms=self._latencies.p99_ms,
            left_usd=self.budgets.left(tenant, budget) if budget else inf,
        )

    def _reserve(
        self,
        routed: Routed,
        tenant: str,
        choice: Choice | None,
        steps: tuple[Choice | None, ...],
    ) -> None:
        action = routed.decision.action
        if action not in (Action.INVOKE, Action.RUN_PLAN):
            return  # nobody is called for it
        called = [each for each in (steps if action is Action.RUN_PLAN else (choice,)) if each]
        usd = sum(each.reserve_usd for each in called)
        is_low = usd > 0 and self.budgets.reserve(routed.decision_id, tenant, usd)
        wanted = max((each.lacked_usd for each in called), default=0.0)
        asks = wanted > 0 and self.budgets.lacked(tenant, wanted)
        if is_low or asks:
            self._wake()


def _of_plan(by: ModelChoice, routed: Routed, now: Circumstances) -> tuple[Choice | None, ...]:
    """The models of each step; what one may cost, the next has not left."""
    steps: list[Choice | None] = []
    plan = routed.decision.plan
    for step in plan:
        part = replace(routed.query, text=step.text, input_tokens=0)
        if step.depends_on:
            handed_on = sum(by.output_tokens(plan[number].route) for number in step.depends_on)
            part = replace(part, input_tokens=input_tokens(part) + handed_on)
        choice = by.choose(part, step.route, now)
        if choice:
            now = replace(now, left_usd=max(0.0, now.left_usd - choice.reserve_usd))
        steps.append(choice)
    return tuple(steps)


def cost_of(report: OutcomeReport, fleet: Mapping[str, Model]) -> float | None:
    """What all calls of a report cost, in US dollars.

    Returns:
        As the client says, or else by tokens and prices; None where a paid model answered and
        nobody knows for how much.
    """
    costs = [_cost_of(attempt, fleet.get(attempt.model)) for attempt in report.attempts]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _cost_of(attempt: Attempt, model: Model | None) -> float | None:
    if attempt.cost_usd or model is None:
        return attempt.cost_usd
    if not (model.usd_per_mtok_in or model.usd_per_mtok_out):
        return 0.0
    if not (attempt.input_tokens or attempt.output_tokens):
        return None if attempt.succeeded else 0.0
    paid_in = attempt.input_tokens * model.usd_per_mtok_in
    return (paid_in + attempt.output_tokens * model.usd_per_mtok_out) / _MILLION


def _with(decision: Decision, found: list[Reason]) -> Decision:
    """A decision that says why it has no model, or none that costs anything."""
    new = tuple(dict.fromkeys(reason for reason in found if reason not in decision.reasons))
    said = next((words for reason, words in _SAID.items() if reason in found), "")
    return replace(
        decision, reasons=(*decision.reasons, *new), rationale=f"{decision.rationale} {said}"
    )
