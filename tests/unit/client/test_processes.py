"""What several processes say, together."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from waypost_client._admin_types import DecisionLogStatus, ModelStatus, RouteOutcomes, Status
from waypost_client.processes import LOOKS, every_status, together
from waypost_client.status_text import status_text

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ONE = Status(
    state="SERVING",
    server_version="1.2.3",
    contract_version="1.0",
    process_id="a",
    started_at=NOON - timedelta(minutes=5),
    index_version="v1",
    refused_bundle="",
    encoder_name="mini",
    encoder_fingerprint="cafe",
    route_count=2,
    exemplar_count=12,
    decision_count=100,
    queue_depth=1,
    concurrency_limit=64,
    refused_count=3,
    degraded=False,
    resident_bytes=2**20,
    decision_log=DecisionLogStatus(written=90, dropped=2, waiting=1, problem=""),
    models=(ModelStatus(name="fast", succeeded=5, failed=1, left_out=False),),
    route_outcomes=(RouteOutcomes(route="x", accepted=1, rejected=2, failed=3, not_called=4),),
)
OTHER = replace(
    ONE,
    process_id="b",
    started_at=NOON - timedelta(minutes=1),
    index_version="v2",
    refused_bundle="recall fell",
    decision_count=50,
    degraded=True,
    decision_log=DecisionLogStatus(written=9, dropped=0, waiting=40, problem="disk full"),
    models=(
        ModelStatus(name="fast", succeeded=2, failed=0, left_out=True),
        ModelStatus(name="dear", succeeded=1, failed=0, left_out=False),
    ),
)


def led_by_chance(processes: int) -> Callable[[], Status]:
    draw = Random(processes)  # noqa: S311
    return lambda: replace(ONE, process_id=f"{draw.randrange(processes):02}")


def test_all_that_answer_are_found_by_chance() -> None:
    for count in (1, 2, 3, 8, 16):
        found = every_status(led_by_chance(count))
        assert [each.process_id for each in found] == [f"{number:02}" for number in range(count)]


def test_a_lone_process_is_asked_no_more_than_so_often() -> None:
    asked: list[None] = []

    def ask() -> Status:
        asked.append(None)
        return ONE

    assert every_status(ask) == (ONE,)
    assert len(asked) == LOOKS
    assert together((ONE,)) is ONE


def test_counts_are_added_up_and_what_differs_is_named() -> None:
    both = together((ONE, OTHER))
    assert (both.process_id, both.index_version, both.state) == ("a, b", "v1, v2", "SERVING")
    assert (both.decision_count, both.refused_count, both.queue_depth) == (150, 6, 2)
    assert (both.started_at, both.refused_bundle, both.degraded) == (
        ONE.started_at,
        "recall fell",
        True,
    )
    assert both.decision_log == DecisionLogStatus(
        written=99, dropped=2, waiting=41, problem="disk full"
    )
    assert both.models == (
        ModelStatus(name="dear", succeeded=1, failed=0, left_out=False),
        ModelStatus(name="fast", succeeded=7, failed=1, left_out=True),
    )
    assert both.route_outcomes == (
        RouteOutcomes(route="x", accepted=2, rejected=4, failed=6, not_called=8),
    )
    assert together((replace(ONE, decision_log=None),) * 2).decision_log is None


def test_a_page_of_several_ends_with_a_line_for_each() -> None:
    lines = status_text(together((ONE, OTHER)), (ONE, OTHER), now=NOON).splitlines()
    assert "version       1.2.3, contract 1.0" in lines
    assert "decided       150, refused 6" in lines
    assert lines[-2:] == [
        "processes     a: serving for 5 min 0 s, decided 100, refused 3, log 90 written, "
        "1 waiting, 2 lost",
        "              b: serving for 1 min 0 s, decided 50, refused 3, log 9 written, "
        "40 waiting, 0 lost; it cannot be written: disk full",
    ]
    assert not any(line.startswith("processes") for line in status_text(ONE, (ONE,)).splitlines())
