"""The gRPC server: what listens, and how it begins and ends."""

import asyncio

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE
from grpc_reflection.v1alpha import reflection

from waypost.v1 import admin_pb2, admin_pb2_grpc, router_pb2, router_pb2_grpc
from waypost_server.core.outcomes import Outcomes
from waypost_server.service.address import cannot_listen
from waypost_server.service.admin_servicer import AdminServicer
from waypost_server.service.events import Observers
from waypost_server.service.health import HealthServicer
from waypost_server.service.interceptor import StatusInterceptor
from waypost_server.service.router_servicer import RouterServicer
from waypost_server.service.version import Live
from waypost_server.service.workers import Workers

ROUTER_SERVICE = router_pb2.DESCRIPTOR.services_by_name["RouterService"].full_name
ADMIN_SERVICE = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name

PENDING, MOST_PENDING = 10_000, 20_000
"""Calls that gRPC holds until the server takes them, and from when on it drops each. By itself it
begins at 1,000, without a word but CANCELLED; the queue behind says RESOURCE_EXHAUSTED."""

FAREWELL_SECONDS = 0.25
"""From the last word on health to the stop: gRPC cancels calls that reach it while it stops, and
clients that watch health have left by then."""


class Server:
    """A server on one address."""

    def __init__(
        self,
        live: Live,
        workers: Workers,
        outcomes: Outcomes,
        *,
        observers: Observers,
        address: str,
        max_message_bytes: int,
        server_version: str,
        shares_port: bool = False,
    ) -> None:
        """Binds `address`, if wanted together with other processes that share it.

        Raises:
            SettingsError: the address cannot be listened on.
        """
        self._workers = workers
        self._health = HealthServicer(("", ROUTER_SERVICE, ADMIN_SERVICE))
        # The stubs call every RPC abstract; the generated base answers UNIMPLEMENTED by itself.
        self._admin = AdminServicer(  # type: ignore[abstract]
            live, workers, outcomes, server_version=server_version
        )
        router = RouterServicer(live, workers, outcomes, observers)
        self._server = grpc.aio.server(
            interceptors=[StatusInterceptor()],
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.server.max_pending_requests", PENDING),
                ("grpc.server.max_pending_requests_hard_limit", MOST_PENDING),
                # On by default: a second server would silently share the port.
                ("grpc.so_reuseport", int(shares_port)),
            ],
        )
        router_pb2_grpc.add_RouterServiceServicer_to_server(router, self._server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self._admin, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (ROUTER_SERVICE, ADMIN_SERVICE, HEALTH_SERVICE, reflection.SERVICE_NAME),
            self._server,
        )
        host, _, _ = address.rpartition(":")
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError:
            raise cannot_listen(address) from None
        self.address = f"{host}:{port}"

    async def start(self) -> None:
        """Begins to answer."""
        await self._server.start()
        self._admin.state = admin_pb2.SERVER_STATE_SERVING
        self._health.serve()

    async def stop(self, drain_seconds: float, *, notice_seconds: float = FAREWELL_SECONDS) -> None:
        """Turns readiness off, soon refuses new calls, lets those in flight finish for a while.

        Args:
            drain_seconds: for how long, the notice included.
            notice_seconds: how long new calls are still taken, so that nobody who asks for health
                in between sends one that is refused.
        """
        self._admin.state = admin_pb2.SERVER_STATE_DRAINING
        self._health.shut_down()
        notice = min(notice_seconds, drain_seconds)
        await asyncio.sleep(max(0.0, notice - FAREWELL_SECONDS))
        self._workers.drain()
        await asyncio.sleep(min(FAREWELL_SECONDS, notice))
        self._health.let_go()
        await self._server.stop(drain_seconds - notice)
        self._workers.close()
