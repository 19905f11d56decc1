"""Whatever a caller sends, the caller is told what was wrong, and the server goes on."""

import uuid
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.processes import ServerProcess
from waypost.v1 import router_pb2
from waypost_client import (
    AdminClient,
    Client,
    Contract,
    InvalidRequestError,
    OverloadedError,
    WaypostError,
)

ROUTE_QUERY = "/waypost.v1.RouterService/RouteQuery"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
FUZZ = settings(max_examples=250, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    "text",
    [
        "\x01\x02\x1b[31mred\x1b[0m",
        "why does \x00 end my string",
        "لماذا يفشل الاختبار؟",
        "\u202eesrever ni nettirw",
        "🔥🧨👩‍👩‍👧‍👦",
        "e\u0301" * 50 + "\u0301" * 500,
        "for (;;) { free(p); free(p); }",
        "\n" * 5000 + "segfault",
        "'; DROP TABLE routes; --",
        "{{ route }} ${route} %s %(route)s",
        "a" * 32_768,
        "🔥" * 8_192,
    ],
    ids=repr,
)
def test_odd_text_is_routed_like_any_other(client: Client, text: str) -> None:
    contract = client.route(text)
    assert contract.route in {route.name for route in client.routes().routes}
    assert contract.rationale


@pytest.mark.parametrize("text", ["", " ", "\t \r\n", "\n" * 5000, "\u2003\u3000\u2028"], ids=repr)
def test_blank_text_is_refused_with_a_reason(client: Client, text: str) -> None:
    with pytest.raises(InvalidRequestError, match="text is empty or blank"):
        client.route(text)


