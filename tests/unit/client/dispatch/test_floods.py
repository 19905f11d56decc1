"""Replies without end, met by a whole dispatcher: the call ends, and the next model answers."""

import pytest

from tests.llm_server import Answer, Flood, LlmServer
from tests.scripted_router import specialist
from tests.unit.client.dispatch.test_failures import BOTH, PROTOCOLS
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
BODY = STREAM.replace(b"text/event-stream", b"application/json")

CHUNKED = b"transfer-encoding: chunked"

FOR_EVER = 1 << 40
"""Bytes: the call's time is over before."""

NOTHING: dict[str, bytes] = {
    "comments": b": hm\n\n",
    "empty lines": b"\n",
    "events of no kind": b"event: ping\ndata: {}\n\n",
    "events without text": (
        b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, '
        b'"delta": {"type": "text_delta", "text": ""}, "choices": []}\n\n'
    ),
}


@PROTOCOLS
@pytest.mark.parametrize("name", NOTHING)
async def test_a_stream_of_nothing_ends_with_the_calls_time(
    llm: LlmServer, provider: str, name: str
) -> None:
    part = NOTHING[name]
    await _next_answers(
        llm, provider, Flood(STREAM, part * (65_536 // len(part)), most=FOR_EVER), streamed=True
    )


@BOTH
@PROTOCOLS
async def test_hints_before_an_answer_that_never_comes_end_with_the_calls_time(
    llm: LlmServer, provider: str, streamed: bool
) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 1_000
    await _next_answers(llm, provider, Flood(b"", hints, most=FOR_EVER), streamed=streamed)


@BOTH
@PROTOCOLS
async def test_a_body_in_chunks_of_a_byte_ends_with_the_calls_time(
    llm: LlmServer, provider: str, streamed: bool
) -> None:
    head = (STREAM if streamed else BODY).replace(b"connection: close", CHUNKED)
    flood = Flood(head, b"1\r\n \r\n" * 10_000, most=FOR_EVER)
    await _next_answers(llm, provider, flood, streamed=streamed)


async def _next_answers(llm: LlmServer, provider: str, flood: Flood, *, streamed: bool) -> None:
    llm.always("first", flood)
    llm.always("second", Answer("fine"))
    first, second = (at(llm, name, provider=provider) for name in ("first", "second"))
    # Only the first has so little time: beside a flood the second may need more.
    hurried = contract_pb2.Timeouts(call_ms=300)
    specialists = {
        "code": specialist([first], timeouts=hurried, fallback="general"),
        "general": specialist([second]),
    }
    async with world(llm, specialists) as w:
        answer = await told(w, streamed=streamed)
        await llm.until(lambda: llm.calls_of("first")[0].hung_up)
    assert answer.text == "fine"
    assert tries(answer) == [("first", "timeout"), ("second", "ok")]


@BOTH
@PROTOCOLS
async def test_a_model_whose_replies_have_no_end_is_tried_again_and_then_left_alone(
    llm: LlmServer, provider: str, streamed: bool
) -> None:
    llm.always("first", Flood(STREAM if streamed else BODY, b"x" * 65_536))
    llm.always("second", Answer("fine"))
    models = [
        at(llm, "first", provider=provider, retries=1, breaker={"failures": 2, "open_ms": 60_000}),
        at(llm, "second", provider=provider),
    ]
    async with world(llm, models) as w:
        answer = await told(w, streamed=streamed)
        assert tries(answer) == [("first", "malformed")] * 2 + [("second", "ok")]
        again = await told(w, streamed=streamed)
    assert tries(again) == [("first", "breaker_open"), ("second", "ok")]
