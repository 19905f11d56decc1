"""Decisions with the models that policy chose: reasons, reservations, costs, specialists."""

from dataclasses import replace

import pytest

from tests.unit.core.test_latencies import Clock
from tests.unit.core.test_model_choice import MODELS
from waypost.v1 import contract_pb2
from waypost_server.core.budgets import Budgets
from waypost_server.core.catalog import Catalog, Route, Specialist, Taxonomy
from waypost_server.core.clues import Clues
from waypost_server.core.decision import Decision, PlanStep
from waypost_server.core.latencies import Latencies
from waypost_server.core.model_choice import Choice, ModelChoice
from waypost_server.core.model_policy import Budget, Period, TenantPolicy
from waypost_server.core.model_rules import Cause, LeftOut
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.policy import Checks, Judge, Policy, Shadow
from waypost_server.core.query import Query
from waypost_server.core.report import Attempt, OutcomeReport, SpecialistOutcome
from waypost_server.core.switches import NOTHING_OFF, Off
from waypost_server.service.choosing import Choosing, cost_of
from waypost_server.service.chosen import AS_LISTED
from waypost_server.service.ids import new_decision_id
from waypost_server.service.pools import Pools
from waypost_server.service.routed import Routed, Timings
from waypost_server.service.specialists import specialist_ref

DOLLAR = Budget(1.0, Period.DAY)
CALL_USD = 0.0041
"""Of `fast`, roughly: 1,000 tokens of output for 4 dollars a million, and a few more of input."""


def route(name: str, *models: str) -> Route:
    return Route(name=name, specialist=Specialist(models=models, max_output_tokens=1_000))


ROUTES = {each.name: each for each in (route("a", "fast", "local"), route("b", "fast"))}


def by_of(**tenants: TenantPolicy) -> ModelChoice:
    return ModelChoice(
        Catalog(taxonomy=Taxonomy(default_route="a", tenants=tenants), routes=ROUTES, models=MODELS)
    )


def routed(at: str = "a", **fields: object) -> Routed:
    decision = Decision(
        outcome=Outcome.MATCHED,
        action=Action.INVOKE,
        reasons=(Reason.ABOVE_THRESHOLD,),
        route=ROUTES[at],
        fallback_route="",
        rationale="It fits.",
        clarifying_question="",
        candidates=(),
    )
    decision = replace(decision, **{k: v for k, v in fields.items() if hasattr(decision, k)})  # type: ignore[arg-type]
    query = Query(text="why", **{k: v for k, v in fields.items() if not hasattr(decision, k)})  # type: ignore[arg-type]
    return Routed(new_decision_id(), query, decision, Stage.ENCODER, Timings(0, 0, 0, 0, 0))


@pytest.fixture
def woken() -> list[None]:
    return []


@pytest.fixture
def choosing(woken: list[None]) -> Choosing:
    clock = Clock(1e9)
    budgets = Budgets(clock, is_shared=True)
    budgets.go_alone()
    return Choosing(budgets, Latencies(clock), wake=lambda: woken.append(None))


def report(decision: Routed, *attempts: Attempt) -> OutcomeReport:
    return OutcomeReport(
        decision_id=decision.decision_id, outcome=SpecialistOutcome.ACCEPTED, attempts=attempts
    )


def left(choosing: Choosing) -> float:
    return choosing.budgets.left("default", DOLLAR)


def test_where_nothing_is_configured_the_decision_is_the_same_object(choosing: Choosing) -> None:
    decision = routed()
    assert choosing.choose(by_of(), decision) == (decision, AS_LISTED)
    assert choosing.choose(by_of(), decision)[0] is decision
    assert not choosing.left_out


def test_a_decision_reserves_and_its_report_settles(choosing: Choosing) -> None:
    by = by_of(default=TenantPolicy(budget=DOLLAR))
    decision, chosen = choosing.choose(by, routed())
    assert chosen.choice is not None
    assert chosen.choice.models == ("fast", "local")
    assert left(choosing) == pytest.approx(1 - CALL_USD, abs=1e-4)
    catalog = Catalog(taxonomy=Taxonomy(), routes=ROUTES, models=MODELS)
    choosing.heard(report(decision, Attempt(model="fast", succeeded=True, cost_usd=0.9)), catalog)
    assert left(choosing) == pytest.approx(0.1)
    choosing.heard(report(decision, Attempt(model="fast", succeeded=True, cost_usd=0.9)), catalog)
    assert left(choosing) == pytest.approx(0.1)
    afterthought = OutcomeReport(decision_id=choosing.choose(by, routed())[0].decision_id)
    choosing.heard(afterthought, catalog)
    assert left(choosing) == pytest.approx(0.1 - CALL_USD, abs=1e-4)


def test_a_call_that_began_before_a_swap_leaves_the_new_versions_accounts_alone(
    choosing: Choosing,
) -> None:
    before, after = by_of(), by_of(default=TenantPolicy(budget=DOLLAR))
    choosing.choose(before, routed())
    choosing.choose(after, routed())
    choosing.choose(before, routed())  # took its version earlier
    choosing.choose(after, routed())
    assert left(choosing) == pytest.approx(1 - 2 * CALL_USD, abs=3e-4)


def test_who_asks_a_question_or_refuses_reserves_nothing(choosing: Choosing) -> None:
    by = by_of(default=TenantPolicy(budget=DOLLAR))
    for action in (Action.CLARIFY, Action.REFUSE):
        choosing.choose(by, routed(action=action))
    assert left(choosing) == 1


def test_the_log_hears_once_that_a_budget_is_used_up(
    choosing: Choosing, caplog: pytest.LogCaptureFixture
) -> None:
    by = by_of(default=TenantPolicy(budget=DOLLAR))
    for _ in range(3):
        while Reason.BUDGET_EXHAUSTED not in choosing.choose(by, routed())[0].decision.reasons:
            assert caplog.messages == []
    (said,) = caplog.messages
    assert "of the budget of tenant 'default' for a paid model" in said


def test_a_plan_reserves_for_each_of_its_steps_and_the_last_finds_what_is_left(
    choosing: Choosing, woken: list[None]
) -> None:
    by = by_of(default=TenantPolicy(budget=DOLLAR))
    choosing.choose(by, routed())
    usd = 1 - left(choosing)
    by = by_of(default=TenantPolicy(budget=Budget(2.5 * usd, Period.DAY)))
    choosing.open(by_of())
    step = PlanStep(route=ROUTES["b"], text="why", confidence=1.0)
    decision, chosen = choosing.choose(by, routed(action=Action.RUN_PLAN, plan=(step, step, step)))
    assert [c.models if c else None for c in chosen.steps] == [("fast",), ("fast",), ()]
    assert chosen.step(2) is chosen.steps[2]
    assert decision.decision.reasons == (
        Reason.ABOVE_THRESHOLD,
        Reason.NO_ELIGIBLE_MODEL,
        Reason.BUDGET_EXHAUSTED,
    )
    assert choosing.budgets.standing()["default"].left == pytest.approx(usd / 2)
    assert woken


def test_a_step_that_needs_other_steps_is_priced_with_their_answers(choosing: Choosing) -> None:
    by = by_of(default=TenantPolicy(budget=DOLLAR))
    step = PlanStep(route=ROUTES["b"], text="why", confidence=1.0)
    plan = (step, step, replace(step, depends_on=(0, 1)))
    _, chosen = choosing.choose(by, routed(action=Action.RUN_PLAN, plan=plan))
    alone, _, last = (each.reserve_usd if each else 0.0 for each in chosen.steps)
    two_answers = 2 * 1_000 * MODELS["fast"].usd_per_mtok_in / 1e6
    assert last - alone == pytest.approx(two_answers)
    assert two_answers > 0


def test_reasons_are_added_once_and_the_rationale_says_what_to_do(choosing: Choosing) -> None:
    reasons = (Reason.NO_CANDIDATE, Reason.NO_ELIGIBLE_MODEL)
    found, _ = choosing.choose(by_of(), routed("b", reasons=reasons, input_tokens=10**6))
    assert found.decision.reasons == (
        Reason.NO_CANDIDATE,
        Reason.NO_ELIGIBLE_MODEL,
        Reason.INPUT_TOO_LARGE,
    )
    assert found.decision.rationale == (
        "It fits. No model of the specialist has room for it: summarise or split first."
    )
    assert choosing.left_out == {Cause.WINDOW: 1}


