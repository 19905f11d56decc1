"""What an answer carries, and what a model is given."""

import pytest

from tests.llm_server import Answer, LlmServer
from tests.scripted_router import model, specialist
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2, router_pb2
from waypost_client import Feedback, UnavailableError
from waypost_client.dispatch import (
    Dialogue,
    Dispatcher,
    Ended,
    Message,
    ModelRequest,
    NoAnswerError,
    Role,
)

BOTH = pytest.mark.parametrize("streamed", [False, True])
PROMPT = "You review code.\n\nBe brief."


@BOTH
async def test_an_answer_says_how_it_came_to_be(streamed: bool, llm: LlmServer) -> None:
    llm.always("small", Answer("It is fine.", input_tokens=1000, output_tokens=200))
    priced = at(llm, "small", usd_per_mtok_in=2.0, usd_per_mtok_out=10.0)
    async with world(llm, [priced]) as w:
        answer = await told(w, streamed=streamed)
        [report] = await w.reports(1)
    assert (answer.text, answer.ended) == ("It is fine.", Ended.ANSWERED)
    assert (answer.route, answer.model) == ("code", "small")
    assert answer.contract.decision_id == report.decision_id == "decision-0"
    [attempt] = answer.attempts
    assert attempt.usage
    assert (attempt.usage.input_tokens, attempt.usage.output_tokens) == (1000, 200)
    assert answer.cost_usd == pytest.approx(0.002 + 0.002)
    assert (attempt.first_token_s is not None) == streamed
    assert 0 < attempt.latency_s <= answer.latency_s
    [reported] = report.attempts
    assert (reported.input_tokens, reported.output_tokens) == (1000, 200)
    assert reported.cost_usd == pytest.approx(0.004)
    assert report.route == "code"
    assert report.answered_by == ""


async def test_the_static_prompt_comes_first_and_is_the_same_bytes(llm: LlmServer) -> None:
    dialogue = Dialogue(
        messages=(Message(Role.USER, "Hello"), Message(Role.ASSISTANT, "Hi there")),
        session_id="s1",
        previous_route="code",
    )
    spec = specialist([at(llm, "small")], prompt=PROMPT, params={"language": "python", "lines": 3})
    async with world(llm, {"code": spec}) as w:
        await w.dispatcher.answer("first query", conversation=dialogue)
        w.router.specialists["code"].params = {"language": "go"}
        await w.dispatcher.answer("another one")
        asked = w.router.asked
    first, second = (call.body["messages"] for call in llm.calls)
    assert [message["role"] for message in first] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in first[1:]] == ["Hello", "Hi there", "first query"]
    assert [message["role"] for message in second] == ["system", "user"]
    assert first[0]["content"].startswith(PROMPT)
    assert second[0]["content"].startswith(PROMPT)
    assert '"language"' in first[0]["content"][len(PROMPT) :]
    prefix = llm.calls[0].raw.index(b"Be brief.")
    assert llm.calls[0].raw[:prefix] == llm.calls[1].raw[:prefix]
    assert list(asked[0].conversation.recent_user_turns) == ["Hello"]
    assert asked[0].conversation.previous_route == "code"


async def test_a_prompt_is_fetched_once_by_its_hash(llm: LlmServer) -> None:
    async with world(llm, {"code": specialist([at(llm, "small")], prompt=PROMPT)}) as w:
        await w.dispatcher.answer("one")
        await w.dispatcher.answer("two")
        fetched = len(w.router.fetched)
        newer = specialist([at(llm, "small")], prompt="You review code. Be kind.")
        w.router.specialists["code"] = newer
        await w.dispatcher.answer("three")
        assert len(w.router.fetched) == fetched + 1
    systems = [call.body["messages"][0]["content"] for call in llm.calls]
    assert systems == [PROMPT, PROMPT, "You review code. Be kind."]


async def test_a_dialogue_grows_by_query_and_answer() -> None:
    dialogue = Dialogue(session_id="s").then("why?", "because", route="code")
    assert dialogue.messages == (Message(Role.USER, "why?"), Message(Role.ASSISTANT, "because"))
    assert dialogue.for_router().previous_route == "code"
    for i in range(10):
        dialogue = dialogue.then(f"q{i}", f"a{i}", route="debug")
    assert dialogue.for_router().recent_user_turns == ("q6", "q7", "q8", "q9")


