"""What goes over the wire, as a whole."""

import dataclasses
import json
from typing import Any

from tests.llm_server import LlmServer
from tests.unit.client.dispatch.calls import PROMPT, a_model, a_request, reply_of
from tests.unit.client.dispatch.conftest import Protocol
from waypost_client import Sampling
from waypost_client.dispatch._messages import Message, Prompt, Role
from waypost_client.dispatch._providers import _openai_request

SCHEMA = {"type": "object", "properties": {"status": {"type": "string"}}}
CLOSED = SCHEMA | {"required": ["status"], "additionalProperties": False}
FULL = {
    "prompt": Prompt(
        static="You answer about parcels.",
        params='Parameters of the request:\n{"parcel": 4711}',
        messages=(
            Message(Role.USER, "Hi"),
            Message(Role.ASSISTANT, "Hello, which parcel?"),
            Message(Role.USER, "4711"),
        ),
        cache_key="waypost-0123",
    ),
    "sampling": Sampling(temperature=0.0, top_p=0.9, max_output_tokens=64, stop=("END",), seed=7),
    "effort": "low",
    "json_schema": json.dumps(SCHEMA),
    "may_escalate": True,
    "wants_confidence": True,
}
ALL = ("tools", "json_schema", "logprobs", "reasoning")
TOOL = {
    "type": "object",
    "properties": {"reason": {"type": "string"}},
    "required": ["reason"],
    "additionalProperties": False,
}
DESCRIPTION = "Call escalate instead of answering when the request is not yours to answer."
OPENAI: dict[str, Any] = {
    "messages": [
        {
            "role": "system",
            "content": 'You answer about parcels.\n\nParameters of the request:\n{"parcel": 4711}',
        },
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello, which parcel?"},
        {"role": "user", "content": "4711"},
    ],
    "model": "m",
    "temperature": 0.0,
    "top_p": 0.9,
    "seed": 7,
    "stop": ["END"],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": False},
    },
    "tools": [
        {
            "type": "function",
            "function": {"name": "escalate", "description": DESCRIPTION, "parameters": TOOL},
        }
    ],
    "logprobs": True,
    "top_logprobs": 1,
}


async def test_openai_compatible_whole(llm: LlmServer, openai: Protocol) -> None:
    await openai.provider.complete(openai.request(*ALL, **FULL))
    assert llm.calls[0].path == "/v1/chat/completions"
    assert llm.calls[0].body == OPENAI | {"max_tokens": 64}


async def test_openai_compatible_streamed(llm: LlmServer, openai: Protocol) -> None:
    await reply_of(openai.provider, openai.request(*ALL, **FULL), streamed=True)
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    assert llm.calls[0].body == OPENAI | {"max_tokens": 64} | streamed


def test_openai_itself_gets_what_others_do_not_know() -> None:
    own = {
        "max_completion_tokens": 64,
        "prompt_cache_key": "waypost-0123",
        "reasoning_effort": "low",
    }
    for url in ("", "https://api.openai.com/v1", "https://eu.api.openai.com/v1"):
        request = a_request(a_model(url, features=ALL), **FULL)
        assert _openai_request.body_of(request, streamed=False) == OPENAI | own
    elsewhere = a_request(a_model("https://api.openai.com.example/v1", features=ALL), **FULL)
    assert _openai_request.body_of(elsewhere, streamed=False) == OPENAI | {"max_tokens": 64}


async def test_a_model_without_features_is_asked_for_text(llm: LlmServer, openai: Protocol) -> None:
    plain = Sampling(temperature=None, top_p=None, max_output_tokens=0, stop=(), seed=None)
    await openai.provider.complete(openai.request(**FULL | {"sampling": plain}))
    assert llm.calls[0].body == {"messages": OPENAI["messages"], "model": "m"}


async def test_a_closed_schema_is_enforced_strictly(llm: LlmServer, openai: Protocol) -> None:
    nested = CLOSED | {"properties": {"status": {"type": "array", "items": CLOSED}}}
    loose = CLOSED | {"properties": {"status": {"type": "array", "items": SCHEMA}}}
    for schema, strict in ((CLOSED, True), (nested, True), (loose, False), (SCHEMA, False)):
        request = openai.request("json_schema", json_schema=json.dumps(schema))
        await openai.provider.complete(request)
        form = llm.calls[-1].body["response_format"]["json_schema"]
        assert form == {"name": "answer", "schema": schema, "strict": strict}


async def test_anthropic_whole(llm: LlmServer, anthropic: Protocol) -> None:
    await anthropic.provider.complete(anthropic.request(*ALL, **FULL))
    assert llm.calls[0].path == "/v1/messages"
    assert llm.calls[0].body == {
        "max_tokens": 64,
        "messages": OPENAI["messages"][1:],
        "model": "m",
        "system": [
            {
                "type": "text",
                "text": "You answer about parcels.",
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "text", "text": 'Parameters of the request:\n{"parcel": 4711}'},
        ],
        "stop_sequences": ["END"],
        "tools": [{"name": "escalate", "description": DESCRIPTION, "input_schema": TOOL}],
        "output_config": {
            "format": {"type": "json_schema", "schema": SCHEMA},
            "effort": "low",
        },
        "temperature": 0.0,
        "top_p": 0.9,
    }


async def test_anthropic_with_nothing_said(llm: LlmServer, anthropic: Protocol) -> None:
    prompt = dataclasses.replace(PROMPT, static="")
    await reply_of(anthropic.provider, anthropic.request(prompt=prompt), streamed=True)
    assert llm.calls[0].body == {
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": PROMPT.messages[0].text}],
        "model": "m",
        "stream": True,
    }


async def test_the_prefix_is_the_same_bytes_in_every_call(
    llm: LlmServer, openai: Protocol, streamed: bool
) -> None:
    static = "You answer about parcels: \u201cGrüße\u201d.\n" * 50
    for number, params in enumerate(("", "Parameters: 1", "Parameters: 2")):
        prompt = Prompt(static, params, (Message(Role.USER, f"Query {number}"),), "k")
        await reply_of(openai.provider, openai.request(prompt=prompt), streamed=streamed)
    written = json.dumps(static, ensure_ascii=False)[:-1].encode()
    before = llm.calls[0].raw.index(written)
    prefix = llm.calls[0].raw[: before + len(written)]
    assert [call.raw[: len(prefix)] for call in llm.calls] == [prefix] * 3
    assert len({call.raw for call in llm.calls}) == 3


async def test_anthropics_cached_block_is_the_same_in_every_call(
    llm: LlmServer, anthropic: Protocol
) -> None:
    for query in ("one", "two"):
        prompt = dataclasses.replace(
            PROMPT, params=f"Parameters: {query}", messages=(Message(Role.USER, query),)
        )
        await anthropic.provider.complete(anthropic.request(prompt=prompt))
    first, second = (call.body["system"] for call in llm.calls)
    assert first[0] == second[0]
    assert ["cache_control" in block for block in first] == [True, False]


async def test_half_a_surrogate_pair_in_what_was_said_is_replaced(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    said = Message(Role.ASSISTANT, "\ud83d oops")
    prompt = Prompt("static \ud83d", "params \ude00", (said, Message(Role.USER, "on")), "k")
    await reply_of(protocol.provider, protocol.request(prompt=prompt), streamed=streamed)
    messages = [m for m in llm.calls[0].body["messages"] if m["role"] != "system"]
    assert messages[0]["content"] == "\ufffd oops"
    assert "static \ufffd" in str(llm.calls[0].body)
    assert "params \ufffd" in str(llm.calls[0].body)
