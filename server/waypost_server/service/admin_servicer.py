"""AdminService."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from waypost import CONTRACT_VERSION
from waypost.v1 import admin_pb2, admin_pb2_grpc
from waypost_server.core.errors import ActivationError
from waypost_server.core.switches import Kind, Target
from waypost_server.service.index_admin import IndexAdmin
from waypost_server.service.parts import Parts
from waypost_server.service.process import resident_bytes
from waypost_server.service.reports import log_status, model_statuses, route_outcomes
from waypost_server.service.shared import Answer
from waypost_server.service.switches import switch_messages


class AdminServicer(admin_pb2_grpc.AdminServiceServicer):
    """Answers operators."""

    def __init__(self, parts: Parts, *, server_version: str) -> None:
        self._live = parts.live
        self._workers = parts.workers
        self._outcomes = parts.outcomes
        self._shared = parts.shared
        self._index = parts.index_admin
        self._journal = parts.journal
        self._refusals = parts.refusals
        self._server_version = server_version
        self._started_at = Timestamp()
        self._started_at.GetCurrentTime()
        self.state = admin_pb2.SERVER_STATE_STARTING

    async def SetRouteEnabled(  # noqa: N802  (gRPC names methods)
        self,
        request: admin_pb2.SetRouteEnabledRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> admin_pb2.SetRouteEnabledResponse:
        """Switches a route on or off, here and wherever else queries are decided."""
        target = Target(Kind.ROUTE, request.route)
        answer = await self._switch(target, enabled=request.enabled, note=request.note)
        return admin_pb2.SetRouteEnabledResponse(
            previously_enabled=answer.was_enabled, pending_processes=answer.pending
        )

    async def SetModelEnabled(  # noqa: N802
        self,
        request: admin_pb2.SetModelEnabledRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> admin_pb2.SetModelEnabledResponse:
        """Switches a model on or off, here and wherever else queries are decided."""
        target = Target(Kind.MODEL, request.model)
        answer = await self._switch(target, enabled=request.enabled, note=request.note)
        return admin_pb2.SetModelEnabledResponse(
            previously_enabled=answer.was_enabled, pending_processes=answer.pending
        )

    async def GetStatus(  # noqa: N802
        self,
        request: admin_pb2.GetStatusRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> admin_pb2.GetStatusResponse:
        """Tells what the server is and holds."""
        engine = self._live.served.engine
        return admin_pb2.GetStatusResponse(
            state=self.state,
            server_version=self._server_version,
            contract_version=CONTRACT_VERSION,
            index_version=engine.index_version,
            encoder_name=engine.encoder.name,
            encoder_fingerprint=engine.encoder.fingerprint,
            started_at=self._started_at,
            route_count=len(engine.router.catalog.routes),
            exemplar_count=len(engine.router.exemplars.texts),
            decision_count=self._workers.decision_count,
            queue_depth=self._workers.queue_depth,
            concurrency_limit=self._workers.admission.limit,
            degraded=self._workers.admission.is_degraded,
            refused_count=self._refusals.total,
            resident_bytes=resident_bytes(),
            models=model_statuses(self._outcomes),
            route_outcomes=route_outcomes(self._outcomes),
            refused_bundle=self._index.refused if self._index else "",
            decision_log=log_status(self._journal) if self._journal else None,
            process_id=self._shared.process.process_id,
            switches=switch_messages(self._shared.switches),
        )

    async def BuildIndex(  # noqa: N802
        self,
        request: admin_pb2.BuildIndexRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncGenerator[admin_pb2.BuildIndexResponse, None]:
        """Builds a bundle in another process."""
        async with aclosing(self._index_admin.build(request)) as responses:
            async for response in responses:
                yield response

    async def ListIndexVersions(  # noqa: N802
        self,
        request: admin_pb2.ListIndexVersionsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> admin_pb2.ListIndexVersionsResponse:
        """Lists the bundles that can be activated."""
        return await self._index_admin.list_versions()

    async def ActivateIndexVersion(  # noqa: N802
        self,
        request: admin_pb2.ActivateIndexVersionRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> admin_pb2.ActivateIndexVersionResponse:
        """Makes a bundle live."""
        return await self._index_admin.activate(request)

    @property
    def _index_admin(self) -> IndexAdmin:
        if self._index is None:
            raise ActivationError("this server keeps the bundle that it began with")
        return self._index

    async def _switch(self, target: Target, *, enabled: bool, note: str) -> Answer:
        catalog = self._live.served.engine.router.catalog
        return await self._shared.switch(target, catalog, enabled=enabled, note=note)