@BOTH
async def test_a_question_for_the_user_is_the_answer(streamed: bool, llm: LlmServer) -> None:
    spec = specialist([at(llm, "small")], clarifying_question="Review or debug?")
    async with world(llm, {"code": spec}) as w:
        if streamed:
            async with w.dispatcher.stream("hi") as pieces:
                shown = "".join([piece async for piece in pieces])
            answer = pieces.answer
            assert shown == "Review or debug?"
        else:
            answer = await w.dispatcher.answer("hi")
        [report] = await w.reports(1)
    assert (answer.text, answer.ended) == ("Review or debug?", Ended.CLARIFY)
    assert answer.attempts == ()
    assert report.outcome == router_pb2.SPECIALIST_OUTCOME_NOT_CALLED
    assert not llm.calls


async def test_a_refused_query_has_no_text(llm: LlmServer) -> None:
    async with world(llm, {"code": specialist([at(llm, "small")], refuses=True)}) as w:
        answer = await w.dispatcher.answer("hi")
    assert (answer.text, answer.ended) == ("", Ended.REFUSED)
    assert not llm.calls


async def test_a_function_stands_in_for_a_model(llm: LlmServer) -> None:
    seen: list[ModelRequest] = []

    async def answers(request: ModelRequest) -> str:
        seen.append(request)
        return f"you said {request.prompt.messages[-1].text}"

    async with world(llm, [model("mine")], callables={"mine": answers}) as w:
        answer = await w.dispatcher.answer("hi")
    assert answer.text == "you said hi"
    assert seen[0].prompt.static == "You answer."
    assert not llm.calls


async def test_a_function_that_breaks_is_named_and_not_quoted(llm: LlmServer) -> None:
    def breaks(request: ModelRequest) -> str:
        raise KeyError(request.prompt.messages[-1].text)

    async with world(llm, [model("mine"), at(llm, "second")], callables={"mine": breaks}) as w:
        answer = await w.dispatcher.answer("a secret of mine")
    assert tries(answer) == [("mine", "broken"), ("second", "ok")]
    assert "KeyError" in answer.attempts[0].why
    assert "secret" not in answer.attempts[0].why


async def test_what_the_caller_says_reaches_the_router(llm: LlmServer) -> None:
    async with world(llm, [at(llm, "small")]) as w:
        answer = await w.dispatcher.answer(
            "hi", request_id="r1", tenant="t", metadata={"k": "v"}, allowed_routes=["code"]
        )
        await w.dispatcher.give_feedback(
            answer, Feedback.NEGATIVE, correct_route="debug", note="wrong"
        )
        reports = await w.reports(2)
        [asked] = w.router.asked
    assert (asked.request_id, asked.tenant) == ("r1", "t")
    assert dict(asked.metadata) == {"k": "v"}
    assert list(asked.allowed_routes) == ["code"]
    given = next(report for report in reports if report.correct_route)
    assert given.feedback == router_pb2.FEEDBACK_NEGATIVE
    assert given.decision_id == answer.contract.decision_id


async def test_sampling_and_limits_travel_with_the_contract(llm: LlmServer) -> None:
    spec = specialist(
        [at(llm, "small")],
        sampling=contract_pb2.Sampling(
            temperature=0.0, top_p=0.5, max_output_tokens=7, stop=["END"], seed=3
        ),
    )
    async with world(llm, {"code": spec}) as w:
        await w.dispatcher.answer("hi")
    body = llm.calls[0].body
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.0, 0.5, 3)
    assert body["max_tokens"] == 7
    assert body["stop"] == ["END"]


async def test_a_router_cannot_have_any_secret_sent_anywhere(
    llm: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    models = [at(llm, "curious", api_key_env="DATABASE_PASSWORD")]
    async with world(llm, models) as w:
        with pytest.raises(NoAnswerError, match="DATABASE_PASSWORD") as caught:
            await w.dispatcher.answer("hi")
    assert not llm.calls
    assert "hunter2" not in str(caught.value)
    async with world(llm, models, key_names=["DATABASE_PASSWORD"]) as w:
        await w.dispatcher.answer("hi")
    assert llm.calls[0].headers["authorization"] == "Bearer hunter2"


async def test_a_router_that_is_away_is_the_routers_error() -> None:
    async with Dispatcher("127.0.0.1:1") as dispatcher:
        with pytest.raises(UnavailableError):
            await dispatcher.answer("hi", timeout_s=1)
        assert dispatcher.counts.failures == {"UnavailableError": 1}
