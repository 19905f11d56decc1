"""What each failure is called, in both protocols, streamed and not, and what it must not tell."""

import email.utils
import traceback
from datetime import UTC, datetime, timedelta

import pytest

from tests.llm_server import (
    Answer,
    Behaviour,
    ContentFilter,
    ContextOverflow,
    Cut,
    CutInTheMiddle,
    Fails,
    FailsInTheMiddle,
    LlmServer,
    MalformedJson,
    RateLimited,
    Raw,
    refused_url,
)
from tests.unit.client.dispatch.calls import QUERY, a_model, a_request, reply_of
from tests.unit.client.dispatch.conftest import Protocol
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._anthropic import AnthropicProvider
from waypost_client.dispatch._providers._openai import OpenAIProvider

SHAPES = (b"", b"<html>", b"[]", b"{}", b'"text"', b'{"choices":[],"content":7}', b"null")
CODES = {
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "rate_limit_error": FailureKind.RATE_LIMITED,
    "invalid_request_error": FailureKind.BAD_REQUEST,
    "BadRequestError": FailureKind.BAD_REQUEST,
    "400": FailureKind.BAD_REQUEST,
    "429": FailureKind.RATE_LIMITED,
    "timeout_error": FailureKind.TIMEOUT,
    "authentication_error": FailureKind.NOT_AUTHORISED,
    "context_length_exceeded": FailureKind.CONTEXT_OVERFLOW,
    "api_error": FailureKind.SERVER_ERROR,
    "who knows": FailureKind.SERVER_ERROR,
}
FAILURES: list[tuple[Behaviour, FailureKind, float | None]] = [
    (RateLimited(), FailureKind.RATE_LIMITED, None),
    (RateLimited(7), FailureKind.RATE_LIMITED, 7.0),
    (RateLimited(0.25), FailureKind.RATE_LIMITED, 0.25),
    (RateLimited(1500, "retry-after-ms"), FailureKind.RATE_LIMITED, 1.5),
    (RateLimited("soon"), FailureKind.RATE_LIMITED, None),
    (Fails(429, "insufficient_quota"), FailureKind.RATE_LIMITED, None),
    (Fails(429, message="maximum context length"), FailureKind.RATE_LIMITED, None),
    (Fails(408), FailureKind.TIMEOUT, None),
    (Fails(500), FailureKind.SERVER_ERROR, None),
    (Fails(503, headers={"retry-after": "3"}), FailureKind.SERVER_ERROR, 3.0),
    (Fails(529, "overloaded_error"), FailureKind.SERVER_ERROR, None),
    (FailsInTheMiddle("overloaded_error"), FailureKind.SERVER_ERROR, None),
    (CutInTheMiddle(), FailureKind.CUT, None),
    (CutInTheMiddle(after=0), FailureKind.CUT, None),
    (CutInTheMiddle(how=Cut.RESET), FailureKind.CUT, None),
    (CutInTheMiddle(how=Cut.ENDED), FailureKind.CUT, None),
    (MalformedJson(), FailureKind.MALFORMED, None),
    (MalformedJson(after=0), FailureKind.MALFORMED, None),
    (ContentFilter("I would"), FailureKind.CONTENT_FILTER, None),
    (ContentFilter(as_error=True), FailureKind.CONTENT_FILTER, None),
    (ContextOverflow("openai"), FailureKind.CONTEXT_OVERFLOW, None),
    (ContextOverflow("vllm"), FailureKind.CONTEXT_OVERFLOW, None),
    (ContextOverflow("llama.cpp"), FailureKind.CONTEXT_OVERFLOW, None),
    (ContextOverflow("llama-cpp-python"), FailureKind.CONTEXT_OVERFLOW, None),
    (ContextOverflow("anthropic"), FailureKind.CONTEXT_OVERFLOW, None),
    (Fails(413, "request_too_large"), FailureKind.CONTEXT_OVERFLOW, None),
    (Fails(400, "invalid_request_error"), FailureKind.BAD_REQUEST, None),
    (Fails(404, "not_found_error"), FailureKind.BAD_REQUEST, None),
    (Fails(409), FailureKind.BAD_REQUEST, None),
    (Fails(422), FailureKind.BAD_REQUEST, None),
    (Fails(401, "authentication_error"), FailureKind.NOT_AUTHORISED, None),
    (Fails(403, "permission_error"), FailureKind.NOT_AUTHORISED, None),
]


async def failure_of(protocol: Protocol, *, streamed: bool = False) -> ModelError:
    with pytest.raises(ModelError) as failure:
        await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    return failure.value


