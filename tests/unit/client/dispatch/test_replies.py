"""What comes of an answer, in both protocols, streamed and not."""

import asyncio
import contextlib
import math

import pytest

from tests.llm_server import Answer, Escalates, Hangs, LlmServer, SlowFirstToken
from tests.unit.client.dispatch.calls import pieces_of, reply_of
from tests.unit.client.dispatch.conftest import Protocol
from waypost_client.dispatch._providers._provider import Finish, Reply, Usage


async def test_an_answer_is_read_whole(llm: LlmServer, protocol: Protocol, streamed: bool) -> None:
    answer = Answer(
        "Grüße, the parcel\nis here.", input_tokens=120, output_tokens=7, cached_input_tokens=100
    )
    llm.script("m", answer)
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert reply == Reply(
        text="Grüße, the parcel\nis here.",
        finish=Finish.STOP,
        usage=Usage(input_tokens=120, output_tokens=7, cached_input_tokens=100),
    )


async def test_a_stream_gives_the_pieces_as_they_were_sent(
    llm: LlmServer, protocol: Protocol
) -> None:
    llm.script("m", Answer(pieces=("He", "llo, ", "", "wor", "ld"), piece_s=0.002))
    pieces, reply = await pieces_of(protocol.provider, protocol.request())
    assert pieces == ["He", "llo, ", "wor", "ld"]
    assert reply.text == "Hello, world"


async def test_a_piece_comes_before_the_answer_ends(llm: LlmServer, protocol: Protocol) -> None:
    llm.script("m", Hangs(after=2, text="one two three"))
    async with contextlib.aclosing(protocol.provider.stream(protocol.request())) as stream:
        assert [await anext(stream), await anext(stream)] == ["one ", "two "]


async def test_a_slow_first_token_is_waited_for(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    llm.script("m", SlowFirstToken(0.05, "at last"))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert reply.text == "at last"


async def test_an_answer_that_ran_out_of_room_says_so(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    llm.script("m", Answer("And then", finish="length"))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert (reply.text, reply.finish) == ("And then", Finish.LENGTH)


async def test_the_tool_escalates(llm: LlmServer, protocol: Protocol, streamed: bool) -> None:
    llm.script("m", Escalates("a matter of billing"))
    request = protocol.request("tools", may_escalate=True)
    reply = await reply_of(protocol.provider, request, streamed=streamed)
    assert (reply.text, reply.escalation) == ("", "a matter of billing")


async def test_an_escalation_in_text_is_text(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    llm.script("m", Escalates("billing", as_text=True))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert (reply.text, reply.escalation) == ('{"escalate": true, "reason": "billing"}', None)


async def test_another_tool_is_no_escalation(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    llm.script("m", Answer("Hm.", finish="tool_calls", tool=("search", {"reason": "?"})))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert (reply.text, reply.escalation) == ("Hm.", None)


async def test_confidence_is_the_geometric_mean_of_the_tokens(
    llm: LlmServer, openai: Protocol, streamed: bool
) -> None:
    probabilities = (0.5, 0.9, 0.72)
    llm.script("m", Answer("one two three", logprobs=tuple(map(math.log, probabilities))))
    request = openai.request("logprobs", wants_confidence=True)
    reply = await reply_of(openai.provider, request, streamed=streamed)
    assert reply.confidence == pytest.approx(math.prod(probabilities) ** (1 / 3))
    # llama.cpp tells twenty for each token if no number is said, and none at all with 0.
    assert llm.calls[0].body["top_logprobs"] == 1


async def test_confidence_is_not_asked_of_a_model_that_does_not_know_it(
    llm: LlmServer, openai: Protocol
) -> None:
    llm.script("m", Answer("one", logprobs=(-0.1,)))
    reply = await openai.provider.complete(openai.request(wants_confidence=True))
    assert reply.confidence is None
    assert "logprobs" not in llm.calls[0].body


async def test_a_server_may_say_nothing_of_tokens(
    llm: LlmServer, openai: Protocol, streamed: bool
) -> None:
    llm.script("m", Answer("fine", reports_usage=False))
    reply = await reply_of(openai.provider, openai.request(), streamed=streamed)
    assert reply == Reply(text="fine")


@pytest.mark.parametrize("behaviour", [Hangs(), Hangs(after=2)])
async def test_a_cancelled_call_ends_its_connection(
    llm: LlmServer, protocol: Protocol, streamed: bool, behaviour: Hangs
) -> None:
    llm.script("m", behaviour)
    call = asyncio.create_task(reply_of(protocol.provider, protocol.request(), streamed=streamed))
    await llm.until(lambda: len(llm.calls) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await llm.until(lambda: llm.calls[0].hung_up)


async def test_a_stream_that_is_left_ends_its_connection(
    llm: LlmServer, protocol: Protocol
) -> None:
    llm.script("m", Hangs(after=2))
    stream = protocol.provider.stream(protocol.request())
    assert await anext(stream) == "one "
    await stream.aclose()
    await llm.until(lambda: llm.calls[0].hung_up)


async def test_calls_run_side_by_side(llm: LlmServer, protocol: Protocol) -> None:
    llm.always("m", lambda call: Answer(str(call.number), first_token_s=0.02))
    requests = [protocol.provider.complete(protocol.request()) for _ in range(20)]
    replies = await asyncio.gather(*requests)
    assert sorted(int(reply.text) for reply in replies) == list(range(20))


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("a \ud83d", "\ude00 b"), "a \N{GRINNING FACE} b"),
        (("a \ud83d", "", "\ude00"), "a \N{GRINNING FACE}"),
        (("a \ud83d", " b"), "a \ufffd b"),
        (("a ", "\ude00", "\ud83d"), "a \ufffd\ufffd"),
        (("\ud83d", "\ud83d", "\ude00"), "\ufffd\N{GRINNING FACE}"),
    ],
)
async def test_halves_of_surrogate_pairs_are_joined_or_replaced(
    llm: LlmServer, protocol: Protocol, streamed: bool, pieces: tuple[str, ...], text: str
) -> None:
    llm.script("m", Answer("".join(pieces), pieces=pieces))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert reply.text == text


async def test_a_reason_is_bounded_and_well_formed(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    request = protocol.request("tools", may_escalate=True)
    for reason, given in (
        ("x" * 1_000_000, "x" * 1024),
        ("\ud83d" + "\u20ac" * 1000, "\ufffd" + "\u20ac" * 340),
        ("\ud83d\ude00", "\N{GRINNING FACE}"),
    ):
        llm.script("m", Escalates(reason))
        reply = await reply_of(protocol.provider, request, streamed=streamed)
        assert reply.escalation == given


@pytest.mark.parametrize("logprob", [1e6, float("inf"), float("nan")])
async def test_impossible_probabilities_cost_no_answer(
    llm: LlmServer, openai: Protocol, streamed: bool, logprob: float
) -> None:
    llm.script("m", Answer("one", logprobs=(logprob,)))
    request = openai.request("logprobs", wants_confidence=True)
    reply = await reply_of(openai.provider, request, streamed=streamed)
    assert reply.confidence == (None if math.isnan(logprob) else 1.0)
