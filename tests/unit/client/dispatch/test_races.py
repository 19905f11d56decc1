"""Several models at once, and which answer is taken."""

import json
from typing import Any

from tests.llm_server import Answer, Fails, Hangs, LlmServer, SlowFirstToken
from tests.unit.client.dispatch.policies import BOTH, SURE, UNSURE, doubtful, race
from tests.unit.client.dispatch.worlds import at, told, took, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost_client import AttemptRole
from waypost_client.dispatch import (
    Ended,
)


@BOTH
async def test_the_first_of_several_wins_and_the_others_are_cancelled(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("hangs", Hangs())
    llm.always("quick", Answer("quick one"))
    spec = race([at(llm, "hangs"), at(llm, "quick")], pb.PICK_FIRST)
    async with world(llm, {"code": spec}) as w:
        answer = await told(w, streamed=streamed)
        await llm.until(lambda: llm.calls_of("hangs")[0].hung_up)
    assert answer.text == "quick one"
    assert sorted(tries(answer)) == [("hangs", "cancelled"), ("quick", "ok")]


async def test_a_race_whose_first_fails_waits_for_the_next(llm: LlmServer) -> None:
    llm.always("broken", Fails(500))
    llm.always("slow", SlowFirstToken(0.2, "slow one"))
    spec = race([at(llm, "broken"), at(llm, "slow")], pb.PICK_FIRST)
    async with world(llm, {"code": spec}) as w:
        assert (await w.dispatcher.answer("hi")).text == "slow one"


async def test_models_beyond_the_race_answer_when_all_in_it_fail(llm: LlmServer) -> None:
    for name in ("a", "b"):
        llm.always(name, Fails(500))
    spec = race([at(llm, "a"), at(llm, "b")], pb.PICK_FIRST)
    spec.ref.models.append(at(llm, "c"))
    async with world(llm, {"code": spec}) as w:
        answer = await w.dispatcher.answer("hi")
    assert answer.model == "c"
    assert len(answer.attempts) == 3


async def test_the_surest_of_several_wins(llm: LlmServer) -> None:
    llm.always("unsure", Answer("maybe", logprobs=(-2.0,)))
    llm.always("sure", SlowFirstToken(0.1, "surely"))
    llm.always("sure", Answer("surely", logprobs=(-0.01,), first_token_s=0.1))
    models = [at(llm, name, features=["logprobs"]) for name in ("unsure", "sure")]
    async with world(llm, {"code": race(models, pb.PICK_CONFIDENCE)}) as w:
        assert (await w.dispatcher.answer("hi")).text == "surely"


async def test_the_judges_favourite_wins(llm: LlmServer) -> None:
    llm.always("a", Answer("short"))
    llm.always("b", Answer("long and good"))

    def judge(call: Any) -> Answer:  # noqa: ANN401
        said = call.body["messages"][-1]["content"]
        best = 1 if said.index("long and good") < said.index("short") else 2
        return Answer(json.dumps({"best": best, "reason": "."}))

    llm.always("judge", judge)
    spec = race(
        [at(llm, "a"), at(llm, "b")],
        pb.PICK_JUDGE,
        checks=None,
        helpers=(at(llm, "judge"),),
    )
    spec.ref.policy.checks.judge.model = "judge"
    async with world(llm, {"code": spec}) as w:
        answer = await w.dispatcher.answer("hi")
    assert answer.text == "long and good"
    assert [a.role for a in took(answer, "judge")][-1] is AttemptRole.JUDGE


async def test_grace_is_how_long_the_others_are_waited_for(llm: LlmServer) -> None:
    llm.always("quick", Answer("quick"))
    llm.always("hangs", Hangs())
    models = [at(llm, name, features=["logprobs"]) for name in ("quick", "hangs")]
    async with world(llm, {"code": race(models, pb.PICK_CONFIDENCE, grace_ms=100)}) as w:
        answer = await w.dispatcher.answer("hi", timeout_s=10)
    assert answer.text == "quick"
    assert 0.1 <= answer.latency_s < 5


async def test_a_race_goes_on_after_an_answer_that_fails_its_checks(llm: LlmServer) -> None:
    llm.always("poor", Answer("hm", logprobs=UNSURE))
    llm.always("good", Answer("surely", logprobs=SURE, first_token_s=0.2))
    async with world(llm, {"code": doubtful(llm, "poor", "good", pick=pb.PICK_FIRST)}) as w:
        answer = await w.dispatcher.answer("hi")
    assert (answer.text, answer.ended) == ("surely", Ended.ANSWERED)


async def test_models_beyond_a_race_are_asked_when_none_in_it_passes(llm: LlmServer) -> None:
    for name in ("a", "b"):
        llm.always(name, Answer("hm", logprobs=UNSURE))
    llm.always("c", Answer("surely", logprobs=SURE))
    spec = doubtful(llm, "a", "b", pick=pb.PICK_CONFIDENCE)
    spec.ref.models.append(at(llm, "c", features=["logprobs"]))
    async with world(llm, {"code": spec}) as w:
        assert (await w.dispatcher.answer("hi")).ended is Ended.ANSWERED
        llm.always("c", Answer("hmm", logprobs=UNSURE))
        answer = await w.dispatcher.answer("hi")
    assert (answer.text, answer.ended) == ("hmm", Ended.BEST_EFFORT)


async def test_an_answer_in_hand_is_given_although_another_racer_hangs(llm: LlmServer) -> None:
    llm.always("quick", Answer("quick"))
    llm.always("hangs", Hangs())
    models = [at(llm, name, features=["logprobs"]) for name in ("quick", "hangs")]
    async with world(llm, {"code": race(models, pb.PICK_CONFIDENCE)}) as w:
        assert (await w.dispatcher.answer("hi", timeout_s=2.0)).text == "quick"


async def test_racers_that_hang_leave_time_for_the_models_beyond(llm: LlmServer) -> None:
    for name in ("a", "b"):
        llm.always(name, Hangs())
    spec = race([at(llm, "a"), at(llm, "b")], pb.PICK_FIRST)
    spec.ref.models.append(at(llm, "c"))
    async with world(llm, {"code": spec}) as w:
        assert (await w.dispatcher.answer("hi", timeout_s=2.0)).model == "c"
