"""AdminService."""

from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from waypost import CONTRACT_VERSION
from waypost.v1 import admin_pb2, admin_pb2_grpc
from waypost_server.core.outcomes import Outcomes
from waypost_server.service.process import resident_bytes
from waypost_server.service.reports import model_statuses, route_outcomes
from waypost_server.service.version import Live
from waypost_server.service.workers import Workers


class AdminServicer(admin_pb2_grpc.AdminServiceServicer):
    """Answers operators. RPCs that are not here answer UNIMPLEMENTED, as the base class does."""

    def __init__(
        self, live: Live, workers: Workers, outcomes: Outcomes, *, server_version: str
    ) -> None:
        self._live = live
        self._workers = workers
        self._outcomes = outcomes
        self._server_version = server_version
        self._started_at = Timestamp()
        self._started_at.GetCurrentTime()
        self.state = admin_pb2.SERVER_STATE_STARTING

    async def GetStatus(  # noqa: N802  (gRPC names methods)
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
            refused_count=self._workers.admission.refused,
            resident_bytes=resident_bytes(),
            models=model_statuses(self._outcomes),
            route_outcomes=route_outcomes(self._outcomes),
        )