@pytest.mark.parametrize("text", ["x" * 100_000, "🔥" * 25_000], ids=["ascii", "four bytes each"])
def test_text_over_the_limit_is_refused_with_its_size_and_the_limit(
    client: Client, text: str
) -> None:
    with pytest.raises(InvalidRequestError, match=r"text is 100,000 bytes.*limit is 32,768"):
        client.route(text)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (router_pb2.RouteQueryRequest(text="a", request_id="é" * 65), "request_id is 130 bytes"),
        (router_pb2.RouteQueryRequest(text="a", tenant="t" * 129), "tenant is 129 bytes"),
        (router_pb2.RouteQueryRequest(text="a", max_candidates=33), "max_candidates is 33"),
        (
            router_pb2.RouteQueryRequest(text="a", metadata={str(i): "" for i in range(33)}),
            "metadata has 33 entries",
        ),
        (router_pb2.RouteQueryRequest(text="a", metadata={"k": "v" * 513}), "metadata value"),
        (router_pb2.RouteQueryRequest(text="a", metadata={"k" * 513: ""}), "metadata key"),
        (
            router_pb2.RouteQueryRequest(
                text="a", conversation=router_pb2.Conversation(session_id="s" * 129)
            ),
            "conversation.session_id is 129 bytes",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_over_its_limit_is_named(
    client: Client, request_: router_pb2.RouteQueryRequest, named: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.router.RouteQuery(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named in str(caught.value.details())
    assert "limit is" in str(caught.value.details())


ID = "01a20346-90bb-7465-b170-858465de7f3e"


def reroute(
    *rejected: str, text: str = "a", decision_id: str = ID, reason: str = ""
) -> router_pb2.RerouteQueryRequest:
    return router_pb2.RerouteQueryRequest(
        query=router_pb2.RouteQueryRequest(text=text),
        decision_id=decision_id,
        rejected_routes=rejected,
        rejection_reason=reason,
    )


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (reroute(), "rejected_routes is empty"),
        (reroute("debugging", "debugging"), "rejected_routes names 'debugging' twice"),
        (reroute("debugging", "poetry"), "rejected_routes names 'poetry', which is not loaded"),
        (reroute("debugging", decision_id="42"), "decision_id is '42'"),
        (reroute("debugging", decision_id=str(uuid.UUID(int=0))), "a UUIDv7"),
        (reroute("debugging", reason="r" * 1_025), "rejection_reason is 1,025 bytes"),
        (reroute("debugging", text=" "), "text is empty or blank"),
        (reroute("debugging", text="x" * 32_769), "text is 32,769 bytes"),
        (
            router_pb2.RerouteQueryRequest(decision_id=ID, rejected_routes=["debugging"]),
            "text is empty or blank",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_wish_to_reroute_is_refused_with_a_reason(
    client: Client, request_: router_pb2.RerouteQueryRequest, named: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.router.RerouteQuery(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named in str(caught.value.details())


def report(**fields: object) -> router_pb2.ReportOutcomeRequest:
    return router_pb2.ReportOutcomeRequest(**{"decision_id": ID} | fields)  # type: ignore[arg-type]


def attempt(**fields: object) -> router_pb2.ReportOutcomeRequest:
    one = router_pb2.ModelAttempt(**{"model": "small-local"} | fields)  # type: ignore[arg-type]
    return report(attempts=[one])


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (report(decision_id=""), "decision_id is ''"),
        (report(note="n" * 1_025), "note is 1,025 bytes"),
        (report(route="poetry"), "route names 'poetry'"),
        (report(answered_by="poetry"), "answered_by names 'poetry'"),
        (report(correct_route="poetry"), "correct_route names 'poetry'"),
        (report(attempts=[router_pb2.ModelAttempt(model="m")] * 65), "attempts has 65 items"),
        (attempt(model=""), "attempts[0].model is empty"),
        (attempt(model="m" * 129), "attempts[0].model is 129 bytes"),
        (attempt(error_kind="e" * 129), "attempts[0].error_kind is 129 bytes"),
        (attempt(cost_usd=float("nan")), "attempts[0].cost_usd is nan"),
        (attempt(cost_usd=float("inf")), "attempts[0].cost_usd is inf"),
        (attempt(cost_usd=-1), "attempts[0].cost_usd is -1.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_report_is_refused_with_a_reason_and_counts_nothing(
    client: Client, admin: AdminClient, request_: router_pb2.ReportOutcomeRequest, named: str
) -> None:
    before = admin.status()
    with pytest.raises(grpc.RpcError) as caught:
        client.router.ReportOutcome(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named in str(caught.value.details())
    after = admin.status()
    assert (after.models, after.route_outcomes) == (before.models, before.route_outcomes)


@pytest.mark.parametrize("call", ["RerouteQuery", "ReportOutcome"])
@FUZZ
@given(content=st.binary(max_size=300))
def test_random_bytes_are_answered_or_refused_by_other_calls_too(
    channel: grpc.Channel, call: str, content: bytes
) -> None:
    status = _status(channel, content, f"/waypost.v1.RouterService/{call}")
    assert status in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)


@pytest.mark.parametrize(
    "content",
    [
        b"\x0a\x02\xc3\x28",
        b"\x0a\x03\xed\xa0\x80",
        b"\x0a\x04\xf8\x88\x80\x80",
        b"\x0a\x7ftoo short",
        b"\xff\xff\xff\xff",
        b"\x0a\x01a\x32\x01\xff",
    ],
    ids=[
        "invalid UTF-8",
        "a lone surrogate",
        "an overlong character",
        "a length that is wrong",
        "no message at all",
        "invalid UTF-8 in allowed_routes",
    ],
)
def test_bytes_that_are_no_message_are_the_callers_fault(
    channel: grpc.Channel, content: bytes
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _send(channel, content)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a valid message" in str(caught.value.details())


@pytest.mark.parametrize("content", [b"\x0a\x02\xc3\x28", b"\xff\xff\xff\xff"])
@pytest.mark.parametrize("opened", ["channel", "admin_channel"])
def test_garbage_for_the_standard_services_is_refused_and_leaves_no_traceback(
    request: pytest.FixtureRequest, server: ServerProcess, opened: str, content: bytes
) -> None:
    channel: grpc.Channel = request.getfixturevalue(opened)
    reflect: Any = channel.stream_stream(REFLECTION)
    listed = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    for requests in ([content], [listed, content, listed]):
        with pytest.raises(grpc.RpcError) as caught:
            list(reflect(iter(requests), timeout=10))
        _is_refused(caught.value)
    watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch")
    with pytest.raises(grpc.RpcError) as caught:
        list(watch(content, timeout=10))
    _is_refused(caught.value)
    assert "Traceback" not in server.log_text()


def _is_refused(error: Any) -> None:  # noqa: ANN401  (gRPC's error is a call, too)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a valid message" in error.details()


@FUZZ
@given(st.binary(max_size=300))
def test_random_bytes_are_answered_or_refused(channel: grpc.Channel, content: bytes) -> None:
    assert _status(channel, content) in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)


VALID = router_pb2.RouteQueryRequest(
    text="why does this fail",
    request_id="r-1",
    metadata={"plan": "pro"},
    allowed_routes=["debugging"],
    max_candidates=2,
    explain=True,
).SerializeToString()


@FUZZ
@given(at=st.integers(0, len(VALID)), length=st.integers(0, 6), instead=st.binary(max_size=6))
def test_a_damaged_request_is_answered_or_refused(
    channel: grpc.Channel, at: int, length: int, instead: bytes
) -> None:
    damaged = VALID[:at] + instead + VALID[at + length :]
    assert _status(channel, damaged) in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)


@FUZZ
@given(st.text(max_size=200))
def test_any_text_is_routed_or_refused_as_blank(client: Client, text: str) -> None:
    (result,) = client.route_many([text])
    if isinstance(result, WaypostError):
        assert isinstance(result, InvalidRequestError)
        assert not text.strip()
    else:
        assert isinstance(result, Contract)


def test_a_message_over_the_size_limit_is_refused_before_it_is_read(
    client: Client, channel: grpc.Channel
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _send(channel, b"x" * (17 * 2**20))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    with pytest.raises(OverloadedError, match="larger than max"):
        client.route("x" * (17 * 2**20))
    assert client.route("and a short one after it").rationale


def test_256_of_the_longest_queries_fit_into_one_message(client: Client) -> None:
    results = client.route_many(["x" * 32_769] * 256)
    assert {type(result) for result in results} == {InvalidRequestError}


def test_the_server_still_says_that_it_serves_after_all_this(
    admin: AdminClient, server: ServerProcess
) -> None:
    status = admin.status()
    assert status.state == "SERVING"
    assert status.index_version == server.index_version
    assert status.queue_depth == 0


def _send(channel: grpc.Channel, content: bytes, path: str = ROUTE_QUERY) -> None:
    call: Any = channel.unary_unary(path)
    call(content, timeout=10)


def _status(channel: grpc.Channel, content: bytes, path: str = ROUTE_QUERY) -> grpc.StatusCode:
    try:
        _send(channel, content, path)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK
