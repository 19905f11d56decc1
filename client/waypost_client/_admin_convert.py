"""AdminService's protobuf to the client's types."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from waypost.v1 import admin_pb2
from waypost_client import _admin_types as t
from waypost_client._names import name_of


def status_of(message: admin_pb2.GetStatusResponse) -> t.Status:
    """What a server's process is and holds."""
    return t.Status(
        state=name_of(admin_pb2.ServerState, "SERVER_STATE_", message.state),
        server_version=message.server_version,
        contract_version=message.contract_version,
        process_id=message.process_id,
        started_at=_time_of(message.started_at),
        index_version=message.index_version,
        refused_bundle=message.refused_bundle,
        encoder_name=message.encoder_name,
        encoder_fingerprint=message.encoder_fingerprint,
        route_count=message.route_count,
        exemplar_count=message.exemplar_count,
        decision_count=message.decision_count,
        queue_depth=message.queue_depth,
        concurrency_limit=message.concurrency_limit,
        refused_count=message.refused_count,
        degraded=message.degraded,
        resident_bytes=message.resident_bytes,
        decision_log=_log_of(message.decision_log) if message.HasField("decision_log") else None,
        switches=tuple(map(_switch_of, message.switches)),
        models=tuple(map(_model_of, message.models)),
        route_outcomes=tuple(map(_route_of, message.route_outcomes)),
    )


def progress_of(message: admin_pb2.BuildIndexResponse) -> t.BuildProgress:
    """How far a build is."""
    return t.BuildProgress(
        phase=t.BuildPhase(name_of(admin_pb2.BuildPhase, "BUILD_PHASE_", message.phase)),
        done=message.done,
        total=message.total,
        index_version=message.index_version,
        problems=tuple(message.problems),
    )


def versions_of(message: admin_pb2.ListIndexVersionsResponse) -> tuple[t.IndexVersion, ...]:
    """The bundles, newest first."""
    return tuple(
        t.IndexVersion(
            version=each.version,
            live=each.live,
            built_at=_time_of(each.built_at),
            route_count=each.route_count,
            exemplar_count=each.exemplar_count,
            encoder_fingerprint=each.encoder_fingerprint,
            routes_sha256=each.routes_sha256,
        )
        for each in message.versions
    )


def switched_of(
    message: admin_pb2.SetRouteEnabledResponse | admin_pb2.SetModelEnabledResponse,
) -> t.Switched:
    """What became of a wish to switch something."""
    return t.Switched(
        previously_enabled=message.previously_enabled, pending_processes=message.pending_processes
    )


def _time_of(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)


def _log_of(message: admin_pb2.DecisionLogStatus) -> t.DecisionLogStatus:
    return t.DecisionLogStatus(
        written=message.written,
        dropped=message.dropped,
        waiting=message.waiting,
        problem=message.problem,
    )


def _switch_of(message: admin_pb2.Switch) -> t.Switch:
    return t.Switch(
        route=message.route,
        model=message.model,
        who=message.who,
        note=message.note,
        at=_time_of(message.at),
    )


def _model_of(message: admin_pb2.ModelStatus) -> t.ModelStatus:
    return t.ModelStatus(
        name=message.name,
        succeeded=message.succeeded,
        failed=message.failed,
        left_out=message.left_out,
    )


def _route_of(message: admin_pb2.RouteOutcomes) -> t.RouteOutcomes:
    return t.RouteOutcomes(
        route=message.route,
        accepted=message.accepted,
        rejected=message.rejected,
        failed=message.failed,
        not_called=message.not_called,
    )
