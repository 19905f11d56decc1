"""The generalist begins while the router decides."""

from collections.abc import AsyncIterator

from tests.llm_server import Answer, Fails, Hangs, LlmServer
from tests.scripted_router import model, specialist
from tests.unit.client.dispatch.policies import known, policy, speculating
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost_client import AttemptRole
from waypost_client.dispatch import (
    FailureKind,
    ModelError,
    ModelRequest,
)


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
