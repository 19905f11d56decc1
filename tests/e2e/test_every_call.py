"""Each call that a descriptor names: who gets in, and that no other metadata changes anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.e2e.processes import ServerProcess, running_server
from tests.e2e.test_tokens import make_token, until
from waypost.v1 import admin_pb2, router_pb2

CALLERS, OPERATORS = (
    [
        f"/{service.full_name}/{method.name}"
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    for file in (router_pb2.DESCRIPTOR, admin_pb2.DESCRIPTOR)
)
REFLECTION = "grpc.reflection.v1alpha.ServerReflection"
ABOUT_CALLS = f"/{REFLECTION}/ServerReflectionInfo"
HEALTH = "grpc.health.v1.Health"

UNKNOWN = grpc.StatusCode.UNIMPLEMENTED
STRANGER = grpc.StatusCode.UNAUTHENTICATED
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED

GARBAGE = b"\xff" * 8
"""Nothing can be parsed of it, so that a call that gets in changes nothing."""


@dataclass(frozen=True)
class Guarded:
    """A server that asks for tokens, and one token of each kind."""

    server: ServerProcess
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def guarded(index_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    file = tmp_path_factory.mktemp("tokens") / "tokens.toml"
    tokens = {
        "caller": make_token(file, "caller", "--role", "caller"),
        "acme": make_token(file, "of-acme", "--role", "caller", "--tenant", "acme"),
        "admin": make_token(file, "ops", "--role", "admin"),
    }
    with running_server(index_folder, WAYPOST_TOKENS=str(file)) as server:
        tokens["ended"] = make_token(file, "brief", "--role", "admin", "--days", "0.00001")
        until(lambda: "the tokens are taken up" in server.log_text())
        tokens["unknown"] = "waypost_" + "0" * 64
        yield Guarded(server, tokens | {"none": ""})
        server.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log_text()


def code_of(address: str, method: str, token: str, *metadata: tuple[str, Any]) -> grpc.StatusCode:
    sent = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.stream_stream(method)
        try:
            # gRPC's own service would log that it cannot be parsed.
            content = b"" if method == ABOUT_CALLS else GARBAGE
            list(call(iter([content]), timeout=10, metadata=[*sent, *metadata]))
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK


def services(address: str, token: str) -> set[str]:
    with grpc.insecure_channel(address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        metadata = [("authorization", f"Bearer {token}")]
        [told] = stub.ServerReflectionInfo(iter([ask]), timeout=10, metadata=metadata)
        return {service.name for service in told.list_services_response.service}


def test_no_service_is_served_but_those_that_are_tried_here(guarded: Guarded) -> None:
    server, admin = guarded.server, guarded.tokens["admin"]
    router, operators = "waypost.v1.RouterService", "waypost.v1.AdminService"
    assert services(server.address, admin) == {router, REFLECTION, HEALTH}
    assert services(server.admin_address, admin) == {operators, REFLECTION, HEALTH}
    assert {name.split("/")[1] for name in CALLERS} == {router}
    assert {name.split("/")[1] for name in OPERATORS} == {operators}


@pytest.mark.parametrize("method", [*CALLERS, *OPERATORS, ABOUT_CALLS])
def test_each_call_asks_for_a_token_that_holds_and_for_its_role(
    guarded: Guarded, method: str
) -> None:
    callers, operators = guarded.server.address, guarded.server.admin_address
    for kind in ("none", "unknown", "ended"):
        for address in (callers, operators):
            assert code_of(address, method, guarded.tokens[kind]) is STRANGER, (kind, address)
    for kind in ("caller", "acme"):
        assert code_of(operators, method, guarded.tokens[kind]) is FORBIDDEN, kind
    for kind in ("caller", "acme", "admin"):
        found = code_of(callers, method, guarded.tokens[kind])
        assert (found is UNKNOWN) is (method in OPERATORS), kind
        assert found not in (STRANGER, FORBIDDEN), kind
    found = code_of(operators, method, guarded.tokens["admin"])
    assert (found is UNKNOWN) is (method in CALLERS)
    assert found not in (STRANGER, FORBIDDEN)


JUNK: dict[str, list[tuple[str, Any]]] = {
    "bytes": [("x-junk-bin", bytes(range(256)))],
    "trace": [("traceparent", "00-" + "g" * 200), ("tracestate", "=" * 500)],
    "traces": [("traceparent", f"00-{'1' * 32}-{'2' * 16}-01")] * 20,
    "binary trace": [("grpc-trace-bin", b"\x00" * 99), ("grpc-tags-bin", b"\xff" * 99)],
    "baggage": [("baggage", ",;=%%zz" * 300)],
    "many": [(f"k{i}", "v") for i in range(150)],
    "repeated": [("k", "")] * 150,
    "peer": [("x-forwarded-for", "127.0.0.1"), ("host", "elsewhere"), ("x-tenant", "acme")],
}


ROUTE_QUERY = "/waypost.v1.RouterService/RouteQuery"


def contract_of(address: str, token: str, tenant: str, metadata: list[tuple[str, Any]]) -> Any:  # noqa: ANN401
    """What is decided, without what each decision has of its own."""
    query = router_pb2.RouteQueryRequest(text="why does this test hang", tenant=tenant)
    sent = [("authorization", f"Bearer {token}"), *metadata]
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(ROUTE_QUERY)
        content = call(query.SerializeToString(), timeout=10, metadata=sent)
    contract = router_pb2.RouteQueryResponse.FromString(content).contract
    for own in ("decision_id", "timings"):
        contract.ClearField(own)
    return contract


@pytest.mark.parametrize("junk", JUNK)
def test_metadata_changes_neither_who_calls_nor_the_answer(guarded: Guarded, junk: str) -> None:
    callers, tokens = guarded.server.address, guarded.tokens
    assert code_of(callers, ROUTE_QUERY, "", *JUNK[junk]) is STRANGER
    with_junk = contract_of(callers, tokens["caller"], "other", JUNK[junk])
    assert with_junk == contract_of(callers, tokens["caller"], "other", [])
    assert with_junk.route
    assert contract_of(callers, tokens["acme"], "", JUNK[junk]) == with_junk
    with pytest.raises(grpc.RpcError) as refused:
        contract_of(callers, tokens["acme"], "other", JUNK[junk])
    assert refused.value.code() is FORBIDDEN
    assert (
        code_of(guarded.server.admin_address, OPERATORS[0], tokens["caller"], *JUNK[junk])
        is FORBIDDEN
    )
