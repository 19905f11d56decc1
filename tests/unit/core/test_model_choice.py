"""Which models a query may go to: each rule alone, their order, and what must hold of all."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.catalog import Catalog, Model, Route, Specialist, Taxonomy
from waypost_server.core.clues import Clues
from waypost_server.core.model_choice import Choice, ModelChoice
from waypost_server.core.model_policy import Budget, Period, Prefer, Sensitivity, TenantPolicy
from waypost_server.core.model_pool import ASSUMED_OUTPUT_TOKENS, input_tokens
from waypost_server.core.model_rules import WISHES, Cause, Circumstances
from waypost_server.core.outcome import Reason
from waypost_server.core.policy import Checks, Judge, Parallel, Pattern, Policy, Shadow
from waypost_server.core.query import Conversation, Query
from waypost_server.core.token_estimate import estimated_tokens

MODELS = {
    "local": Model(
        name="local",
        provider="openai",
        model_id="l",
        context_window_tokens=4_000,
        tags=("local", "cheap"),
        quality=1.0,
    ),
    "fast": Model(
        name="fast",
        provider="openai",
        model_id="f",
        context_window_tokens=100_000,
        usd_per_mtok_in=1.0,
        usd_per_mtok_out=4.0,
        tags=("hosted",),
        quality=2.0,
    ),
    "strong": Model(
        name="strong",
        provider="openai",
        model_id="s",
        usd_per_mtok_in=10.0,
        usd_per_mtok_out=40.0,
        tags=("hosted", "vetted"),
        quality=3.0,
    ),
    "idle": Model(name="idle", provider="openai", model_id="i", tags=("local",), enabled=False),
}
ALL = ("strong", "fast", "idle", "local")
NOW = Circumstances()
QUERY = Query(text="why does this hang")
TOKENS = estimated_tokens(QUERY.text)
PROMPT = "You find causes."
DAY = Budget(1.0, Period.DAY)


def route(**fields: object) -> Route:
    own = {"prompt": PROMPT, "models": ALL, "max_output_tokens": 1_000} | fields
    return Route(name="debug", specialist=Specialist(**own))  # type: ignore[arg-type]


def choice_of(
    query: Query = QUERY,
    at: Route | None = None,
    now: Circumstances = NOW,
    *,
    fallback: Route | None = None,
    shadow: Shadow | None = None,
    **taxonomy: object,
) -> Choice | None:
    at = at or route()
    routes = {each.name: each for each in (at, fallback) if each}
    catalog = Catalog(
        taxonomy=Taxonomy(default_route="debug", **taxonomy),  # type: ignore[arg-type]
        routes=routes,
        models=MODELS,
        shadows={shadow.name: shadow} if shadow else {},
    )
    return ModelChoice(catalog).choose(query, at, now, fallback=fallback.name if fallback else "")


def chosen(*args: object, **named: object) -> Choice:
    found = choice_of(*args, **named)  # type: ignore[arg-type]
    assert found is not None
    return found


def whys(choice: Choice) -> dict[str, str]:
    return {each.name: each.why for each in choice.left_out}


def causes(choice: Choice) -> dict[str, Cause]:
    return {each.name: each.cause for each in choice.left_out}


def test_where_nothing_is_configured_switches_and_breakers_have_the_only_say() -> None:
    now = Circumstances(off={"fast"}, breakers={"strong": "open"})
    assert choice_of(now=now) is None
    assert choice_of(replace(QUERY, tenant="anyone", metadata={"sensitivity": "secret"})) is None
    assert choice_of(replace(QUERY, input_tokens=2_000)) is None


# Room


def test_a_model_has_room_for_prompt_query_and_answer_or_is_left_out() -> None:
    room = 4_000 - 1_000 - estimated_tokens(PROMPT)
    assert choice_of(replace(QUERY, input_tokens=room)) is None
    found = chosen(replace(QUERY, input_tokens=room + 1))
    assert found.models == ("strong", "fast")
    assert found.reasons == ()
    assert whys(found) == {
        "local": "its window of 4,000 tokens has no room for 2,993 of the query, 8 of the prompt "
        "and 1,000 of an answer: summarise or split first"
    }


def test_an_estimate_stands_in_for_what_the_caller_does_not_say() -> None:
    text = "word " * 2_900
    assert estimated_tokens(text) == 3_830
    assert chosen(Query(text=text)).models == ("strong", "fast")
    assert choice_of(Query(text=text, input_tokens=100)) is None
    turns = Conversation(recent_user_turns=[text[:9_000], text[9_000:]])
    assert input_tokens(replace(QUERY, conversation=turns)) == pytest.approx(3_830 + TOKENS, abs=5)
    assert chosen(replace(QUERY, conversation=turns)).models == ("strong", "fast")


def test_where_no_model_has_room_it_says_to_summarise_or_split() -> None:
    found = chosen(replace(QUERY, input_tokens=500_000), route(models=("fast", "local")))
    assert found.models == ()
    assert found.reasons == (Reason.NO_ELIGIBLE_MODEL, Reason.INPUT_TOO_LARGE)
    assert all(why.endswith(": summarise or split first") for why in whys(found).values())


def test_an_answer_without_a_limit_is_taken_for_a_usual_one() -> None:
    room = 4_000 - ASSUMED_OUTPUT_TOKENS - estimated_tokens(PROMPT)
    at = route(max_output_tokens=0)
    assert choice_of(replace(QUERY, input_tokens=room), at) is None
    assert causes(chosen(replace(QUERY, input_tokens=room + 1), at)) == {"local": Cause.WINDOW}


# Tags and approval


def test_tags_of_guard_tenant_sensitivity_and_route_are_all_required() -> None:
    taxonomy = {
        "tenants": {"a": TenantPolicy(requires=("hosted",))},
        "sensitivity": Sensitivity(metadata="level", levels={"secret": ("local",)}),
    }
    query = replace(QUERY, tenant="a")
    assert chosen(query, **taxonomy).models == ("strong", "fast")
    assert whys(chosen(query, **taxonomy)) == {
        "local": "it lacks the tag 'hosted', which the tenant requires"
    }
    secret = replace(query, metadata={"level": "Secret"})
    assert chosen(secret, **taxonomy).models == ()
    assert chosen(secret, **taxonomy).reasons == (Reason.NO_ELIGIBLE_MODEL,)
    assert (
        whys(chosen(secret, **taxonomy))["fast"]
        == "it lacks the tag 'local', which the query's sensitivity requires"
    )
    guarded = replace(QUERY, clues=Clues(required_tags=frozenset({"vetted"})))
    assert chosen(guarded).models == ("strong",)
    assert whys(chosen(guarded))["fast"] == "it lacks the tag 'vetted', which the guard requires"
    found = chosen(QUERY, route(requires=("local",)))
    assert found.models == ("local",)
    assert whys(found)["fast"] == "it lacks the tag 'local', which the route debug requires"


def test_a_tenant_has_its_approved_models_and_one_without_a_section_the_defaults() -> None:
    tenants = {
        "a": TenantPolicy(models=("fast", "local")),
        "default": TenantPolicy(models=("local",)),
    }
    assert chosen(replace(QUERY, tenant="a"), tenants=tenants).models == ("fast", "local")
    for tenant in ("", "nobody", "default"):
        found = chosen(replace(QUERY, tenant=tenant), tenants=tenants)
        assert found.models == ("local",)
        assert whys(found)["fast"] == "it is not approved for the tenant 'default'"
        assert found.is_restricted


# Budget


def test_a_paid_model_is_left_out_once_an_answer_costs_more_than_is_left() -> None:
    tenants = {"a": TenantPolicy(budget=DAY)}
    query = replace(QUERY, tenant="a", input_tokens=10_000)
    prompt = estimated_tokens(PROMPT)
    strong = ((10_000 + prompt) * 10 + 1_000 * 40) / 1e6
    fast = ((10_000 + prompt) * 1 + 1_000 * 4) / 1e6
    at = route(models=("strong", "fast"))

    def with_left(usd: float) -> Choice:
        return chosen(query, at, Circumstances(left_usd=usd), tenants=tenants)

    found = with_left(strong)
    assert found.models == ("strong", "fast")
    assert found.reserve_usd == pytest.approx(strong)
    found = with_left(strong - 1e-9)
    assert (found.models, found.reasons) == (("fast",), ())
    assert found.reserve_usd == pytest.approx(fast)
    assert found.lacked_usd == pytest.approx(strong)
    assert whys(found) == {
        "strong": "a call of about $0.1401 is more than the $0.1401 left of the day's budget of "
        "tenant 'a' to this process"
    }
    found = with_left(fast - 1e-9)
    assert (found.models, found.reserve_usd) == ((), 0.0)
    assert found.reasons == (Reason.NO_ELIGIBLE_MODEL, Reason.BUDGET_EXHAUSTED)
    assert found.lacked_usd == pytest.approx(fast)


def test_what_is_free_stays_and_a_budget_of_0_means_no_paid_model() -> None:
    tenants = {"a": TenantPolicy(budget=Budget(0.0, Period.MONTH))}
    found = chosen(replace(QUERY, tenant="a"), now=Circumstances(left_usd=0.0), tenants=tenants)
    assert found.models == ("local",)
    assert found.reasons == (Reason.BUDGET_EXHAUSTED,)
    assert found.reserve_usd == 0


def test_models_that_answer_at_once_are_reserved_together() -> None:
    tenants = {"default": TenantPolicy(budget=DAY)}
    at_once = Policy(pattern=Pattern.PARALLEL, parallel=Parallel(width=2))
    one = chosen(now=Circumstances(left_usd=1.0), tenants=tenants).reserve_usd
    both = chosen(
        QUERY, route(policy=at_once), Circumstances(left_usd=1.0), tenants=tenants
    ).reserve_usd
    assert both == pytest.approx(one * 1.1)


# Wishes


def test_a_breaker_or_a_slow_model_is_waived_where_nobody_else_is_left() -> None:
    open_ = {"strong": "its breaker is open", "fast": "its breaker is open"}
    at = route(prefer=Prefer.BEST)
    found = chosen(QUERY, at, Circumstances(breakers=open_))
    assert found.models == ("local",)
    assert whys(found) == open_
    at = route(prefer=Prefer.BEST, models=("fast", "strong"))
    found = chosen(QUERY, at, Circumstances(breakers=open_))
    assert (found.models, found.left_out) == (("strong", "fast"), ())


def test_models_over_the_latency_objective_are_left_out() -> None:
    takes = {"strong": 9_000.0, "fast": 4_000.0}
    now = Circumstances(p99_ms=takes.get)
    found = chosen(QUERY, route(max_latency_ms=5_000), now)
    assert found.models == ("fast", "local")  # of whom nothing is known
    assert whys(found) == {
        "strong": "its slowest calls take 9.0 s (99th percentile), and the route wants 5.0 s"
    }
    found = chosen(QUERY, route(max_latency_ms=1_000, models=("strong", "fast")), now)
    assert (found.models, found.left_out) == (("fast", "strong"), ())


# Order


@pytest.mark.parametrize(
    ("of_route", "of_tenant", "models"),
    [
        (Prefer.LISTED, Prefer.LISTED, ("fast", "strong", "local")),
        (Prefer.CHEAPEST, None, ("local", "fast", "strong")),
        (Prefer.BEST, None, ("strong", "fast", "local")),
        (Prefer.BEST, Prefer.CHEAPEST, ("local", "fast", "strong")),
        (Prefer.CHEAPEST, Prefer.LISTED, ("fast", "strong", "local")),
    ],
)
def test_the_tenants_preference_outdoes_the_routes(
    of_route: Prefer, of_tenant: Prefer | None, models: tuple[str, ...]
) -> None:
    tenants = {"default": TenantPolicy(prefer=of_tenant)}
    at = route(prefer=of_route, models=("fast", "strong", "local"))
    assert chosen(QUERY, at, tenants=tenants).models == models


# Those beside the specialist's own


def test_judges_shadows_and_the_fallbacks_models_keep_to_what_must_hold() -> None:
    judge = Policy(checks=Checks(judge=Judge(model="fast")))
    at = route(models=("local",), policy=judge)
    shadow = Shadow(name="other", share=1.0, models=("fast", "local"))
    other = replace(route(models=("local", "fast", "strong", "idle")), name="other")
    query = replace(QUERY, clues=Clues(required_tags=frozenset({"local"})))
    found = chosen(query, at, fallback=other, shadow=shadow)
    assert found.models == ("local",)
    assert [(each.name, each.cause) for each in found.left_out] == [
        ("fast", Cause.TAG),
        ("strong", Cause.TAG),
    ]
    assert found.left_out[-1].why == (
        "of the fallback route other: it lacks the tag 'local', which the guard requires"
    )
    off = Circumstances(off={"fast", "strong", "local"})
    found = chosen(query, at, off, fallback=other, shadow=shadow)
    assert causes(found) == {"local": Cause.SWITCHED_OFF}
    assert found.reasons == (Reason.NO_ELIGIBLE_MODEL,)


def test_a_route_that_names_no_model_lacks_none() -> None:
    tenants = {"default": TenantPolicy(models=("local",))}
    found = chosen(QUERY, route(models=()), tenants=tenants)
    assert (found.models, found.reasons, found.left_out) == ((), (), ())


def test_who_asks_for_a_specialist_hears_what_holds_for_any_query_of_the_tenant() -> None:
    tenants = {"a": TenantPolicy(requires=("vetted",)), "default": TenantPolicy(models=("fast",))}
    at = route()
    catalog = Catalog(
        taxonomy=Taxonomy(default_route="debug", tenants=tenants),
        routes={"debug": at},
        models=MODELS,
    )
    choice = ModelChoice(catalog)
    assert choice.choose_for_anyone(at, NOW) is None
    for tenant, models in (("a", ("strong",)), ("nobody", ("fast",))):
        found = choice.choose_for_anyone(at, NOW, tenant=tenant)
        assert found is not None
        assert found.models == models


names = st.sampled_from(["strong", "fast", "local"])


@given(
    tags=st.frozensets(st.sampled_from(["local", "hosted", "vetted"]), max_size=2),
    approved=st.none() | st.lists(names, min_size=1, unique=True),
    tokens=st.integers(0, 200_000),
    left=st.floats(0, 3),
    off=st.frozensets(names),
    open_=st.frozensets(names),
    slow=st.dictionaries(names, st.floats(0, 9_000)),
    prefer=st.sampled_from(Prefer),
)
def test_each_model_is_called_or_left_out_and_none_that_must_not_be_is_called(
    tags: frozenset[str],
    approved: list[str] | None,
    tokens: int,
    left: float,
    off: frozenset[str],
    open_: frozenset[str],
    slow: dict[str, float],
    prefer: Prefer,
) -> None:
    policy = TenantPolicy(models=tuple(approved) if approved else None, budget=DAY, prefer=prefer)
    query = replace(QUERY, input_tokens=tokens, clues=Clues(required_tags=tags))
    now = Circumstances(
        off=off, breakers=dict.fromkeys(open_, "open"), p99_ms=slow.get, left_usd=left
    )
    found = chosen(query, route(max_latency_ms=5_000), now, tenants={"default": policy})
    told = [each.name for each in found.left_out]
    assert sorted([*found.models, *told]) == ["fast", "local", "strong"]
    for name in found.models:
        model = MODELS[name]
        assert name not in off
        assert tags <= set(model.tags)
        assert approved is None or name in approved
        window = model.context_window_tokens
        assert not window or (tokens or TOKENS) + estimated_tokens(PROMPT) + 1_000 <= window
    assert found.reserve_usd <= left
    hard = {each.name for each in found.left_out if each.cause not in WISHES}
    assert bool(found.models) == (len(hard) < 3)
    assert (Reason.NO_ELIGIBLE_MODEL in found.reasons) == (not found.models)
