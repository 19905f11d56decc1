"""An engine asked on one's own thread, and what the lab reads of its decisions."""

from dataclasses import replace

import pytest

from tests.fakes import HashEncoder
from tests.unit.core.test_planner import THREE, TWO, router_of
from tests.unit.service.engines import NotFiniteEncoder
from waypost_server.core.errors import EncoderError
from waypost_server.core.first_stage import FirstStage, Gate
from waypost_server.core.judgement import Judgement
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.planner import Planner
from waypost_server.core.plans import Plans
from waypost_server.core.router import Router
from waypost_server.lab.judged import judge
from waypost_server.service.direct import Direct
from waypost_server.service.engine import Engine

PLANNING = Judgement(planner=Planner(Plans()))
PLAIN_QUERY = "i need a soup"


@pytest.fixture(scope="module")
def router() -> Router:
    return router_of()


def test_a_plan_is_counted_by_its_first_step_and_taken_for_the_best_of_the_whole(
    router: Router,
) -> None:
    direct = Direct(Engine(HashEncoder(), router, "one", judgement=PLANNING))
    queries = [
        LabelledQuery(text=text, label="travel", source=f"f:{i}")
        for i, text in enumerate((TWO, THREE, PLAIN_QUERY))
    ]
    encodings = HashEncoder().encode([query.text for query in queries])
    rows = judge(queries, encodings, direct)
    decisions = [direct.decide(query.text) for query in queries]
    assert [len(row.plan) for row in rows] == [2, 3, 0]
    for row, decision in zip(rows, decisions, strict=True):
        assert row.plan == tuple(step.route.name for step in decision.plan)
        assert row.route == decision.route.name
        assert row.best == decision.candidates[0].route
        assert row.confidence == decision.candidates[0].confidence
        assert row.arrived is (row.route == "travel")
    assert rows[0].route == rows[0].plan[0]


def test_another_router_decides_in_both_stages_and_nothing_else_changes(router: Router) -> None:
    first = FirstStage(HashEncoder(), router, Gate(confidence=0.0, lead=-99.0))
    direct = Direct(Engine(HashEncoder(), router, "one", first=first))
    strict = replace(router.catalog.taxonomy, min_confidence=1.0)
    never_sure = Router(
        replace(router.catalog, taxonomy=strict), router.exemplars, router.index, router.scoring
    )
    before, after = (one.decide(PLAIN_QUERY) for one in (direct, direct.with_router(never_sure)))
    assert before.outcome == "MATCHED"
    assert after.outcome == "FALLBACK"
    assert direct.decide(PLAIN_QUERY) == before
    assert direct.with_router(router).decide(PLAIN_QUERY) == before


def test_what_the_engine_finds_wrong_is_raised(router: Router) -> None:
    direct = Direct(Engine(NotFiniteEncoder(), router, "one"))
    with pytest.raises(EncoderError, match="not finite"):
        direct.decide("boom")
