"""A specialist that says a query is not its own."""

import pytest

from tests.llm_server import Answer, Escalates, Fails, LlmServer
from tests.scripted_router import specialist
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost.v1 import router_pb2
from waypost_client.dispatch import BrokenStreamError, NoAnswerError, RejectedError

BOTH = pytest.mark.parametrize("streamed", [False, True])
NOT_MINE = Escalates("this is about money", as_text=True)
ACCEPTED = router_pb2.SPECIALIST_OUTCOME_ACCEPTED
REJECTED = router_pb2.SPECIALIST_OUTCOME_REJECTED
FAILED = router_pb2.SPECIALIST_OUTCOME_FAILED


def routes(llm: LlmServer, *names: str, fallback: str = "") -> dict:  # type: ignore[type-arg]
    """Specialists with a model each, called as their route."""
    return {
        name: specialist(
            [at(llm, name, features=["tools"])],
            prompt=f"You are {name}.",
            fallback=fallback if name != fallback else "",
        )
        for name in names
    }


@BOTH
@pytest.mark.parametrize(
    "says_no", [NOT_MINE, Escalates("this is about money")], ids=["text", "tool"]
)
async def test_the_router_is_asked_again_without_the_route(
    says_no: Escalates, streamed: bool, llm: LlmServer
) -> None:
    llm.always("code", says_no)
    llm.always("money", Answer("pay it"))
    async with world(llm, routes(llm, "code", "money")) as w:
        answer = await told(w, streamed=streamed)
        reports = await w.reports(2)
        [rerouted] = w.router.rerouted
        counts = w.dispatcher.counts
    assert (answer.text, answer.route) == ("pay it", "money")
    assert tries(answer) == [("code", "escalated"), ("money", "ok")]
    assert [contract.route for contract in answer.contracts] == ["code", "money"]
    assert list(rerouted.rejected_routes) == ["code"]
    assert rerouted.decision_id == "decision-0"
    assert rerouted.rejection_reason == "this is about money"
    assert rerouted.query.text == "hi"
    by_id = {report.decision_id: report for report in reports}
    assert by_id["decision-0"].outcome == REJECTED
    assert by_id["decision-0"].note == "this is about money"
    assert by_id["decision-1"].outcome == ACCEPTED
    assert [a.model for a in by_id["decision-0"].attempts] == ["code"]
    assert [a.model for a in by_id["decision-1"].attempts] == ["money"]
    assert (counts.reroutes, counts.rejections) == (1, {"code": 1})


@BOTH
async def test_after_two_reroutings_the_fallback_route_answers(
    streamed: bool, llm: LlmServer
) -> None:
    for name in ("a", "b", "c"):
        llm.always(name, NOT_MINE)
    llm.always("general", Answer("well"))
    async with world(llm, routes(llm, "a", "b", "c", "general", fallback="general")) as w:
        answer = await told(w, streamed=streamed)
        reports = await w.reports(3)
        counts = w.dispatcher.counts
    assert (answer.text, answer.route, answer.contract.route) == ("well", "general", "c")
    assert [c.route for c in answer.contracts] == ["a", "b", "c"]
    assert [list(r.rejected_routes) for r in w.router.rerouted] == [["a"], ["a", "b"]]
    last = next(report for report in reports if report.decision_id == "decision-2")
    assert (last.outcome, last.answered_by) == (REJECTED, "general")
    assert [(a.model, a.route) for a in last.attempts] == [("c", "c"), ("general", "general")]
    assert (counts.reroutes, counts.fallbacks) == (2, 1)
    assert [call.body["messages"][0]["content"] for call in llm.calls_of("general")] == [
        "You are general."
    ]


async def test_when_the_fallback_rejects_it_too_that_is_one_clear_error(llm: LlmServer) -> None:
    for name in ("a", "b", "c", "general"):
        llm.always(name, NOT_MINE)
    async with world(llm, routes(llm, "a", "b", "c", "general", fallback="general")) as w:
        with pytest.raises(RejectedError, match="every specialist rejects the query") as caught:
            await w.dispatcher.answer("hi")
        await w.reports(3)
    assert len(caught.value.attempts) == 4
    assert len(w.router.reports) == 3


async def test_a_router_that_names_a_rejected_route_again_is_not_followed(llm: LlmServer) -> None:
    llm.always("a", NOT_MINE)
    async with world(llm, routes(llm, "a")) as w:
        with pytest.raises(RejectedError):
            await w.dispatcher.answer("hi")
        reports = await w.reports(2)
    assert len(llm.calls) == 1
    assert sorted(report.outcome for report in reports) == [
        REJECTED,
        router_pb2.SPECIALIST_OUTCOME_NOT_CALLED,
    ]


async def test_a_reason_is_cut_to_what_the_contract_carries(llm: LlmServer) -> None:
    llm.always("code", Escalates("é" * 600, as_text=True))
    async with world(llm, routes(llm, "code", "money")) as w:
        await w.dispatcher.answer("hi")
        await w.reports(2)
    assert w.router.rerouted[0].rejection_reason == "é" * 512


