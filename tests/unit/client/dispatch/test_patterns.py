"""How several models make one answer: each pattern is data of the contract."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.llm_server import Answer, Fails, Hangs, LlmServer, SlowFirstToken
from tests.scripted_router import Specialist, model, specialist
from tests.unit.client.dispatch.worlds import World, at, told, took, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost.v1 import router_pb2
from waypost_client import AttemptRole
from waypost_client.dispatch import (
    BlockedError,
    Draft,
    Ended,
    FailureKind,
    ModelError,
    ModelRequest,
    NoAnswerError,
)

BOTH = pytest.mark.parametrize("streamed", [False, True])
JSON = json.dumps({"type": "object", "required": ["verdict"]})


def policy(**fields: Any) -> pb.DispatchPolicy:  # noqa: ANN401
    return pb.DispatchPolicy(**fields)


def cascade(
    models: list[pb.Model],
    *,
    helpers: tuple[pb.Model, ...] = (),
    **checks: Any,  # noqa: ANN401
) -> Specialist:
    return specialist(
        models,
        policy=policy(pattern=pb.PATTERN_CASCADE, checks=pb.OutputChecks(**checks)),
        helper_models=helpers,
    )


def priced(llm: LlmServer, name: str, usd: float, **fields: Any) -> pb.Model:  # noqa: ANN401
    return at(llm, name, usd_per_mtok_in=usd, usd_per_mtok_out=usd, **fields)


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


def race(models: list[pb.Model], pick: pb.Pick.ValueType, **fields: Any) -> Specialist:  # noqa: ANN401
    grace_ms = fields.pop("grace_ms", 0)
    helpers = fields.pop("helpers", ())
    parallel = pb.ParallelPolicy(width=len(models), pick=pick, grace_ms=grace_ms)
    return specialist(
        models,
        policy=policy(pattern=pb.PATTERN_PARALLEL, parallel=parallel, **fields),
        helper_models=helpers,
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


def speculating(*models: pb.Model, **fields: Any) -> Specialist:  # noqa: ANN401
    return specialist(list(models), policy=policy(speculative=True), **fields)


async def known(w: World) -> None:
    """One query, so that the dispatcher has met the router, and what it then looks up."""
    await w.dispatcher.answer("other: hi")
    await w.llm.until(lambda: any(r.route == "general" for r in w.router.fetched))
    await asyncio.sleep(0.05)
    w.llm.calls.clear()


async def test_the_generalist_begins_while_the_router_decides(llm: LlmServer) -> None:
    llm.always("general", Answer("a general answer"))
    specialists = {
        "general": speculating(at(llm, "general"), prompt="You are general."),
        "other": specialist([at(llm, "other")]),
    }
    async with world(llm, specialists) as w:
        await known(w)
        w.router.delay_s = 0.3
        answer = await told(w, "general: hi", streamed=True)
        assert w.dispatcher.counts.speculations == {True: 1}
        [call] = llm.calls
        assert call.ended_at is not None
    assert answer.text == "a general answer"
    [attempt] = answer.attempts
    assert attempt.role is AttemptRole.SPECULATIVE
    assert attempt.started_s < 0.3
    assert attempt.started_s + attempt.latency_s < 0.3


async def test_it_is_cancelled_when_the_router_disagrees(llm: LlmServer) -> None:
    llm.always("general", Hangs(after=2))
    llm.always("other", Answer("another answer"))
    specialists = {
        "general": speculating(at(llm, "general")),
        "other": specialist([at(llm, "other")]),
    }
    async with world(llm, specialists) as w:
        await known(w)
        w.router.delay_s = 0.1
        answer = await told(w, "other: hi", streamed=True)
        await llm.until(lambda: llm.calls_of("general")[0].hung_up)
        assert w.dispatcher.counts.speculations == {False: 1}
    assert answer.text == "another answer"
    assert tries(answer) == [("general", "cancelled"), ("other", "ok")]


async def test_a_head_start_that_fails_leaves_the_rest_to_the_next_model(llm: LlmServer) -> None:
    llm.always("general", Fails(500))
    llm.always("second", Answer("from the second"))
    specialists = {
        "general": speculating(at(llm, "general"), at(llm, "second")),
        "other": specialist([at(llm, "other")]),
    }
    async with world(llm, specialists) as w:
        await known(w)
        answer = await told(w, "general: hi", streamed=True)
    assert answer.text == "from the second"
    assert tries(answer) == [("general", "server_error"), ("second", "ok")]


async def test_nobody_begins_early_unless_the_policy_says_so(llm: LlmServer) -> None:
    specialists = {
        "general": specialist([at(llm, "general")]),
        "other": specialist([at(llm, "other")]),
    }
    async with world(llm, specialists) as w:
        await known(w)
        answer = await told(w, "general: hi", streamed=True)
    assert [a.role for a in answer.attempts] == [AttemptRole.ANSWER]


@BOTH
async def test_what_must_not_leave_does_not(streamed: bool, llm: LlmServer) -> None:
    llm.always("small", Answer("Write to jane@acme.com, or to me@acme.com."))
    guard = pb.OutputGuard(personal_data=pb.GUARD_ACTION_REDACT)
    spec = specialist([at(llm, "small")], policy=policy(guard=guard))
    async with world(llm, {"code": spec}) as w:
        answer = await told(w, "I am me@acme.com", streamed=streamed)
    assert answer.text == "Write to [redacted: email], or to me@acme.com."
    assert [finding.detector for finding in answer.findings] == ["email"]


@BOTH
async def test_a_leak_is_blocked_and_another_model_may_do_better(
    streamed: bool, llm: LlmServer
) -> None:
    prompt = "You are a careful reviewer who never tells anybody about the secret garden of ours."
    llm.always("leaks", Answer(f"My instructions: {prompt}"))
    llm.always("second", Answer("I cannot tell."))
    guard = pb.OutputGuard(prompt_leak=pb.GUARD_ACTION_BLOCK)
    models = [at(llm, "leaks"), at(llm, "second")]
    spec = specialist(models, prompt=prompt, policy=policy(guard=guard))
    async with world(llm, {"code": spec}) as w:
        if not streamed:
            answer = await told(w, streamed=streamed)
            assert answer.text == "I cannot tell."
            assert tries(answer) == [("leaks", "blocked_by_guard"), ("second", "ok")]
        del spec.ref.models[1]
        with pytest.raises(Exception, match="must not leave") as caught:
            await told(w, streamed=streamed)
    assert "secret garden" not in str(caught.value)


async def test_a_validator_has_the_last_word(llm: LlmServer) -> None:
    seen: list[Draft] = []

    async def no_numbers(draft: Draft) -> str | None:
        seen.append(draft)
        return "it has a number" if any(c.isdigit() for c in draft.text) else None

    llm.always("a", Answer("42"))
    llm.always("b", Answer("forty-two"))
    async with world(llm, [at(llm, "a"), at(llm, "b")], validators=[no_numbers]) as w:
        answer = await told(w, streamed=True)
        assert answer.text == "forty-two"
        llm.always("b", Answer("43"))
        with pytest.raises(BlockedError, match="it has a number"):
            await w.dispatcher.answer("hi")
    assert (seen[0].query, seen[0].contract.route) == ("hi", "code")


async def test_a_policy_that_cannot_be_carried_out_says_so(llm: LlmServer) -> None:
    spec = specialist([at(llm, "a")], policy=policy(checks=pb.OutputChecks(regex="(")))
    async with world(llm, {"code": spec}) as w:
        with pytest.raises(NoAnswerError, match="policy cannot be carried out"):
            await w.dispatcher.answer("hi")
        await w.reports(1)


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


SURE, UNSURE = (-0.01,), (-3.0,)


def doubtful(llm: LlmServer, *names: str, pick: pb.Pick.ValueType) -> Specialist:
    """A race in which an answer must have some confidence."""
    models = [at(llm, name, features=["logprobs"]) for name in names]
    return race(models, pick, checks=pb.OutputChecks(min_confidence=0.5))


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


@BOTH
async def test_an_empty_answer_is_none(streamed: bool, llm: LlmServer) -> None:
    llm.always("a", Answer(""))
    llm.always("b", Answer("words"))
    async with world(llm, [at(llm, "a"), at(llm, "b")]) as w:
        answer = await told(w, streamed=streamed)
    assert tries(answer) == [("a", "failed_check"), ("b", "ok")]


async def test_a_head_start_in_vain_leaves_the_route_its_calls(llm: LlmServer) -> None:
    llm.always("general", Hangs(after=1))
    llm.always("other", Answer("another answer"))
    specialists = {
        "general": speculating(at(llm, "general")),
        "other": specialist([at(llm, "other")], policy=policy(max_calls=1)),
    }
    async with world(llm, specialists) as w:
        await known(w)
        w.router.delay_s = 0.1
        assert (await told(w, "other: hi", streamed=True)).text == "another answer"


async def test_a_head_start_that_broke_unseen_is_another_models_turn(llm: LlmServer) -> None:
    async def breaks(request: ModelRequest) -> AsyncIterator[str]:
        yield "Hello "
        raise ModelError(FailureKind.CUT, "cut")

    specialists = {
        "general": speculating(model("breaks"), at(llm, "second")),
        "other": specialist([at(llm, "other")]),
    }
    async with world(llm, specialists, callables={"breaks": breaks}) as w:
        await known(w)
        w.router.delay_s = 0.3
        assert (await told(w, "general: hi", streamed=True)).model == "second"


async def test_a_step_with_effects_has_no_head_start(llm: LlmServer) -> None:
    careful = policy(speculative=True, not_idempotent=True)
    specialists = {
        "general": specialist([at(llm, "general")], policy=careful),
        "other": specialist([at(llm, "other")]),
    }
    async with world(llm, specialists) as w:
        await known(w)
        w.router.delay_s = 0.2
        await told(w, "other: hi", streamed=True)
        assert not llm.calls_of("general")


async def test_a_head_start_is_in_the_account_of_a_query_that_is_clarified(llm: LlmServer) -> None:
    llm.always("general", Hangs(after=2))
    specialists = {
        "general": speculating(at(llm, "general")),
        "other": specialist([at(llm, "other")]),
        "which": specialist([], clarifying_question="Which?"),
    }
    async with world(llm, specialists) as w:
        await known(w)
        w.router.delay_s = 0.2
        answer = await told(w, "which: hi", streamed=True)
        reports = await w.reports(2)
    assert tries(answer) == [("general", "cancelled")]
    assert [attempt.model for attempt in reports[-1].attempts] == ["general"]


async def test_a_generalist_whose_policy_cannot_be_carried_out_harms_no_other_route(
    llm: LlmServer,
) -> None:
    broken = policy(speculative=True, checks=pb.OutputChecks(regex="("))
    specialists = {
        "general": specialist([at(llm, "general")], policy=broken),
        "other": specialist([at(llm, "other")]),
    }
    async with world(llm, specialists) as w:
        await known(w)
        assert (await told(w, "other: hi", streamed=True)).model == "other"
