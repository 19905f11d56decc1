"""What becomes of decisions that the encoder is not sure of, with a model of the tests."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import HashEncoder
from tests.unit.service.engines import EXEMPLARS, ask, engine_of
from tests.unit.service.models import FakeModel, free
from waypost_server.core.catalog import Model
from waypost_server.core.clues import Clues
from waypost_server.core.consultation import Result
from waypost_server.core.decision import Decision
from waypost_server.core.errors import ModelTimeoutError
from waypost_server.core.escalation import Escalation, When
from waypost_server.core.judgement import Judgement
from waypost_server.core.outcome import Outcome, Reason, Stage
from waypost_server.core.query import Query
from waypost_server.core.review import Example
from waypost_server.core.router import Router
from waypost_server.service.consulting import Consulting
from waypost_server.service.engine import Engine
from waypost_server.service.escalating import Escalating
from waypost_server.service.routed import Routed

TEXT = "please bring a red wire and a copper apple to me"
ESCALATION = Escalation(model="small", when=tuple(When), cache_entries=2)
SMALL = Model(name="small", provider="openai", model_id="x")


def engine_with(
    engine: Engine, escalation: Escalation | None, *, min_confidence: float = 1.0
) -> Engine:
    """The same engine, by default never sure of anything, with this in its taxonomy."""
    router = engine.router
    taxonomy = replace(
        router.catalog.taxonomy, escalation=escalation, min_confidence=min_confidence
    )
    catalog = replace(router.catalog, taxonomy=taxonomy, models={"small": SMALL})
    router = Router(catalog, router.exemplars, router.index, router.scoring)
    return Engine(engine.encoder, router, engine.index_version)


class World:
    def __init__(self, engine: Engine, says: object = None) -> None:
        self.engine = engine
        self.model = FakeModel(says)
        self.overloaded = False
        self.kept: list[Example] = []
        self.escalating = Escalating(
            Consulting(self.model, paying=free()),
            overloaded=lambda: self.overloaded,
            review=self.kept.append,
            uncached_tenants=("private",),
        )

    async def decide(
        self, text: str = TEXT, *, engine: Engine | None = None, **of: object
    ) -> Routed:
        query = Query(text=text, **of)  # type: ignore[arg-type]
        engine = engine or self.engine
        return await self.escalating.escalated(engine, ask(engine, query))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return engine_of(HashEncoder(), tmp_path_factory.mktemp("engine"))


@pytest.fixture
def world(plain: Engine) -> World:
    return World(engine_with(plain, ESCALATION), {"route": "fruit"})


def results(routed: Routed) -> list[Result]:
    return [each.result for each in routed.consultations]


async def test_the_model_decides_and_the_contract_can_say_so(world: World) -> None:
    before = ask(world.engine, Query(text=TEXT))
    assert before.decision.outcome is not Outcome.MATCHED
    routed = await world.decide()
    assert routed.stage is Stage.MODEL
    assert (routed.decision.outcome, routed.decision.route.name) == (Outcome.MATCHED, "fruit")
    assert routed.decision.reasons[0] is Reason.MODEL_CONSULTED
    assert results(routed) == [Result.ANSWERED]
    assert routed.timings.total_ns > routed.consultations[0].took_ns > 0
    chosen = next(one for one in before.decision.candidates if one.route == "fruit")
    assert routed.decision.candidates[0] == chosen
    assert world.model.schemas[0]["properties"]["route"]["enum"] == ["fruit", "metal", "none"]


async def test_none_of_them_leaves_the_decision_as_it_was(world: World) -> None:
    world.model.says = {"route": "none"}
    routed = await world.decide()
    before = ask(world.engine, Query(text=TEXT))
    assert (routed.decision, routed.stage) == (before.decision, before.stage)
    assert results(routed) == [Result.ANSWERED]
    assert world.kept == []


async def test_a_failure_leaves_the_decision_as_it_was(world: World) -> None:
    world.model.says = ModelTimeoutError("late")
    routed = await world.decide()
    assert routed.decision == ask(world.engine, Query(text=TEXT)).decision
    assert results(routed) == [Result.TIMEOUT]


async def test_nobody_is_asked_where_the_taxonomy_says_nothing(plain: Engine) -> None:
    world = World(engine_with(plain, None))
    routed = await world.decide()
    assert (routed.consultations, world.model.asked) == ((), [])


async def test_nobody_is_asked_about_what_is_sure(plain: Engine) -> None:
    world = World(engine_with(plain, ESCALATION, min_confidence=0.0))
    routed = await world.decide("a ripe pear")
    assert (routed.decision.outcome, routed.consultations) == (Outcome.MATCHED, ())


async def test_the_same_query_is_asked_about_once_whatever_its_case(world: World) -> None:
    first = await world.decide()
    second = await world.decide(f"  {TEXT.upper()}\n")
    assert (results(first), results(second)) == ([Result.ANSWERED], [Result.CACHED])
    assert second.decision.route.name == "fruit"
    assert second.stage is Stage.MODEL
    assert len(world.model.asked) == 1
    world.model.says = {"route": "none"}
    none = await world.decide("another thing")
    again = await world.decide("another thing")
    assert (results(none), results(again)) == ([Result.ANSWERED], [Result.CACHED])
    assert again.decision.outcome is not Outcome.MATCHED


async def test_the_cache_is_bounded_and_forgets_what_was_asked_longest_ago(world: World) -> None:
    for text in ("x one", "x two", "x one", "x three", "x one"):
        await world.decide(text)
    assert len(world.model.asked) == 3
    assert results(await world.decide("x two")) == [Result.ANSWERED]


async def test_a_failure_is_not_kept(world: World) -> None:
    world.model.says = ModelTimeoutError("late")
    await world.decide()
    world.model.says = {"route": "fruit"}
    assert results(await world.decide()) == [Result.ANSWERED]


async def test_other_candidates_or_another_bundle_are_another_question(
    world: World, tmp_path: Path
) -> None:
    await world.decide()
    only = await world.decide(allowed_routes=frozenset({"metal"}))
    assert results(only) == [Result.ANSWERED]
    assert world.model.schemas[1]["properties"]["route"]["enum"] == ["metal", "none"]
    assert only.decision.route.name == "metal"  # the model named no candidate: as it was
    assert only.stage is not Stage.MODEL
    other = world.engine
    renamed = Engine(other.encoder, other.router, "0123456789ab")
    assert results(await world.decide(engine=renamed)) == [Result.ANSWERED]


async def test_tenants_without_a_cache_leave_nothing_behind(world: World) -> None:
    for _ in range(2):
        assert results(await world.decide(tenant="private")) == [Result.ANSWERED]
    assert world.kept == []


async def test_under_overload_what_is_known_is_used_and_nobody_asked(world: World) -> None:
    await world.decide()
    world.overloaded = True
    assert results(await world.decide()) == [Result.CACHED]
    assert results(await world.decide("something else")) == [Result.OVERLOADED]
    assert len(world.model.asked) == 1


async def test_a_query_that_must_stay_is_not_shown_to_a_model_elsewhere(world: World) -> None:
    clues = Clues(required_tags=frozenset({"local"}))
    assert results(await world.decide(clues=clues)) == [Result.NOT_ALLOWED]
    assert world.model.asked == []
    local = engine_with(world.engine, ESCALATION)
    models = {"small": replace(SMALL, tags=("local",))}
    router = local.router
    router = Router(
        replace(router.catalog, models=models), router.exemplars, router.index, router.scoring
    )
    local = Engine(local.encoder, router, local.index_version)
    assert results(await world.decide(engine=local, clues=clues)) == [Result.ANSWERED]
    assert world.kept == []  # nor does it become anybody's exemplar


async def test_the_stages_after_a_decision_complete_the_models(plain: Engine) -> None:
    def note(query: Query, decision: Decision) -> Decision:
        return replace(decision, params={**decision.params, "of": decision.route.name})

    engine = engine_with(plain, ESCALATION)
    engine.judgement = Judgement(after=(note,))
    routed = await World(engine, {"route": "fruit"}).decide()
    assert routed.decision.params == {"of": "fruit"}


async def test_the_loop_goes_on_while_a_decision_is_completed(plain: Engine) -> None:
    loop_goes_on = threading.Event()

    def waits_for_the_loop(query: Query, decision: Decision) -> Decision:
        assert loop_goes_on.wait(20), "it was completed on the loop"
        return replace(decision, params={"waited": True})

    engine = engine_with(plain, ESCALATION)
    world = World(engine, {"route": "fruit"})
    before = ask(engine, Query(text=TEXT))  # completed by a thread of the workers, in a server
    engine.judgement = Judgement(after=(waits_for_the_loop,))
    deciding = asyncio.create_task(world.escalating.escalated(engine, before))
    asyncio.get_running_loop().call_later(0.01, loop_goes_on.set)
    assert (await deciding).decision.params == {"waited": True}


async def test_what_was_chosen_is_kept_for_review_once_and_redacted(world: World) -> None:
    text = "a red wire,\n write to eleanor@example.org"
    for _ in range(2):
        await world.decide(text)
    (example,) = world.kept
    assert example.text == "a red wire, write to [redacted: email]"
    assert (example.route, example.model) == ("fruit", "small")
    assert example.index_version == world.engine.index_version
    assert example.encoder_route in EXEMPLARS


async def test_a_bundle_that_goes_live_meanwhile_changes_nothing(
    world: World, plain: Engine
) -> None:
    world.model.gate.clear()
    deciding = asyncio.create_task(world.decide())
    await asyncio.sleep(0)
    after = World(engine_with(plain, None))
    assert (await after.decide()).consultations == ()
    world.model.gate.set()
    routed = await deciding
    assert routed.decision.route is world.engine.router.catalog.routes["fruit"]