@BOTH
async def test_a_specialist_whose_models_all_fail_falls_back(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("code", Fails(500))
    llm.always("general", Answer("well"))
    async with world(llm, routes(llm, "code", "general", fallback="general")) as w:
        answer = await told(w, streamed=streamed)
        [report] = await w.reports(1)
    assert (answer.text, answer.route) == ("well", "general")
    assert not w.router.rerouted
    assert (report.outcome, report.answered_by) == (FAILED, "general")


async def test_what_was_extracted_for_one_route_is_not_told_to_another(llm: LlmServer) -> None:
    llm.always("code", Fails(500))
    specialists = routes(llm, "code", "general", fallback="general")
    specialists["code"].params = {"language": "python"}
    async with world(llm, specialists) as w:
        await w.dispatcher.answer("hi")
    assert "python" in llm.calls_of("code")[0].body["messages"][0]["content"]
    assert "python" not in llm.calls_of("general")[0].body["messages"][0]["content"]


async def test_when_the_fallback_fails_too_the_error_names_both(llm: LlmServer) -> None:
    llm.always("code", Fails(500))
    llm.always("general", Fails(503))
    async with world(llm, routes(llm, "code", "general", fallback="general")) as w:
        with pytest.raises(NoAnswerError) as caught:
            await w.dispatcher.answer("hi")
        await w.reports(1)
    assert "code: code: server_error" in str(caught.value)
    assert "general: general: server_error" in str(caught.value)


async def test_an_answer_about_escalation_is_an_answer(llm: LlmServer) -> None:
    text = 'Say {"escalate": true, "reason": "..."} when it is not yours.'
    llm.always("code", Answer(text))
    async with world(llm, routes(llm, "code")) as w:
        assert (await told(w, streamed=True)).text == text


async def test_the_first_decision_bounds_the_calls_of_all(llm: LlmServer) -> None:
    for name in ("a", "b", "c"):
        llm.always(name, NOT_MINE)
    specialists = routes(llm, "a", "b", "c")
    specialists["a"].ref.policy.max_calls = 2
    specialists["b"].ref.policy.max_calls = 32
    async with world(llm, specialists) as w:
        with pytest.raises(RejectedError):
            await w.dispatcher.answer("hi")
        await w.reports(2)
    assert len(llm.calls) == 2


PROMPT = "You are a careful reviewer who never tells anybody about the secret garden of ours."


async def test_the_reason_of_a_rejection_passes_the_guard(llm: LlmServer) -> None:
    llm.always("code", Escalates(PROMPT))
    guard = pb.OutputGuard(prompt_leak=pb.GUARD_ACTION_BLOCK)
    spec = specialist(
        [at(llm, "code", features=["tools"])],
        prompt=PROMPT,
        policy=pb.DispatchPolicy(guard=guard),
    )
    async with world(llm, {"code": spec}) as w:
        with pytest.raises(RejectedError) as caught:
            await w.dispatcher.answer("hi")
        reports = await w.reports(2)
    said = [str(caught.value), *(attempt.why for attempt in caught.value.attempts)]
    said += [w.router.rerouted[0].rejection_reason, *(report.note for report in reports)]
    assert not [text for text in said if "secret garden" in text]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_what_was_shown_before_a_rejection_is_not_mixed_with_another_answer(
    provider: str, llm: LlmServer
) -> None:
    call = ("escalate", {"reason": "not mine"})
    llm.always("a", Answer("Let me hand this over.", finish="tool_calls", tool=call))
    specialists = {
        "code": specialist([at(llm, "a", provider=provider, features=["tools"])]),
        "other": specialist([at(llm, "b")]),
    }
    async with world(llm, specialists) as w:
        with pytest.raises(BrokenStreamError):
            await told(w, "code: hi", streamed=True)
        [report] = await w.reports(1)
        assert not llm.calls_of("b")
        assert (await told(w, "code: hi", streamed=False)).route == "other"
    assert report.outcome == REJECTED


async def test_a_step_with_effects_that_may_have_begun_is_nobodys_again(llm: LlmServer) -> None:
    llm.always("a", Fails(500))
    careful = pb.DispatchPolicy(not_idempotent=True)
    specialists = {
        "code": specialist([at(llm, "a")], policy=careful, fallback="other"),
        "other": specialist([at(llm, "b")]),
    }
    async with world(llm, specialists) as w:
        with pytest.raises(NoAnswerError):
            await w.dispatcher.answer("code: hi")
        assert not llm.calls_of("b")
        llm.always("a", Fails(400, "bad"))  # refused before it began
        assert (await w.dispatcher.answer("code: hi")).route == "other"


async def test_a_fallback_whose_stream_breaks_is_not_the_routes_own_rejection(
    llm: LlmServer,
) -> None:
    call = ("escalate", {"reason": "not mine"})
    llm.always("code", Fails(500))
    llm.always("general", Answer("Let me see.", finish="tool_calls", tool=call))
    async with world(llm, routes(llm, "code", "general", fallback="general")) as w:
        with pytest.raises(BrokenStreamError):
            await told(w, streamed=True)
        [report] = await w.reports(1)
    assert (report.route, report.outcome) == ("code", FAILED)
