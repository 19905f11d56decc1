"""What servers send that their protocols do not make one expect."""

import json
from typing import Any

import pytest

from tests.llm_server import Answer, Escalates, LlmServer, Raw
from tests.unit.client.dispatch.calls import pieces_of, reply_of
from tests.unit.client.dispatch.conftest import Protocol
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._pieces import MAX_CHARACTERS
from waypost_client.dispatch._providers._provider import Finish, Reply, Usage
from waypost_client.dispatch._providers._reading import Reader


def events(*documents: dict[str, Any]) -> Raw:
    """A stream in either protocol; its connection ends without `[DONE]`."""
    lines = (f"event: {d.get('type', 'e')}\ndata: {json.dumps(d)}\n\n" for d in documents)
    return Raw("".join(lines).encode(), content_type="text/event-stream")


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:  # noqa: ANN401 (any JSON)
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def whole(**message: Any) -> Raw:  # noqa: ANN401 (any JSON)
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": "stop"}
    return Raw(json.dumps({"choices": [choice]}).encode())


async def test_openai_a_refusal_is_a_filter(
    llm: LlmServer, openai: Protocol, streamed: bool
) -> None:
    refusal = {"content": None, "refusal": "I cannot help with that."}
    llm.script("m", events(chunk(**refusal), chunk("stop")) if streamed else whole(**refusal))
    with pytest.raises(ModelError) as failure:
        await reply_of(openai.provider, openai.request(), streamed=streamed)
    assert failure.value.kind is FailureKind.CONTENT_FILTER


async def test_openai_an_end_without_done_is_an_end(llm: LlmServer, openai: Protocol) -> None:
    llm.script("m", events({"choices": []}, chunk(content="Hello"), chunk("length")))
    assert await pieces_of(openai.provider, openai.request()) == (
        ["Hello"],
        Reply(text="Hello", finish=Finish.LENGTH),
    )


GARBLED = [
    '{"reason": "not mi',
    "[1]",
    "",
    "{}",
    '{"reason": 7}',
    "[" * 100_000,
    '{"reason": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"n": 1' + "0" * 5000 + "}",
]


@pytest.mark.parametrize("arguments", GARBLED, ids=range(len(GARBLED)))
async def test_openai_garbled_arguments_escalate_without_a_reason(
    llm: LlmServer, openai: Protocol, streamed: bool, arguments: str
) -> None:
    function = {"name": "escalate", "arguments": arguments}
    call = {"index": 0, "id": "1", "type": "function", "function": function}
    calls: dict[str, Any] = {"tool_calls": [call]}
    llm.script("m", events(chunk(**calls), chunk("tool_calls")) if streamed else whole(**calls))
    request = openai.request("tools", may_escalate=True)
    assert (await reply_of(openai.provider, request, streamed=streamed)).escalation == ""


async def test_openai_hopeless_tokens_have_a_confidence(llm: LlmServer, openai: Protocol) -> None:
    llm.script("m", Answer("a b", logprobs=(-9999.0, -9999.0)), Answer("a", logprobs=(1e-9,)))
    request = openai.request("logprobs", wants_confidence=True)
    hopeless = await openai.provider.complete(request)
    certain = await openai.provider.complete(request)
    assert hopeless.confidence is not None
    assert 0 < hopeless.confidence < 1e-300
    assert certain.confidence == 1.0


async def test_anthropic_thoughts_are_no_text_and_usage_may_come_last(
    llm: LlmServer, anthropic: Protocol
) -> None:
    def delta(kind: str, text: str) -> dict[str, Any]:
        piece = {"type": f"{kind}_delta", kind: text}
        return {"type": "content_block_delta", "index": 0, "delta": piece}

    message = {"role": "assistant", "content": [], "usage": {"input_tokens": 0, "output_tokens": 0}}
    usage = {"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 4}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    llm.script(
        "m",
        events(
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
            delta("thinking", "Hm."),
            delta("text", "Hello"),
            end,
        ),
    )
    assert await pieces_of(anthropic.provider, anthropic.request()) == (
        ["Hello"],
        Reply(text="Hello", usage=Usage(input_tokens=9, output_tokens=3, cached_input_tokens=4)),
    )


@pytest.mark.parametrize("depth", [150, 100_000])
async def test_anthropic_a_deeply_nested_tool_call_is_no_fault_of_ours(
    llm: LlmServer, anthropic: Protocol, depth: int
) -> None:
    body = (
        '{"role": "assistant", "stop_reason": "tool_use", "content": [{"type": "tool_use", '
        '"id": "1", "name": "escalate", "input": {"reason": ' + "[" * depth + "]" * depth + "}}]}"
    )
    llm.script("m", Raw(body.encode()))
    request = anthropic.request("tools", may_escalate=True)
    if depth < 1000:
        assert (await anthropic.provider.complete(request)).escalation == ""
        return
    with pytest.raises(ModelError) as failure:  # the SDK cannot read it
        await anthropic.provider.complete(request)
    assert failure.value.kind is FailureKind.MALFORMED


async def test_an_answer_without_end_is_malformed(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    half = "x" * (MAX_CHARACTERS // 2)
    llm.script("m", Answer(half * 2, pieces=(half, half)), Answer(pieces=(half, half, "x")))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert len(reply.text) == MAX_CHARACTERS
    with pytest.raises(ModelError) as failure:
        await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert failure.value.kind is FailureKind.MALFORMED
    assert "4,194,304" in str(failure.value)


async def test_a_tool_call_without_end_is_malformed(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    llm.script("m", Escalates("x" * MAX_CHARACTERS))
    with pytest.raises(ModelError) as failure:
        await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert failure.value.kind is FailureKind.MALFORMED


def test_tools_without_end_are_malformed() -> None:
    reader = Reader("http://127.0.0.1")
    most = MAX_CHARACTERS // 102  # each counts 100 characters, and two pieces one each
    for index in range(most):
        reader.tool(index, "", "")
    with pytest.raises(ModelError, match="4,194,304") as failure:
        reader.tool(most, "", "")
    assert failure.value.kind is FailureKind.MALFORMED
