"""The dispatcher between a real router and a real LLM."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.processes import ServerProcess
from tests.llm.conftest import BIG, CALL_SECONDS
from tests.llm.llama import CONTEXT_TOKENS, Llama
from waypost_client import AsyncAdminClient
from waypost_client.dispatch import Dialogue, Dispatcher, Ended, FailureKind, ModelRequest

TESTING = "what is a unit test?"
DATABASES = "which column of this table should I index?"
SQL = "write the SQL query that counts the payments of each customer"
ANSWER = '{"sql": "SELECT 1"}'
TOO_LONG = "is this a good unit test? " + "assert words == 1\n" * (CONTEXT_TOKENS // 4)


def big(request: ModelRequest) -> str:
    """A function in the place of a large model."""
    return ANSWER


@pytest.fixture
async def dispatcher(server: ServerProcess) -> AsyncIterator[Dispatcher]:
    async with Dispatcher(
        server.address, callables={BIG: big}, timeout_s=CALL_SECONDS
    ) as connected:
        yield connected


@pytest.mark.parametrize(
    ("query", "route", "word"), [(TESTING, "testing", "test"), (DATABASES, "databases", "column")]
)
async def test_a_specialist_answers(
    dispatcher: Dispatcher, query: str, route: str, word: str
) -> None:
    answer = await dispatcher.answer(query)
    # It talks on until its limit of tokens, and the answer says so.
    assert (answer.route, answer.model, answer.ended) == (route, "smol", Ended.CUT_SHORT)
    assert word in answer.text
    [attempt] = answer.attempts
    assert attempt.usage is not None
    assert 20 < attempt.usage.input_tokens < 60
    assert 0 < attempt.usage.output_tokens <= 40


async def test_a_stream_comes_in_pieces_and_is_the_answer(dispatcher: Dispatcher) -> None:
    await dispatcher.answer(TESTING)  # so that its prompt is in the LLM's cache for both
    whole = await dispatcher.answer(TESTING)
    async with dispatcher.stream(TESTING) as stream:
        pieces = [piece async for piece in stream]
    assert len(pieces) > 10
    assert "".join(pieces) == stream.answer.text == whole.text
    [attempt] = stream.answer.attempts
    assert attempt.first_token_s is not None
    assert attempt.first_token_s < attempt.latency_s


async def test_a_stream_that_is_left_ends_the_llms_work(
    dispatcher: Dispatcher, llama: Llama
) -> None:
    before = llama.streams_left()
    async with dispatcher.stream(TESTING) as stream:
        assert await anext(stream)
    await dispatcher.answer(DATABASES)  # it does one thing at a time
    assert llama.streams_left() == before + 1


async def test_a_cascade_leaves_a_model_whose_answer_does_not_fit(dispatcher: Dispatcher) -> None:
    answer = await dispatcher.answer(SQL)
    assert (answer.route, answer.model) == ("queries", BIG)
    assert answer.text == ANSWER
    cheap, _ = answer.attempts
    assert (cheap.model, cheap.error) == ("smol", FailureKind.FAILED_CHECK)
    assert "JSON" in cheap.why


async def test_a_prompt_that_is_too_long_goes_to_the_next_model(dispatcher: Dispatcher) -> None:
    answer = await dispatcher.answer(TOO_LONG)
    assert answer.model == BIG
    assert answer.attempts[0].error is FailureKind.CONTEXT_OVERFLOW


async def test_a_stream_of_a_prompt_that_is_too_long_goes_there_too(
    dispatcher: Dispatcher,
) -> None:
    async with dispatcher.stream(TOO_LONG) as stream:
        pieces = [piece async for piece in stream]
    assert "".join(pieces) == ANSWER
    assert stream.answer.model == BIG


async def test_the_second_turn_is_asked_with_the_first(dispatcher: Dispatcher) -> None:
    first = "I write my unit tests in Haskell. Is that a good idea?"
    answer = await dispatcher.answer(first)
    dialogue = Dialogue().then(first, answer.text, route=answer.route)
    second = await dispatcher.answer("Which language is best for tests?", conversation=dialogue)
    assert (answer.route, second.route) == ("testing", "testing")
    before, after = (each.attempts[0].usage for each in (answer, second))
    assert before is not None
    assert after is not None
    assert after.input_tokens > before.input_tokens + before.output_tokens


async def test_the_router_hears_of_every_call(
    dispatcher: Dispatcher, server: ServerProcess
) -> None:
    async with AsyncAdminClient(server.admin_address) as router:
        before = {model.name: model.succeeded for model in (await router.status()).models}
        await dispatcher.answer(TESTING)
        await dispatcher.close()
        after = {model.name: model.succeeded for model in (await router.status()).models}
    assert after["smol"] == before.get("smol", 0) + 1
