"""What is said of a turn of a conversation."""

import json

import grpc
import pytest

from tests.llm_server import Answer as Says
from tests.llm_server import Fails, LlmServer
from tests.scripted_router import specialist
from tests.unit.client.dispatch.worlds import at, world
from waypost.v1 import contract_pb2
from waypost_client import UnavailableError, WaypostError
from waypost_client._turn import Turn
from waypost_client.dispatch import NoAnswerError

CONFIDENCE = contract_pb2.OutputChecks(min_confidence=0.9)


async def turn(llm: LlmServer, query: str = "hi") -> Turn:
    """A turn with a router that asks back, one that refuses, and one that checks."""
    picky = contract_pb2.DispatchPolicy(checks=CONFIDENCE)
    specialists = {
        "code": specialist([at(llm, "small")]),
        "vague": specialist([at(llm, "small")], clarifying_question="This or that?"),
        "banned": specialist([at(llm, "small")], refuses=True),
        "picky": specialist([at(llm, "small", features=["logprobs"])], policy=picky),
    }
    async with world(llm, specialists) as asked:
        try:
            return Turn(query=query, answer=await asked.dispatcher.answer(query))
        except WaypostError as error:
            return Turn(query=query, error=error)


@pytest.mark.parametrize(
    ("query", "who"),
    [
        ("code: why", "by small"),
        ("vague: why", "a question back to you"),
        ("banned: why", "refused, no model was asked"),
        ("picky: why", "by small, which does not pass all checks"),
    ],
)
async def test_the_summary_says_who_answered(llm: LlmServer, query: str, who: str) -> None:
    llm.always("small", Says("so", logprobs=(-3.0,)))
    said = await turn(llm, query)
    assert f"), {who}, " in said.summary()
    assert said.summary().startswith(query.partition(":")[0])
    assert said.failure("here") == ""


async def test_a_failure_names_what_was_tried(llm: LlmServer) -> None:
    llm.always("small", Fails(500))
    said = await turn(llm)
    assert said.summary() == ""
    assert "small" in said.failure("here")
    assert "small for code (ANSWER): server_error after " in said.why()
    assert " s: HTTP 500 " in said.why()
    assert said.to_json()["attempts"][0]["error"] == "server_error"


async def test_models_without_keys_have_a_line_each_and_a_word_on_what_to_do(
    llm: LlmServer,
) -> None:
    keyless = [at(llm, name, api_key_env=f"{name.upper()}_API_KEY") for name in ("one", "two")]
    fallback = specialist([at(llm, "small")])
    for models in (keyless, keyless[:1]):
        specialists = {"code": specialist(models, fallback="general"), "general": fallback}
        llm.always("small", Fails(500))
        async with world(llm, specialists) as asked:
            with pytest.raises(NoAnswerError) as failed:
                await asked.dispatcher.answer("code: why")
        unanswered = Turn(query="why", error=failed.value)
        head, *lines, last, what_to_do = unanswered.failure("here").splitlines()
        assert head == "no model answered:"
        assert lines == [
            f"  code: {each.name}: not_authorised (its key is to be in {each.api_key_env}, "
            "which is unset)"
            for each in models
        ]
        assert last.startswith("  general: small: server_error: HTTP 500 ")
        assert what_to_do.startswith("set such a variable where this command runs, or edit ")
        assert len(unanswered.to_json()["error"].splitlines()) == 1


async def test_one_model_that_fails_is_one_line(llm: LlmServer) -> None:
    llm.always("small", Fails(500))
    said = (await turn(llm)).failure("here")
    assert said.startswith("no model answered: code: small: server_error: HTTP 500 ")
    assert len(said.splitlines()) == 1


def test_a_router_that_does_not_answer_is_named() -> None:
    said = Turn(query="hi", error=UnavailableError(grpc.StatusCode.UNAVAILABLE, "refused"))
    assert "no server answers at here; start one with" in said.failure("here")
    assert said.why() == "the router did not decide"
    assert said.to_json()["decision_id"] is None


async def test_both_ends_have_the_same_keys_and_are_json(llm: LlmServer) -> None:
    llm.script("small", Says("so"))
    answered = (await turn(llm)).to_json()
    llm.always("small", Fails(500))
    failed = (await turn(llm)).to_json()
    assert answered.keys() == failed.keys()
    assert json.loads(json.dumps(answered))["ended"] == "answered"
    assert (answered["error"], failed["text"]) == (None, None)