async def test_each_failure_has_its_kind_and_wait(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    seen = []
    for behaviour, _, _ in FAILURES:
        llm.script("m", behaviour)
        failure = await failure_of(protocol, streamed=streamed)
        seen.append((behaviour, failure.kind, failure.retry_after_s))
    assert seen == FAILURES
    assert len(llm.calls) == len(FAILURES), "an SDK called again"


GATEWAYS = {
    """[{"error": {"message": "The input is over the maximum context length."}}]""": "overflow",
    """{"error": [{"code": "context_length_exceeded"}]}""": "overflow",
    """{"error": {"message": {"text": "Prompt is too long"}, "code": null}}""": "overflow",
    """{"error": {"message": ["maximum context length", 8192]}}""": "overflow",
    """["prompt is too long", "8193 tokens"]""": "overflow",
    """[{"error": {"message": {"code": "content_filter"}}}]""": "filter",
    """{"error": {"innererror": 1, "type": {"name": "content_policy_violation"}}}""": "filter",
    """[{"error": {"message": null, "code": []}}]""": "bad",
    "[]": "bad",
}
MEANT = {
    "overflow": FailureKind.CONTEXT_OVERFLOW,
    "filter": FailureKind.CONTENT_FILTER,
    "bad": FailureKind.BAD_REQUEST,
}


async def test_a_refusal_is_understood_in_whatever_form_a_gateway_puts_it(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    seen = {}
    for body in GATEWAYS:
        llm.script("m", Raw(body.encode(), status=400))
        seen[body] = (await failure_of(protocol, streamed=streamed)).kind
    assert seen == {body: MEANT[meant] for body, meant in GATEWAYS.items()}


async def test_a_failure_leaves_nothing_behind(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    for behaviour, _, _ in FAILURES:
        llm.script("m", behaviour, Answer("well again"))
        await failure_of(protocol, streamed=streamed)
        reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
        assert reply.text == "well again"


async def test_an_error_in_a_stream_has_the_kind_of_its_code(
    llm: LlmServer, protocol: Protocol
) -> None:
    seen = {}
    for code in CODES:
        llm.script("m", FailsInTheMiddle(code))
        seen[code] = (await failure_of(protocol, streamed=True)).kind
    assert seen == CODES


@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
async def test_an_answer_of_another_shape_is_malformed(
    llm: LlmServer, protocol: Protocol, content_type: str
) -> None:
    seen = {}
    for body in SHAPES:
        llm.script("m", Raw(body, content_type=content_type))
        seen[body] = (await failure_of(protocol)).kind
    assert seen == dict.fromkeys(SHAPES, FailureKind.MALFORMED)


async def test_retry_after_may_be_a_date(llm: LlmServer, protocol: Protocol) -> None:
    then = datetime.now(UTC) + timedelta(hours=1)
    llm.script("m", RateLimited(email.utils.format_datetime(then, usegmt=True)))
    assert (await failure_of(protocol)).retry_after_s == pytest.approx(3600, abs=60)


async def test_a_date_that_has_passed_asks_for_no_wait(llm: LlmServer, protocol: Protocol) -> None:
    llm.script("m", RateLimited("Wed, 21 Oct 2015 07:28:00 GMT"))
    assert (await failure_of(protocol)).retry_after_s == 0.0


async def test_where_nobody_listens_a_model_is_unreachable(
    protocol: Protocol, streamed: bool
) -> None:
    with refused_url() as url:
        request = a_request(a_model(url), connect_timeout_s=1.0)
        with pytest.raises(ModelError) as failure:
            await reply_of(protocol.provider, request, streamed=streamed)
    assert failure.value.kind is FailureKind.UNREACHABLE
    assert not failure.value.consequence.began


async def test_a_name_that_does_not_exist_is_unreachable(protocol: Protocol) -> None:
    request = a_request(a_model("http://no-such-host.invalid/v1"))
    with pytest.raises(ModelError) as failure:
        await protocol.provider.complete(request)
    assert failure.value.kind is FailureKind.UNREACHABLE


async def test_an_error_tells_neither_query_nor_key_nor_password(
    llm: LlmServer, protocol: Protocol, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARCELS_KEY", "sk-quite-secret")
    said = f"Wrong key sk-quite-secret for: {QUERY}"
    url = protocol.url.replace("http://", "http://user:pass-word@")
    model = a_model(url, api_key_env="PARCELS_KEY")
    for behaviour in (
        Fails(401, message=said),
        Fails(400, f"error for {QUERY}", message=said),
        FailsInTheMiddle("sk-quite-secret"),
    ):
        llm.script("m", behaviour)
        with pytest.raises(ModelError) as failure:
            await reply_of(protocol.provider, a_request(model), streamed=streamed)
        shown = "".join(traceback.format_exception(failure.value)) + repr(failure.value)
        for secret in ("sk-quite-secret", QUERY, "Jane", "pass-word"):
            assert secret not in shown
        assert f"127.0.0.1:{llm.port}" in str(failure.value)
    assert "sk-quite-secret" not in repr(protocol.provider)


async def test_the_key_is_read_from_the_environment_for_each_call(
    llm: LlmServer, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = a_request(a_model(protocol.url, api_key_env="PARCELS_KEY"))
    for key in ("sk-old", "sk-new"):
        monkeypatch.setenv("PARCELS_KEY", key)
        await protocol.provider.complete(request)
        assert f"Bearer {key}" in llm.calls[-1].headers["authorization"]
    monkeypatch.setenv("PARCELS_KEY", " ")
    with pytest.raises(ModelError, match="PARCELS_KEY") as failure:
        await protocol.provider.complete(request)
    assert failure.value.kind is FailureKind.NOT_AUTHORISED
    assert len(llm.calls) == 2


async def test_without_a_key_of_its_own_a_model_gets_nobody_elses(
    llm: LlmServer, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hosted")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-hosted")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-hosted")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-hosted")
    await protocol.provider.complete(protocol.request())
    assert "-hosted" not in str(llm.calls[0].headers)


async def test_headers_of_the_environment_stay_with_the_provider_they_are_for(
    llm: LlmServer, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: gateway-hosted")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Gateway: gateway-hosted")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-hosted")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-hosted")
    await protocol.provider.complete(protocol.request())
    assert "-hosted" not in str(llm.calls[0].headers)


def test_the_providers_own_addresses_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: gateway-hosted")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Gateway: gateway-hosted")
    for provider in (OpenAIProvider(), AnthropicProvider()):
        assert provider._client(a_model("")).default_headers["X-Gateway"] == "gateway-hosted"
        elsewhere = provider._client(a_model("https://gateway.example/v1"))
        assert "X-Gateway" not in elsewhere.default_headers
