"""An engine and a server with a guard: nothing decides before a suspicion is settled."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import HashEncoder
from tests.guards import REFUSE_HIGH, ScriptedEncoder, guard, head
from tests.unit.service.engines import EngineWorkers, ask, engine_of, serving
from waypost_client import Action as ClientAction
from waypost_client import Reason as ClientReason
from waypost_server.core.clues import Clues, Verdict
from waypost_server.core.guard import Heads
from waypost_server.core.guard_head import GuardHead
from waypost_server.core.guard_policy import GuardPolicy, OnFailure
from waypost_server.core.judgement import Judgement
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.query import Query
from waypost_server.core.softmax import LinearMap
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.engine import Engine
from waypost_server.service.routed import Routed

QUERY = Query(text="a red apple")
RULE = Verdict(
    stage=Stage.RULES,
    outcome=Outcome.MATCHED,
    action=Action.INVOKE,
    reason=Reason.RULE_MATCHED,
    route="fruit",
    rationale="A rule says so.",
)


def says_rule(query: Query, clues: Clues) -> Clues:
    return replace(clues, verdict=RULE)


def constant(logit: float, width: int) -> GuardHead:
    """A transformer's head that says the same of every text."""
    bias = np.array([logit, -1.0], dtype=np.float32)
    return replace(head(), map=LinearMap(np.zeros((width, 2), np.float32), bias))


def guarded(folder: Path, *, static: float, second: float, cached: bool = False) -> Engine:
    """An engine whose rules decide everything, behind a guard with two heads."""
    plain = engine_of(HashEncoder(), folder)
    encoder = plain.encoder
    heads = Heads(
        static=ScriptedEncoder({QUERY.text: static}),
        first=head(),
        second=constant(second, encoder.width),
    )
    watch = guard(GuardPolicy(actions=REFUSE_HIGH), heads, catalog=plain.router.catalog)
    return Engine(
        encoder,
        plain.router,
        plain.index_version,
        judgement=Judgement((watch.look, says_rule), (watch.complete,), settles=watch.settle),
        cache=EmbeddingCache(8) if cached else None,
    )


def test_what_the_static_head_is_sure_of_a_rule_decides_at_once(tmp_path: Path) -> None:
    engine = guarded(tmp_path, static=-1.0, second=9.0)
    routed = engine.at_once(engine.look(QUERY), 0)
    assert routed is not None
    assert routed.stage is Stage.RULES


@pytest.mark.parametrize(
    ("second", "stage", "action"),
    [(-9.0, Stage.RULES, Action.INVOKE), (9.0, Stage.GUARD, Action.REFUSE)],
)
def test_a_suspicion_is_settled_before_a_rule_decides(
    tmp_path: Path, second: float, stage: Stage, action: Action
) -> None:
    engine = guarded(tmp_path, static=1.0, second=second)
    looked = engine.look(QUERY)
    assert engine.at_once(looked, 0) is None
    routed = ask(engine, looked)
    assert (routed.stage, routed.decision.action) == (stage, action)


def test_a_query_that_nobody_looked_at_is_looked_at(tmp_path: Path) -> None:
    engine = guarded(tmp_path, static=1.0, second=9.0)
    assert engine.at_once(QUERY, 0) is None
    [answer] = engine.after_encoding([(QUERY, 0)])
    assert isinstance(answer, Routed)
    assert answer.decision.action is Action.REFUSE


def test_a_known_encoding_settles_it_at_once(tmp_path: Path) -> None:
    engine = guarded(tmp_path, static=1.0, second=9.0, cached=True)
    looked = engine.look(QUERY)
    engine.after_encoding([(looked, 0)])
    routed = engine.at_once(looked, 0)
    assert routed is not None
    assert routed.decision.action is Action.REFUSE


class BrokenPatterns:
    def matching(self, text: str) -> list[int]:
        raise RuntimeError(f"no memory for {text}")

    def find(self, text: str) -> list[tuple[int, int, int]]:
        raise RuntimeError(f"no memory for {text}")


@pytest.mark.parametrize(
    ("on_failure", "action"),
    [(OnFailure.CLOSED, ClientAction.REFUSE), (OnFailure.OPEN, ClientAction.INVOKE)],
)
async def test_a_server_whose_guard_fails_says_so(
    tmp_path: Path, on_failure: OnFailure, action: ClientAction
) -> None:
    plain = engine_of(HashEncoder(), tmp_path)
    policy = GuardPolicy(actions=REFUSE_HIGH, on_failure=on_failure)
    watch = guard(policy, catalog=plain.router.catalog)
    watch._signs._patterns = BrokenPatterns()
    judgement = Judgement((watch.look,), settles=watch.settle)
    engine = Engine(plain.encoder, plain.router, plain.index_version, judgement=judgement)
    workers = EngineWorkers(engine, threads=1, capacity=4)
    async with serving(workers) as client:
        contract = await client.route(QUERY.text)
    assert contract.action is action
    assert ClientReason.GUARD_UNAVAILABLE in contract.reasons
    assert "apple" not in contract.rationale or action is ClientAction.INVOKE
