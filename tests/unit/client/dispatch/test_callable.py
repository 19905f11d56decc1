"""Functions of the process in place of models."""

import asyncio
import functools
import threading
import traceback
from collections.abc import AsyncIterator

import pytest

from tests.unit.client.dispatch.calls import QUERY, a_model, a_request, pieces_of, reply_of
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._callable import CallableProvider, ModelFunction
from waypost_client.dispatch._providers._pieces import MAX_CHARACTERS
from waypost_client.dispatch._providers._provider import ModelRequest, Reply, Usage

REPLY = Reply(text="fine", usage=Usage(input_tokens=1, output_tokens=2), confidence=0.5)


def sync_text(request: ModelRequest) -> str:
    return request.prompt.messages[-1].text.upper()


async def async_text(request: ModelRequest) -> str:
    await asyncio.sleep(0)
    return request.prompt.messages[-1].text.upper()


async def generated(request: ModelRequest) -> AsyncIterator[str]:
    for word in request.prompt.messages[-1].text.upper().split(" "):
        yield word if word == "WHERE" else f" {word}"


class AnObject:
    async def __call__(self, request: ModelRequest) -> str:
        return request.prompt.messages[-1].text.upper()


def fails(request: ModelRequest) -> str:
    raise KeyError(request.prompt.messages[-1].text)


async def fails_late(request: ModelRequest) -> AsyncIterator[str]:
    yield "one "
    raise KeyError(request.prompt.messages[-1].text)


@pytest.mark.parametrize(
    "function",
    [
        sync_text,
        async_text,
        generated,
        AnObject(),
        lambda request: async_text(request),
        functools.partial(async_text),
    ],
)
async def test_every_kind_of_function_answers(function: ModelFunction, streamed: bool) -> None:
    provider = CallableProvider(function)
    assert await reply_of(provider, a_request(a_model()), streamed=streamed) == Reply(
        text=QUERY.upper()
    )


async def test_a_generators_pieces_are_the_streams() -> None:
    pieces, _ = await pieces_of(CallableProvider(generated), a_request(a_model()))
    assert pieces[:2] == ["WHERE", " IS"]


async def test_a_function_may_say_more_than_text(streamed: bool) -> None:
    async def answers(_: ModelRequest) -> Reply:
        return REPLY

    provider = CallableProvider(answers)
    assert await reply_of(provider, a_request(a_model()), streamed=streamed) == REPLY


async def test_a_sync_function_runs_beside_the_loop() -> None:
    threads: list[int] = []

    def notes(_: ModelRequest) -> str:
        threads.append(threading.get_ident())
        return "ok"

    await CallableProvider(notes).complete(a_request(a_model()))
    assert threads != [threading.get_ident()]


@pytest.mark.parametrize("function", [fails, fails_late])
async def test_what_it_raises_is_named_and_no_more(function: ModelFunction, streamed: bool) -> None:
    with pytest.raises(ModelError) as failure:
        await reply_of(CallableProvider(function), a_request(a_model()), streamed=streamed)
    assert failure.value.kind is FailureKind.BROKEN
    assert str(failure.value) == "broken: the function of model m raised KeyError"
    assert QUERY not in "".join(traceback.format_exception(failure.value))


async def test_its_own_model_error_goes_through(streamed: bool) -> None:
    error = ModelError(FailureKind.RATE_LIMITED, "later", retry_after_s=3)

    async def refuses(_: ModelRequest) -> str:
        raise error

    with pytest.raises(ModelError) as failure:
        await reply_of(CallableProvider(refuses), a_request(a_model()), streamed=streamed)
    assert failure.value is error


async def test_neither_text_nor_reply_is_broken(streamed: bool) -> None:
    async def counts(_: ModelRequest) -> str:
        return 7  # type: ignore[return-value]

    with pytest.raises(ModelError) as failure:
        await reply_of(CallableProvider(counts), a_request(a_model()), streamed=streamed)
    assert failure.value.kind is FailureKind.BROKEN


async def test_a_stream_that_is_left_ends_its_generator() -> None:
    ended = asyncio.Event()

    async def endless(_: ModelRequest) -> AsyncIterator[str]:
        try:
            while True:
                yield "on "
        finally:
            ended.set()

    stream = CallableProvider(endless).stream(a_request(a_model()))
    assert await anext(stream) == "on "
    await stream.aclose()
    assert ended.is_set()


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["a \ud83d", "\ude00 b"], "a \N{GRINNING FACE} b"),
        (["a \ud83d"], "a \ufffd"),
        ([Reply(text="a \ud83d")], "a \ufffd"),
        (["a ", "\ud83d", Reply(text="")], "a \ufffd"),
    ],
)
async def test_halves_of_surrogate_pairs_are_joined_or_replaced(
    streamed: bool, pieces: list[str | Reply], text: str
) -> None:
    async def says(_: ModelRequest) -> AsyncIterator[str | Reply]:
        for piece in pieces:
            yield piece

    reply = await reply_of(CallableProvider(says), a_request(a_model()), streamed=streamed)
    assert reply.text == text


async def test_what_it_says_besides_text_is_made_fit_to_be_reported(streamed: bool) -> None:
    def odd(_: ModelRequest) -> Reply:
        usage = Usage(input_tokens=-1, output_tokens=2**40)
        return Reply(text="", usage=usage, escalation="\ud83d" + "x" * 2000)

    reply = await reply_of(CallableProvider(odd), a_request(a_model()), streamed=streamed)
    assert reply.usage == Usage(input_tokens=0, output_tokens=2**32 - 1)
    assert reply.escalation == "\ufffd" + "x" * 1021


def long_text(_: ModelRequest) -> str:
    return "x" * (MAX_CHARACTERS + 1)


def long_reply(_: ModelRequest) -> Reply:
    return Reply(text="x" * (MAX_CHARACTERS + 1))


async def without_end(_: ModelRequest) -> AsyncIterator[str]:
    while True:
        yield "x" * (MAX_CHARACTERS // 4)


@pytest.mark.parametrize("function", [long_text, long_reply, without_end])
async def test_an_answer_without_end_is_malformed(function: ModelFunction, streamed: bool) -> None:
    with pytest.raises(ModelError) as failure:
        await reply_of(CallableProvider(function), a_request(a_model()), streamed=streamed)
    assert failure.value.kind is FailureKind.MALFORMED
