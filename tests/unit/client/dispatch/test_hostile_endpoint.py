"""An endpoint of a stranger, byte by byte: it fills no memory, stops no loop and learns no key."""

import asyncio
import gzip
import json
import math
from collections.abc import Iterator

import pytest

from tests.llm_server import Answer, Behaviour, Fails, FailsInTheMiddle, Flood, LlmServer, Raw
from tests.unit.client.dispatch.calls import a_model, a_request, reply_of
from tests.unit.client.dispatch.conftest import Protocol
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._bounds import MAX_BYTES, MAX_TOKENS
from waypost_client.dispatch._providers._openai import OpenAIProvider

KIB64 = 64 << 10
BUFFERS = 24 << 20
"""Bytes that two sockets may hold besides what was read."""

KEY = "what-only-its-own-endpoint-may-see"


def head(*headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"content-type: {kind}", *headers, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNKED = "transfer-encoding: chunked"
BODIES: dict[str, Behaviour] = {
    "until it goes": Flood(head("connection: close"), b" " * KIB64),
    "of a length": Flood(head("content-length: 9999999999999"), b'"' * KIB64),
    "in chunks": Flood(head(CHUNKED), chunk(b"[" * KIB64)),
    "of an error": Flood(head(CHUNKED, status="500 Oh"), chunk(b"x" * KIB64)),
    "of a redirect": Flood(
        head(CHUNKED, "location: messages", status="307 There"), chunk(b"x" * KIB64)
    ),
}
EVENTS: dict[str, bytes] = {
    "a line": b"x" * KIB64,
    "a line of data": b"data: " + b"x" * KIB64,
    "an event of long lines": (b"data: " + b"x" * KIB64 + b"\n"),
    "an event of short lines": b"data: x\n" * 8192,
    "an event of carriage returns": b":\r\n" * 8192,
}


async def failed(protocol: Protocol, *, streamed: bool) -> ModelError:
    with pytest.raises(ModelError) as failure:
        await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    return failure.value


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_without_end_is_left(llm: LlmServer, protocol: Protocol, name: str) -> None:
    llm.script("m", BODIES[name])
    failure = await failed(protocol, streamed=False)
    assert failure.kind is FailureKind.MALFORMED
    assert str(failure).startswith("malformed: OverlongReplyError from http://127.0.0.1:")
    await llm.until(lambda: llm.calls[0].hung_up)
    assert llm.calls[0].flooded < MAX_BYTES + BUFFERS


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_without_end_is_left(llm: LlmServer, protocol: Protocol, name: str) -> None:
    flood = Flood(head(CHUNKED, kind="text/event-stream"), chunk(EVENTS[name]))
    llm.script("m", flood)
    failure = await failed(protocol, streamed=True)
    assert failure.kind is FailureKind.MALFORMED
    assert "OverlongReplyError" in str(failure)
    await llm.until(lambda: llm.calls[0].hung_up)
    assert llm.calls[0].flooded < MAX_BYTES + BUFFERS


@pytest.mark.parametrize("name", ["of an error", "of a redirect"])
async def test_what_is_no_stream_is_bounded_as_a_body(
    llm: LlmServer, protocol: Protocol, name: str
) -> None:
    llm.script("m", BODIES[name])
    assert (await failed(protocol, streamed=True)).kind is FailureKind.MALFORMED
    await llm.until(lambda: llm.calls[0].hung_up)
    assert llm.calls[0].flooded < MAX_BYTES + BUFFERS


@pytest.mark.parametrize("values", [b"{}", b"[]", b"0", b'""'], ids=["{}", "[]", "0", "texts"])
@pytest.mark.parametrize("field", [b"choices", b"content", b"what"])
async def test_more_values_than_an_answer_has_are_not_read(
    llm: LlmServer, protocol: Protocol, streamed: bool, field: bytes, values: bytes
) -> None:
    many = b'{"' + field + b'":[' + b",".join([values] * 10_000) + b"]}"
    events = b"event: message_start\ndata: " + many + b"\n\n"
    kind = "text/event-stream" if streamed else "application/json"
    llm.script("m", Raw(events if streamed else many, content_type=kind))
    failure = await failed(protocol, streamed=streamed)
    assert failure.kind is FailureKind.MALFORMED
    assert "OverlongReplyError" in str(failure)


async def test_an_answer_may_be_full_of_what_looks_like_values(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    text = '{[,"\\' * MAX_TOKENS
    llm.script("m", Answer(text, pieces=(text,)))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert reply.text == text


async def test_an_answer_may_have_the_probabilities_of_many_tokens(
    llm: LlmServer, openai: Protocol
) -> None:
    tokens = MAX_TOKENS - 10
    llm.script("m", Answer("word " * tokens, logprobs=(-0.5,) * tokens))
    request = openai.request("logprobs", wants_confidence=True)
    assert (await openai.provider.complete(request)).confidence == pytest.approx(math.exp(-0.5))


async def test_a_long_answer_may_come_in_one_event_with_its_probabilities(
    llm: LlmServer, openai: Protocol
) -> None:
    text = "word " * 1_000
    tokens = [{"token": "word ", "logprob": -0.5, "bytes": list(b"word ")}] * 1_000
    choice = {"index": 0, "delta": {"content": text}, "logprobs": {"content": tokens}}
    parts = [{"choices": [choice]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    events = "".join(f"data: {json.dumps(part)}\n\n" for part in parts) + "data: [DONE]\n\n"
    llm.script("m", Raw(events.encode(), content_type="text/event-stream"))
    request = openai.request("logprobs", wants_confidence=True)
    reply = await reply_of(openai.provider, request, streamed=True)
    assert reply.text == text
    assert reply.confidence == pytest.approx(math.exp(-0.5))


TOKEN = {"token": "word", "logprob": -0.5}
CHOICES: dict[str, object] = {
    "few tokens, many tools": {
        "message": {"content": "x", "tool_calls": [{}] * 1_000},
        "logprobs": {"content": [TOKEN] * 1_000},
    },
    "many tools": {"message": {"content": "x", "tool_calls": [{}] * 1_000}},
    "tokens that are none": {"message": {"content": "x"}, "logprobs": {"content": [{}] * 1_000}},
    "probabilities that are none": {
        "message": {"content": "x"},
        "logprobs": {"content": [TOKEN | {"logprob": [{}]}] * 1_000},
    },
    "too many tokens": {
        "message": {"content": "x"},
        "logprobs": {"content": [TOKEN] * (MAX_TOKENS + 1)},
    },
}


@pytest.mark.parametrize("name", CHOICES)
async def test_where_probabilities_are_asked_for_only_tokens_may_be_many(
    llm: LlmServer, openai: Protocol, streamed: bool, name: str
) -> None:
    body = json.dumps({"choices": [CHOICES[name]]}).encode()
    event = b"data: " + body + b"\n\n"
    kind = "text/event-stream" if streamed else "application/json"
    llm.script("m", Raw(event if streamed else body, content_type=kind))
    request = openai.request("logprobs", wants_confidence=True)
    with pytest.raises(ModelError, match="OverlongReplyError") as failure:
        await reply_of(openai.provider, request, streamed=streamed)
    assert failure.value.kind is FailureKind.MALFORMED


@pytest.mark.parametrize("encoding", ["gzip", "identity, gzip", "GZIP", "deflate", "br", "zstd"])
async def test_a_packed_reply_is_not_unpacked(
    llm: LlmServer, protocol: Protocol, streamed: bool, encoding: str
) -> None:
    bomb = gzip.compress(b" " * MAX_BYTES, compresslevel=1)
    llm.script("m", Raw(bomb, headers={"content-encoding": encoding}))
    failure = await failed(protocol, streamed=streamed)
    assert failure.kind is FailureKind.MALFORMED
    assert "EncodedReplyError" in str(failure)
    assert llm.calls[0].headers["accept-encoding"] == "identity"


HEADS: dict[str, bytes] = {
    "headers": b"x-header: y\r\n" * 4096,
    "one header": b"x" * KIB64,
}


@pytest.mark.parametrize("name", HEADS)
async def test_headers_without_end_are_left(llm: LlmServer, protocol: Protocol, name: str) -> None:
    llm.script("m", Flood(b"HTTP/1.1 200 OK\r\n", HEADS[name]))
    assert (await failed(protocol, streamed=False)).kind is FailureKind.CUT
    await llm.until(lambda: llm.calls[0].hung_up)
    assert llm.calls[0].flooded < BUFFERS


@pytest.fixture
def other() -> Iterator[LlmServer]:
    with LlmServer() as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_takes_a_key_or_a_query_elsewhere(
    llm: LlmServer,
    other: LlmServer,
    protocol: Protocol,
    streamed: bool,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_API_KEY", KEY)
    path = "/v1/messages" if protocol.name == "anthropic" else "/v1/chat/completions"
    model = a_model(protocol.url, provider=protocol.name, api_key_env="SOME_API_KEY")
    for there in (f"http://127.0.0.1:{other.port}{path}", f"//127.0.0.1:{other.port}{path}"):
        llm.script("m", Fails(status, "moved", headers={"location": there}))
        with pytest.raises(ModelError) as failure:
            async with asyncio.timeout(10):  # a GET, which some become, has no answer there
                await reply_of(protocol.provider, a_request(model), streamed=streamed)
        assert failure.value.kind is FailureKind.BAD_REQUEST
        assert "RedirectedElsewhereError" in str(failure.value)
    assert not other.calls
    assert KEY in str(llm.calls[0].headers)


async def test_a_redirect_at_the_same_address_is_followed_so_far(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    path = "/v1/messages" if protocol.name == "anthropic" else "/v1/chat/completions"
    here = Fails(307, "moved", headers={"location": path})
    llm.script("m", here, Answer("here"))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert reply.text == "here"
    llm.always("m", here)
    assert (await failed(protocol, streamed=streamed)).kind is FailureKind.BAD_REQUEST
    assert len(llm.calls) < 30


async def test_no_cookie_is_kept(llm: LlmServer, protocol: Protocol) -> None:
    llm.script("m", Raw(b"{}", headers={"set-cookie": "a=b; path=/"}), Answer("fine"))
    await failed(protocol, streamed=False)
    await protocol.provider.complete(protocol.request())
    assert "cookie" not in llm.calls[1].headers


@pytest.mark.parametrize(
    "said",
    [
        "1e308",
        "nan",
        "-inf",
        "-1",
        "9" * 5_000,
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 2024 00:00:00 +9999",
    ],
)
async def test_a_wait_of_any_length_is_a_rate_limit(
    llm: LlmServer, protocol: Protocol, said: str
) -> None:
    llm.script("m", Fails(429, "rate_limit", headers={"retry-after": said}))
    failure = await failed(protocol, streamed=False)
    assert failure.kind is FailureKind.RATE_LIMITED
    assert failure.retry_after_s is None or 0 <= failure.retry_after_s < math.inf


@pytest.mark.parametrize("code", ["9" * 5_000, "4000000000000"])
async def test_a_code_of_any_length_is_the_servers_error(
    llm: LlmServer, protocol: Protocol, code: str
) -> None:
    llm.script("m", FailsInTheMiddle(code, after=0))
    assert (await failed(protocol, streamed=True)).kind is FailureKind.SERVER_ERROR


@pytest.mark.parametrize("depth", [100, 900, 2_000])
async def test_an_error_of_any_depth_is_an_error(
    llm: LlmServer, protocol: Protocol, depth: int
) -> None:
    deep = "[" * depth + "]" * depth
    body = '{"error": {"code": %s, "type": %s, "message": %s}}' % (deep, deep, deep)  # noqa: UP031
    llm.script("m", Raw(body.encode(), status=503))
    assert (await failed(protocol, streamed=False)).kind is FailureKind.SERVER_ERROR


@pytest.mark.parametrize("logprobs", [[10**400], [1e308, 1e308], ["x"], [{}]])
async def test_openai_odd_probabilities_are_malformed(
    llm: LlmServer, openai: Protocol, logprobs: list[object]
) -> None:
    tokens = [{"token": "x", "logprob": each} for each in logprobs]
    choice = {
        "message": {"content": "x"},
        "logprobs": {"content": tokens},
        "finish_reason": "stop",
    }
    llm.script("m", Raw(json.dumps({"choices": [choice]}).encode()))
    request = openai.request("logprobs", wants_confidence=True)
    with pytest.raises(ModelError) as failure:
        await openai.provider.complete(request)
    assert failure.value.kind is FailureKind.MALFORMED


async def test_proxies_of_the_environment_are_used_as_before(
    llm: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{llm.port}")
    monkeypatch.setenv("NO_PROXY", "")
    provider = OpenAIProvider()
    with pytest.raises(ModelError, match="HTTP 404"):  # the server of the tests is no proxy
        await provider.complete(a_request(a_model("http://models.invalid/v1")))
    await provider.close()