def test_a_model_that_was_slow_is_left_out_where_the_route_says_so(choosing: Choosing) -> None:
    quick = replace(ROUTES["a"], specialist=replace(ROUTES["a"].specialist, max_latency_ms=1_000))
    catalog = Catalog(taxonomy=Taxonomy(default_route="a"), routes={"a": quick}, models=MODELS)
    slow = Attempt(model="fast", succeeded=True, latency_ms=5_000)
    for _ in range(20):
        choosing.heard(report(routed(), slow, replace(slow, model="made up")), catalog)
    _, chosen = choosing.choose(ModelChoice(catalog), routed(route=quick))
    assert chosen.choice is not None
    assert chosen.choice.models == ("local",)


@pytest.mark.parametrize(
    ("attempts", "usd"),
    [
        ([], 0.0),
        ([Attempt(model="fast", cost_usd=0.5), Attempt(model="unknown", cost_usd=0.25)], 0.75),
        ([Attempt(model="fast", succeeded=True, input_tokens=10**6, output_tokens=10**6)], 5.0),
        ([Attempt(model="fast", succeeded=True)], None),
        ([Attempt(model="fast", succeeded=True), Attempt(model="strong", cost_usd=0.5)], None),
        ([Attempt(model="fast", error_kind="rate_limited")], 0.0),
        ([Attempt(model="local", succeeded=True)], 0.0),
        ([Attempt(model="unknown", succeeded=True)], 0.0),
    ],
)
def test_what_a_report_costs(attempts: list[Attempt], usd: float | None) -> None:
    assert cost_of(report(routed(), *attempts), MODELS) == usd


def test_who_asks_for_a_specialist_is_ruled_by_the_tenant_of_the_token(choosing: Choosing) -> None:
    by = by_of(a=TenantPolicy(budget=Budget(0.0, Period.DAY)))

    def models(tenant: str | None) -> tuple[str, ...] | None:
        found = choosing.for_callers(by, ROUTES["a"], NOTHING_OFF, {}, tenant=tenant)
        return found.models if found else None

    assert (models(None), models("b"), models("a")) == (None, None, ("local",))


# As specialists

JUDGED = replace(
    ROUTES["a"],
    specialist=Specialist(
        models=("fast", "local", "idle"), policy=Policy(checks=Checks(judge=Judge(model="strong")))
    ),
)
SHADOWED = Catalog(
    taxonomy=Taxonomy(default_route="a"),
    routes={"a": JUDGED},
    models=MODELS,
    shadows={
        "cheaper": Shadow(name="cheaper", share=0.1, models=("local",)),
        "elsewhere": Shadow(name="elsewhere", share=0.1, router="127.0.0.1:9"),
    },
)


def names(found: object) -> list[str]:
    return [each.name for each in found]  # type: ignore[attr-defined]


def test_a_specialist_has_the_chosen_models_and_says_why_the_others_are_not_there() -> None:
    pools = Pools({"a": specialist_ref(JUDGED, SHADOWED)})
    choice = Choice(models=("local", "fast"))
    found = pools.chosen("a", choice)
    assert names(found.models) == ["local", "fast"]
    assert found.models[1] == pools.of("a").models[0]
    assert names(found.helper_models) == ["strong"]
    assert names(found.shadows) == ["cheaper", "elsewhere"]
    assert names(found.excluded_models) == ["idle"]
    assert pools.chosen("a", replace(choice, reserve_usd=1.0)) is found

    put_off = Choice(models=("fast",), left_out=(LeftOut("local", Cause.BREAKER, "open"),))
    found = pools.chosen("a", put_off)
    assert names(found.helper_models) == ["local", "strong"]  # a shadow needs it
    assert found.excluded_models[-1] == contract_pb2.ExcludedModel(name="local", why="open")

    barred = tuple(LeftOut(name, Cause.TAG, "no") for name in ("fast", "strong"))
    found = pools.chosen("a", Choice(models=("local",), left_out=barred, is_restricted=True))
    assert names(found.helper_models) == []
    assert names(found.shadows) == ["cheaper"]
    assert names(found.excluded_models) == ["idle", "fast", "strong"]
    assert names(pools.of("a").models) == ["fast", "local"]  # as it was


def test_switches_and_required_tags_meet_in_one_contract(choosing: Choosing) -> None:
    clues = Clues(required_tags=frozenset({"hosted"}))
    decision = routed(clues=clues, off=Off(models=frozenset({"fast"})))
    _, chosen = choosing.choose(by_of(), decision)
    assert chosen.choice is not None
    assert {each.name: each.cause for each in chosen.choice.left_out} == {
        "fast": Cause.SWITCHED_OFF,
        "local": Cause.TAG,
    }
