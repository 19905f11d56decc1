"""Everything but deciding: routes, specialists, status, health, reflection, what is not there."""

import hashlib
import importlib.metadata
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.e2e.processes import ROOT, ServerProcess
from waypost import CONTRACT_VERSION
from waypost.v1 import admin_pb2, contract_pb2, router_pb2
from waypost_client import AdminClient, Client, NotFoundError

ROUTES = ROOT / "routes"
NAMES = sorted(path.parent.name for path in ROUTES.glob("[!_]*/exemplars.txt"))
ROUTER, ADMIN = "waypost.v1.RouterService", "waypost.v1.AdminService"
PORTS = (("channel", ROUTER, ADMIN), ("admin_channel", ADMIN, ROUTER))
"""By fixture: a port's service, and the one that is on the other port."""


def exemplars_of(route: str) -> list[str]:
    lines = (ROUTES / route / "exemplars.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def test_list_routes_shows_the_folders(client: Client, server: ServerProcess) -> None:
    loaded = client.routes()
    assert [route.name for route in loaded.routes] == NAMES
    assert [route.exemplar_count for route in loaded.routes] == [
        len(exemplars_of(name)) for name in NAMES
    ]
    assert loaded.default_route == "general_engineering"
    assert loaded.index_version == server.index_version
    assert all(route.enabled and route.description for route in loaded.routes)
    fallbacks = {route.name: route.fallback_route for route in loaded.routes}
    assert fallbacks == dict.fromkeys(NAMES, "general_engineering") | {"general_engineering": ""}


@pytest.mark.parametrize("name", NAMES)
def test_a_specialists_prompt_comes_with_its_hash(client: Client, name: str) -> None:
    specialist = client.specialist(name)
    assert specialist.prompt == (ROUTES / name / "specialist.md").read_text("utf-8")
    assert specialist.ref.prompt_sha256 == hashlib.sha256(specialist.prompt.encode()).hexdigest()
    assert specialist.ref.models
    assert specialist.params_schema is not None
    assert specialist.params_schema["type"] == "object"


def test_a_prompt_that_the_caller_holds_is_not_sent_again(client: Client) -> None:
    full = client.specialist("debugging")
    held = client.specialist("debugging", known_prompt_sha256=full.ref.prompt_sha256)
    stale = client.specialist("debugging", known_prompt_sha256="0" * 64)
    assert held.prompt is None
    assert held.ref == full.ref
    assert stale == full


def test_the_specialist_of_an_unknown_route_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError, match=rf"'poetry'.*{', '.join(NAMES)}"):
        client.specialist("poetry")


def test_status_agrees_with_what_is_loaded(
    client: Client, admin: AdminClient, server: ServerProcess
) -> None:
    status, loaded = admin.status(), client.routes()
    contract = client.route("why does it fail")
    assert status.state == "SERVING"
    assert status.server_version == importlib.metadata.version("waypost")
    assert status.contract_version == contract.contract_version == CONTRACT_VERSION
    assert status.index_version == contract.index_version == server.index_version
    assert status.encoder_fingerprint == contract.encoder_fingerprint
    assert status.route_count == len(loaded.routes)
    assert status.exemplar_count == sum(route.exemplar_count for route in loaded.routes)
    assert admin.status().decision_count == status.decision_count + 1
    assert 50e6 < status.resident_bytes < 2e9


@pytest.mark.parametrize(("port", "service", "elsewhere"), PORTS)
def test_health_says_serving_on_each_port_of_what_is_there(
    request: pytest.FixtureRequest, port: str, service: str, elsewhere: str
) -> None:
    health: Any = health_pb2_grpc.HealthStub(request.getfixturevalue(port))
    for name in ("", service):
        asked = health_pb2.HealthCheckRequest(service=name)
        assert health.Check(asked).status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(asked, timeout=10)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service=elsewhere))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_health_of_an_unknown_service_follows_the_standard(channel: grpc.Channel) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="poetry")
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(request)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = health.Watch(request, timeout=10)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_health_is_answered_while_batches_keep_every_thread_busy(
    client: Client, channel: grpc.Channel
) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    queries = [router_pb2.RouteQueryRequest(text=f"why is step {i} slow") for i in range(256)]
    batch = router_pb2.RouteQueriesRequest(queries=queries)
    batches = [client.router.RouteQueries.future(batch, timeout=20) for _ in range(3)]
    checks = 0
    while not all(call.done() for call in batches):
        health.Check(health_pb2.HealthCheckRequest(), timeout=1)
        checks += 1
        time.sleep(0.01)
    assert checks >= 5
    for call in batches:
        assert all(r.WhichOneof("result") == "contract" for r in call.result().results)


@pytest.mark.parametrize(("port", "service", "elsewhere"), PORTS)
def test_reflection_lists_each_ports_services_and_describes_the_contract(
    request: pytest.FixtureRequest, port: str, service: str, elsewhere: str
) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(request.getfixturevalue(port))

    def requests() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        yield reflection_pb2.ServerReflectionRequest(
            file_containing_symbol="waypost.v1.HandoffContract"
        )

    listed, described = stub.ServerReflectionInfo(requests(), timeout=10)
    assert {service.name for service in listed.list_services_response.service} == {
        service,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    files = described.file_descriptor_response.file_descriptor_proto
    names = {FileDescriptorProto.FromString(file).name for file in files}
    assert contract_pb2.DESCRIPTOR.name in names


def test_operators_calls_are_not_on_the_callers_port(channel: grpc.Channel) -> None:
    for method in admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods:
        with pytest.raises(grpc.RpcError) as caught:
            _call(channel, method)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def _call(channel: grpc.Channel, method: MethodDescriptor) -> None:
    path = f"/{method.containing_service.full_name}/{method.name}"
    call: Any
    if method.server_streaming and method.client_streaming:
        call = channel.stream_stream(path)
        list(call(iter([b""]), timeout=10))
    elif method.server_streaming:
        call = channel.unary_stream(path)
        list(call(b"", timeout=10))
    else:
        call = channel.unary_unary(path)
        call(b"", timeout=10)
