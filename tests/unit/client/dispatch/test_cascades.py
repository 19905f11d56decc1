"""One model after the other until an answer passes; a policy is data of the contract."""

import json
from typing import Any

import pytest

from tests.llm_server import Answer, Fails, Hangs, LlmServer
from tests.scripted_router import model, specialist
from tests.unit.client.dispatch.policies import BOTH, JSON, cascade, priced
from tests.unit.client.dispatch.worlds import at, told, took, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost.v1 import router_pb2
from waypost_client import AttemptRole
from waypost_client.dispatch import (
    Ended,
    ModelRequest,
    NoAnswerError,
)


@BOTH
async def test_a_cascade_goes_up_from_the_cheapest_until_the_form_is_right(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("cheap", Answer("looks fine to me"))
    llm.always("middle", Answer('```json\n{"verdict": "ok"}\n```'))
    models = [priced(llm, "dear", 9), priced(llm, "middle", 2), priced(llm, "cheap", 0.1)]
    async with world(llm, {"code": cascade(models, json_schema=JSON)}) as w:
        answer = await told(w, streamed=streamed)
    assert answer.text == '{"verdict": "ok"}'
    assert tries(answer) == [("cheap", "failed_check"), ("middle", "ok")]


async def test_a_form_that_nobody_keeps_is_an_error_and_never_shown(llm: LlmServer) -> None:
    llm.always("a", Answer("no JSON"))
    llm.always("b", Answer("none either"))
    spec = cascade([at(llm, "a"), at(llm, "b")], regex=r"^\d+$")
    async with world(llm, {"code": spec}) as w, w.dispatcher.stream("hi") as pieces:
        with pytest.raises(NoAnswerError) as caught:
            await anext(pieces)
    assert tries(caught.value) == [("a", "failed_check"), ("b", "failed_check")]
    assert "no JSON" not in str(caught.value)


async def test_doubt_goes_up_and_the_last_doubtful_answer_is_better_than_none(
    llm: LlmServer,
) -> None:
    llm.always("cheap", Answer("hm", logprobs=(-2.0, -2.0)))
    llm.always("dear", Answer("hmm", logprobs=(-1.0, -1.0)))
    models = [
        priced(llm, "cheap", 1, features=["logprobs"]),
        priced(llm, "dear", 2, features=["logprobs"]),
    ]
    async with world(llm, {"code": cascade(models, min_confidence=0.5)}) as w:
        answer = await w.dispatcher.answer("hi")
        assert (answer.text, answer.ended) == ("hmm", Ended.BEST_EFFORT)
        llm.always("dear", Answer("sure", logprobs=(-0.1,)))
        answer = await w.dispatcher.answer("hi")
    assert (answer.text, answer.ended) == ("sure", Ended.ANSWERED)


async def test_a_judge_sends_it_up(llm: LlmServer) -> None:
    llm.always("cheap", Answer("42"))
    llm.always("dear", Answer("It is 42, because ..."))

    def judge(call: Any) -> Answer:  # noqa: ANN401
        good = "because" in json.dumps(call.body["messages"])
        return Answer(json.dumps({"score": 0.9 if good else 0.3, "reason": "."}))

    llm.always("judge", judge)
    spec = cascade(
        [priced(llm, "cheap", 1), priced(llm, "dear", 2)],
        judge=pb.Judge(model="judge", min_score=0.7),
        helpers=(at(llm, "judge"),),
    )
    async with world(llm, {"code": spec}) as w:
        answer = await w.dispatcher.answer("why?")
        [report] = await w.reports(1)
    assert answer.text == "It is 42, because ..."
    assert [(a.model, a.role, a.error) for a in answer.attempts] == [
        ("cheap", AttemptRole.ANSWER, "failed_check"),
        ("judge", AttemptRole.JUDGE, None),
        ("dear", AttemptRole.ANSWER, None),
        ("judge", AttemptRole.JUDGE, None),
    ]
    assert "0.30" in took(answer, "cheap")[0].why
    assert [a.role for a in report.attempts] == [
        router_pb2.ATTEMPT_ROLE_ANSWER,
        router_pb2.ATTEMPT_ROLE_JUDGE,
    ] * 2


async def test_without_its_judge_an_answer_is_a_best_effort(llm: LlmServer) -> None:
    llm.always("judge", Fails(500))
    spec = cascade(
        [at(llm, "cheap")],
        judge=pb.Judge(model="judge", min_score=0.7),
        helpers=(at(llm, "judge"),),
    )
    async with world(llm, {"code": spec}) as w:
        answer = await w.dispatcher.answer("why?")
    assert answer.ended is Ended.BEST_EFFORT


async def test_a_policy_changes_without_a_restart_of_either_side(llm: LlmServer) -> None:
    calls: list[str] = []

    def answers(request: ModelRequest) -> str:
        calls.append(request.model.name)
        return "x" if request.model.name == "a" else "y"

    spec = specialist([model("a", usd_per_mtok_in=2), model("b", usd_per_mtok_in=1)])
    async with world(llm, {"code": spec}, callables={"a": answers, "b": answers}) as w:
        assert (await w.dispatcher.answer("hi")).text == "x"
        spec.ref.policy.pattern = pb.PATTERN_CASCADE
        assert (await w.dispatcher.answer("hi")).text == "y"
        spec.ref.policy.checks.regex = "^x$"
        assert (await w.dispatcher.answer("hi")).text == "x"
    assert calls == ["a", "b", "b", "a"]


@pytest.mark.parametrize("call_ms", [0, 300])
async def test_a_judge_that_hangs_costs_the_score_and_not_the_answer(
    call_ms: int, llm: LlmServer
) -> None:
    llm.always("judge", Hangs())
    spec = cascade(
        [at(llm, "m")], judge=pb.Judge(model="judge", min_score=0.5), helpers=(at(llm, "judge"),)
    )
    spec.ref.timeouts.call_ms = call_ms
    async with world(llm, {"code": spec}) as w:
        answer = await w.dispatcher.answer("hi", timeout_s=2.0)
    assert answer.ended is Ended.BEST_EFFORT


@BOTH
async def test_an_answer_that_was_cut_short_says_so_and_goes_up_a_cascade(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("a", Answer("The dose is 10", finish="length"))
    llm.always("b", Answer("The dose is 100 mg."))
    models = [priced(llm, "a", 1), priced(llm, "b", 2)]
    async with world(llm, models) as w:
        answer = await told(w, streamed=streamed)
        assert (answer.text, answer.ended) == ("The dose is 10", Ended.CUT_SHORT)
        w.router.specialists["code"] = cascade(models, regex="dose")
        answer = await told(w, streamed=streamed)
    assert (answer.text, answer.ended) == ("The dose is 100 mg.", Ended.ANSWERED)
