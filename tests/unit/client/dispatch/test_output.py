"""What may go out: guard, validators, empty answers, policies that cannot be carried out."""

import pytest

from tests.llm_server import Answer, LlmServer
from tests.scripted_router import specialist
from tests.unit.client.dispatch.policies import BOTH, policy
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost_client.dispatch import (
    BlockedError,
    Draft,
    NoAnswerError,
)


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


@BOTH
async def test_an_empty_answer_is_none(streamed: bool, llm: LlmServer) -> None:
    llm.always("a", Answer(""))
    llm.always("b", Answer("words"))
    async with world(llm, [at(llm, "a"), at(llm, "b")]) as w:
        answer = await told(w, streamed=streamed)
    assert tries(answer) == [("a", "failed_check"), ("b", "ok")]
