"""Whatever happens to queries: every decision is reported once, and nothing is left behind."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.llm_server import LlmServer
from tests.scripted_router import Specialist, model, specialist
from tests.unit.client.dispatch.worlds import World, world
from waypost.v1 import contract_pb2 as pb
from waypost_client.dispatch import (
    Answer,
    DispatchError,
    FailureKind,
    ModelError,
    ModelRequest,
    Reply,
)

ROUNDS, AT_ONCE = 20, 12
BREAKER = {"failures": 3, "open_ms": 30}
MODELS = [model(name, retries=2, breaker=BREAKER) for name in "abc"]
JUDGE = [model("judge", breaker=BREAKER)]
End = tuple[str, list[str]]
"""The kind of an end, and the decisions that it knows of."""

CHECKS = pb.OutputChecks(judge=pb.Judge(model="judge", min_score=0.5))


def with_judge(fallback: str, **policy: object) -> Specialist:
    checked = pb.DispatchPolicy(checks=CHECKS, **policy)  # type: ignore[arg-type]
    return specialist(MODELS, helper_models=JUDGE, fallback=fallback, policy=checked)


def specialists() -> dict[str, Specialist]:
    """A specialist of each pattern, that fall back to each other."""
    surest = pb.ParallelPolicy(width=3, pick=pb.PICK_CONFIDENCE, grace_ms=5)
    favourite = pb.ParallelPolicy(width=3, pick=pb.PICK_JUDGE)
    speculative = pb.DispatchPolicy(speculative=True)
    return {
        "general": specialist(MODELS, policy=speculative, fallback="race"),
        "race": with_judge("general", pattern=pb.PATTERN_PARALLEL, max_calls=5, parallel=surest),
        "judged": with_judge(
            "general", pattern=pb.PATTERN_PARALLEL, max_calls=4, parallel=favourite
        ),
        "cascade": with_judge("race", pattern=pb.PATTERN_CASCADE, max_calls=5),
    }


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_to_queries_no_decision_is_lost_or_told_twice(
    seed: int, llm: LlmServer
) -> None:
    chance = random.Random(seed)  # noqa: S311

    async def moody(request: ModelRequest) -> AsyncIterator[str | Reply]:
        await asyncio.sleep(chance.random() * 0.01)
        mood = chance.random()
        if mood < 0.2:
            raise ModelError(FailureKind.SERVER_ERROR, "no")
        if mood < 0.3:
            yield '{"escalate": true, "reason": "no"}'
            return
        if mood < 0.35:
            await asyncio.sleep(5)
        for _ in range(3):
            yield "word "
            await asyncio.sleep(chance.random() * 0.003)
        yield Reply(text="word word word ", confidence=chance.uniform(0.01, 1))

    async def judges(request: ModelRequest) -> str:
        await asyncio.sleep(chance.random() * 0.01)
        return f'{{"score": {chance.random():.3f}, "best": 1}}'

    callables = {**dict.fromkeys("abc", moody), "judge": judges}
    async with world(llm, specialists(), callables=callables) as w:
        w.router.delay_s = 0.004
        ends: list[End] = []
        for _ in range(ROUNDS):
            ends += await asyncio.gather(*(_one(w, chance) for _ in range(AT_ONCE)))
        left = [task for task in asyncio.all_tasks() if "ask" in repr(task.get_coro())]
        await w.dispatcher.close()
        reported = Counter(report.decision_id for report in w.router.reports)
        counts = w.dispatcher.counts
    assert not left
    assert max(reported.values()) == 1
    assert {id_ for _, ids in ends for id_ in ids} <= {*reported}
    assert (counts.reports_dropped, counts.reports_sent) == (0, len(reported))
    assert sum(kind == "Answer" for kind, _ in ends) > ROUNDS


async def _one(w: World, chance: random.Random) -> End:
    """One query, whose caller may go away."""
    query = f"{chance.choice(list(w.router.specialists))}: hi"
    timeout_s = chance.choice([0.02, 0.05, 1.0])

    async def asked() -> Answer:
        if chance.random() < 0.5:
            return await w.dispatcher.answer(query, timeout_s=timeout_s)
        async with w.dispatcher.stream(query, timeout_s=timeout_s) as pieces:
            [_ async for _ in pieces]
        return pieces.answer

    task = asyncio.create_task(asked())
    if chance.random() < 0.4:
        await asyncio.sleep(chance.random() * 0.04)
        task.cancel()
    try:
        ended: Answer | DispatchError = await task
    except DispatchError as error:
        ended = error
    except asyncio.CancelledError:
        return "gone", []
    return type(ended).__name__, [contract.decision_id for contract in ended.contracts]
