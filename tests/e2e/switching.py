"""What tests of kill switches do to servers."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import grpc

from tests.e2e.processes import ServerProcess
from tests.e2e.topics import CLEAR
from waypost.v1 import admin_pb2, contract_pb2, router_pb2, router_pb2_grpc

DISABLED, NO_MODEL = contract_pb2.REASON_ROUTE_DISABLED, contract_pb2.REASON_NO_ELIGIBLE_MODEL
OFF, TEXT = "music", CLEAR["music"]
PATIENCE_SECONDS = 30.0


@contextmanager
def router(server: ServerProcess) -> Iterator[router_pb2_grpc.RouterServiceStub]:
    """A stub with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(server.address, options) as channel:
        yield router_pb2_grpc.RouterServiceStub(channel)


def routed(
    server: ServerProcess, text: str = TEXT, **fields: object
) -> contract_pb2.HandoffContract:
    with router(server) as stub:
        return stub.RouteQuery(router_pb2.RouteQueryRequest(text=text, **fields)).contract  # type: ignore[arg-type]


def set_route(
    server: ServerProcess, route: str, *, enabled: bool, note: str = ""
) -> admin_pb2.SetRouteEnabledResponse:
    with server.admin() as admin:
        return admin.SetRouteEnabled(
            admin_pb2.SetRouteEnabledRequest(route=route, enabled=enabled, note=note)
        )


def set_model(
    server: ServerProcess, model: str, *, enabled: bool, note: str = ""
) -> admin_pb2.SetModelEnabledResponse:
    with server.admin() as admin:
        return admin.SetModelEnabled(
            admin_pb2.SetModelEnabledRequest(model=model, enabled=enabled, note=note)
        )


def status(server: ServerProcess) -> admin_pb2.GetStatusResponse:
    with server.admin() as admin:
        return admin.GetStatus(admin_pb2.GetStatusRequest())


@contextmanager
def switched_off(
    server: ServerProcess, *, route: str = "", models: Sequence[str] = ()
) -> Iterator[None]:
    for model in models:
        set_model(server, model, enabled=False)
    if route:
        set_route(server, route, enabled=False)
    try:
        yield
    finally:
        for switch in status(server).switches:
            if switch.route:
                set_route(server, switch.route, enabled=True)
            else:
                set_model(server, switch.model, enabled=True)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.05)
