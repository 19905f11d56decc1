"""What a plan asks of the engine: encodings of parts, made once, and never to a query's harm."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.fakes import HashEncoder
from tests.unit.core.test_planner import ENCODER, THREE, TWO, router_of
from tests.unit.service.engines import ask
from waypost_server.core.first_stage import FirstStage, Gate
from waypost_server.core.judgement import Judgement
from waypost_server.core.outcome import Action, Reason, Stage
from waypost_server.core.planner import Planner
from waypost_server.core.plans import Plans
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.engine import Engine
from waypost_server.service.routed import Routed

PLANNING = Judgement(planner=Planner(Plans()))
PLAIN_QUERY = "i need a soup"


class Encoder(HashEncoder):
    """Remembers runs; what it gives of texts in `broken` is no encoding, or none at all."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[list[str]] = []
        self.broken: dict[str, float | Exception] = {}

    def encode(self, texts: Sequence[str]) -> Encodings:
        self.runs.append(list(texts))
        encodings = super().encode(texts)
        for row, text in enumerate(texts):
            harm = self.broken.get(text)
            if isinstance(harm, Exception):
                raise harm
            if harm is not None:
                encodings[row] = harm
        return encodings


@pytest.fixture(scope="module")
def router() -> Router:
    return router_of()


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


def engine_of(encoder: Encoder, router: Router, *, cached: bool = False) -> Engine:
    cache = EmbeddingCache(50) if cached else None
    return Engine(encoder, router, "one", judgement=PLANNING, cache=cache)


def at_once(engine: Engine, query: Query) -> Routed | None:
    return engine.at_once(engine.look(query), 0)


def steps(routed: Routed) -> list[str]:
    return [step.route.name for step in routed.decision.plan]


def test_the_parts_are_encoded_in_the_same_run_as_the_query(
    encoder: Encoder, router: Router
) -> None:
    routed = ask(engine_of(encoder, router), Query(text=TWO))
    assert steps(routed) == ["billing", "travel"]
    assert routed.decision.action is Action.RUN_PLAN
    assert routed.stage is Stage.ENCODER
    assert encoder.runs == [[TWO, "tell me about the refund", "find me the next train"]]


def test_a_query_of_one_part_costs_what_it_did(encoder: Encoder, router: Router) -> None:
    routed = ask(engine_of(encoder, router), Query(text=PLAIN_QUERY))
    assert routed.decision.action is Action.INVOKE
    assert encoder.runs == [[PLAIN_QUERY]]


def test_queries_that_come_together_are_planned_as_each_alone_is(
    encoder: Encoder, router: Router
) -> None:
    engine = engine_of(encoder, router)
    texts = [TWO, PLAIN_QUERY, THREE, TWO, "tell me about the refund and the blue sky"]
    alone = [ask(engine, Query(text=text)).decision for text in texts]
    together = engine.after_encoding([(engine.look(Query(text=text)), 0) for text in texts])
    assert [answer.decision for answer in together if isinstance(answer, Routed)] == alone
    assert [len(decision.plan) for decision in alone] == [2, 0, 3, 2, 0]


def test_a_plan_made_before_needs_no_encoder(encoder: Encoder, router: Router) -> None:
    engine = engine_of(encoder, router, cached=True)
    first = ask(engine, Query(text=THREE))
    encoder.runs.clear()
    again = engine.at_once(engine.look(Query(text=THREE)), 0)
    assert again is not None
    assert again.decision == first.decision
    assert not encoder.runs


def test_what_is_at_hand_in_part_is_made_whole_and_not_decided_by_half(
    encoder: Encoder, router: Router
) -> None:
    engine = engine_of(encoder, router, cached=True)
    plan = ask(engine_of(Encoder(), router), Query(text=THREE)).decision
    for text in (THREE, "show me my refund", "i need a soup", "find me the next train"):
        ask(engine, Query(text=text, rejected_routes=("general",)))  # taken whole, and kept
    encoder.runs.clear()
    assert engine.at_once(engine.look(Query(text=THREE)), 0) is None
    assert ask(engine, Query(text=THREE)).decision == plan
    encoded = [text for run in encoder.runs for text in run]
    assert "show me my refund" not in encoded  # it was at hand


@pytest.mark.parametrize("harm", [np.nan, RuntimeError("out of memory")])
def test_a_part_that_cannot_be_encoded_leaves_the_query_whole(
    encoder: Encoder, router: Router, harm: float | Exception
) -> None:
    encoder.broken["find me the next train"] = harm
    routed = ask(engine_of(encoder, router), Query(text=TWO))
    plain = ask(Engine(ENCODER, router, "one"), Query(text=TWO))
    assert routed.decision == plain.decision


def test_the_first_stage_decides_no_query_that_may_be_a_plan(
    encoder: Encoder, router: Router
) -> None:
    def engine(judgement: Judgement) -> Engine:
        first = FirstStage(ENCODER, router, Gate(confidence=0.0, lead=0.0))
        return Engine(encoder, router, "one", first=first, judgement=judgement)

    query = Query(text="tell me about the refund and show me my invoice")
    plain = at_once(engine(Judgement()), query)
    assert plain is not None
    assert plain.stage is Stage.STATIC_ENCODER
    assert at_once(engine(PLANNING), query) is None
    alone = at_once(engine(PLANNING), Query(text=PLAIN_QUERY))
    assert alone is not None
    assert alone.stage is Stage.STATIC_ENCODER
    # There is no time for a plan.
    hasty = engine(PLANNING).in_haste(PLANNING.look(Query(text=TWO)), 0)
    assert hasty is not None
    assert not hasty.decision.plan
    assert hasty.decision.reasons[-1] is Reason.DEGRADED
