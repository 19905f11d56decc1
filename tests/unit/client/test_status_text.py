from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from waypost.v1 import admin_pb2
from waypost_client._admin_convert import status_of
from waypost_client.status_text import status_text

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def at(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def test_a_status_reads_like_this() -> None:
    message = admin_pb2.GetStatusResponse(
        state=admin_pb2.SERVER_STATE_SERVING,
        server_version="1.2.3",
        contract_version="1.0",
        process_id="a1",
        index_version="0123456789ab",
        refused_bundle="recall fell",
        encoder_name="mini",
        encoder_fingerprint="cafe",
        started_at=at(NOON - timedelta(hours=27)),
        route_count=2,
        exemplar_count=1200,
        decision_count=34567,
        queue_depth=3,
        concurrency_limit=1024,
        refused_count=2,
        degraded=True,
        resident_bytes=300 * 2**20,
        decision_log=admin_pb2.DecisionLogStatus(
            written=34_000, waiting=567, dropped=1, problem="disk full"
        ),
        switches=[
            admin_pb2.Switch(route="billing", who="ops", note="incident 7", at=at(NOON)),
            admin_pb2.Switch(model="small", at=at(NOON)),
        ],
        models=[admin_pb2.ModelStatus(name="small", succeeded=5, failed=2, left_out=True)],
        route_outcomes=[
            admin_pb2.RouteOutcomes(route="billing", accepted=1, rejected=2, failed=3, not_called=4)
        ],
    )
    assert status_text(status_of(message), now=NOON).splitlines() == [
        "state         serving, degraded: its cheap stages decide alone",
        "version       1.2.3, contract 1.0, process a1",
        "index         0123456789ab: 1,200 exemplars of 2 routes",
        "              the newest bundle is not live: recall fell",
        "encoder       mini, cafe",
        "up for        1 d 3 h",
        "memory        300 MiB",
        "decided       34,567, refused 2",
        "queue         3 of at most 1,024",
        "log           34,000 written, 567 waiting, 1 lost; it cannot be written: disk full",
        "switched off  route billing, 2026-05-04 12:00 UTC by ops: incident 7",
        "              model small, 2026-05-04 12:00 UTC by somebody without a token",
        "models        small: 5 answered, 2 failed, left out while a breaker is open",
        "outcomes      billing: 1 accepted, 2 rejected, 3 failed, 4 not called",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3660, "1 h 1 min")]
)
def test_a_young_server_says_so_and_leaves_out_what_it_has_not(seconds: float, said: str) -> None:
    message = admin_pb2.GetStatusResponse(started_at=at(NOON), exemplar_count=1)
    lines = status_text(status_of(message), now=NOON + timedelta(seconds=seconds)).splitlines()
    assert f"up for        {said}" in lines
    assert "memory        ?" in lines
    assert "queue         0" in lines
    assert "log           none is kept" in lines
    assert lines[-3:] == [
        "switched off  nothing",
        "models        nothing reported",
        "outcomes      nothing reported",
    ]
