import asyncio
import os
import subprocess
import sys
import time

import grpc
import numpy as np
import pytest

from tests.bench.serving.contestants import connected
from tests.bench.serving.figures import Leg, Ratio, cpu_ms, failures, p50, p99, per_second, ratio
from tests.bench.serving.load import (
    CallFailedError,
    closed_loop,
    due_times,
    open_loop,
    since,
)
from tests.bench.serving.machine import cpu_seconds, family
from tests.bench.serving.page import verdict
from tests.bench.serving.report import Target
from tests.bench.serving.stages import inside
from tests.bench.serving.wire import METHOD, SERVICE
from waypost.v1 import contract_pb2, router_pb2


def leg(milliseconds: list[float], *, elapsed: float, cpu: float = 0.0) -> Leg:
    return Leg(seconds=[value / 1e3 for value in milliseconds], elapsed=elapsed, cpu=cpu)


def test_percentiles_are_of_all_calls_and_not_of_the_rounds_percentiles() -> None:
    legs = [leg([1.0] * 100, elapsed=1), leg([2.0] * 98 + [50.0] * 2, elapsed=1)]
    assert p50(legs) == pytest.approx(1.5)
    assert p99(legs) == pytest.approx(2.0 + 0.01 * 48, rel=0.01)
    assert p99(legs[1:]) == pytest.approx(50.0)


def test_throughput_and_cpu_weigh_each_round_by_its_calls() -> None:
    legs = [leg([1.0] * 10, elapsed=1, cpu=0.02), leg([1.0] * 30, elapsed=1, cpu=0.02)]
    assert per_second(legs) == pytest.approx(20)
    assert cpu_ms(legs) == pytest.approx(1.0)


def test_a_ratio_tells_its_lowest_and_highest_round() -> None:
    ours = [leg([3.0], elapsed=1), leg([8.0], elapsed=1)]
    theirs = [leg([1.0], elapsed=1), leg([4.0], elapsed=1)]
    found = ratio(ours, theirs, p50)
    assert (found.value, found.low, found.high) == pytest.approx((2.5, 2.0, 3.0))
    with pytest.raises(ValueError, match="shorter"):
        ratio(ours, theirs[:1], p50)


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (0.9, 1.0, 1.2, "yes"),
        (0.7, 1.6, 4.9, "in doubt: not in every round"),
        (0.5, 0.8, 0.9, "no, though in some rounds"),
        (0.5, 0.6, 0.7, "no"),
    ],
)
def test_a_target_is_in_doubt_when_rounds_differ_on_it(
    low: float, value: float, high: float, said: str
) -> None:
    found = Ratio(value, low, high)
    assert verdict(Target("what", 0.85, found, at_least=True)) == said
    below = Ratio(1 / value, 1 / high, 1 / low)
    assert verdict(Target("what", 1 / 0.85, below)) == said


def test_queries_are_due_at_equal_distances_and_lateness_counts_from_then() -> None:
    due = due_times(10.0, 4.0, 3)
    assert due == [10.0, 10.25, 10.5]
    assert since(due, [10.5, 10.5, 10.75]) == [0.5, 0.25, 0.25]


async def test_an_open_loop_that_is_held_up_counts_the_wait_of_the_queries_behind() -> None:
    async def call(request: bytes) -> bytes:
        if request == b"0":
            time.sleep(0.2)  # noqa: ASYNC251  (the generator itself stands still)
        return request

    asked = await open_loop(call, [b"%d" % number for number in range(10)], per_second=100)
    # Query n was due 10 n ms after the first, and could not go out before 200 ms.
    for number in range(1, 10):
        assert asked.seconds[number] >= asked.late[number] >= 0.19 - 0.01 * number


async def test_an_open_loop_does_not_wait_for_answers() -> None:
    running, most = 0, 0

    async def call(request: bytes) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.3)
        running -= 1
        return request

    await open_loop(call, [b""] * 10, per_second=100)
    assert most == 10


async def test_a_closed_loop_keeps_its_callers_busy_and_answers_in_order() -> None:
    running, most = 0, 0

    async def call(request: bytes) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02 if request == b"0" else 0)
        running -= 1
        return request

    requests = [b"%d" % number for number in range(20)]
    closed = await closed_loop(call, requests, at_once=4, limit_seconds=60)
    assert (closed.responses, most) == (requests, 4)
    assert np.argmax(closed.seconds) == 0
    assert closed.elapsed >= max(closed.seconds) >= 0.019


async def test_a_closed_loop_ends_at_its_limit() -> None:
    async def call(request: bytes) -> bytes:
        await asyncio.sleep(0.02)
        return request

    closed = await closed_loop(call, [b""] * 1000, at_once=2, limit_seconds=0.1)
    assert 2 <= len(closed.seconds) <= 14


async def test_a_failed_call_is_told_and_leaves_no_time_behind() -> None:
    async def call(request: bytes) -> bytes:
        if int(request) % 3 == 0:
            raise CallFailedError("CANCELLED")
        return request

    requests = [b"%d" % number for number in range(10)]
    closed = await closed_loop(call, requests, at_once=2, limit_seconds=60)
    assert closed.responses == [request for request in requests if int(request) % 3]
    assert len(closed.seconds) == 6
    asked = await open_loop(call, requests, per_second=1000)
    assert (len(asked.seconds), len(asked.late)) == (6, 10)
    assert closed.failed == asked.failed == ["CANCELLED"] * 4


def test_failures_are_counted_by_status() -> None:
    assert failures(["CANCELLED", "UNAVAILABLE", "CANCELLED"]) == "2 CANCELLED, 1 UNAVAILABLE"
    assert failures([]) == ""


def test_of_calls_that_all_failed_there_is_no_time() -> None:
    nothing = [Leg(seconds=[], elapsed=1, cpu=1, failed=["CANCELLED"])]
    assert np.isnan([p50(nothing), p99(nothing), cpu_ms(nothing)]).all()
    assert per_second(nothing) == 0


async def test_many_connections_are_taken_in_turn_and_a_status_becomes_a_failure() -> None:
    peers: list[str] = []

    async def answer(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        peers.append(context.peer())
        if request == b"bad":
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return request

    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        METHOD: grpc.unary_unary_rpc_method_handler(answer)
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with connected(f"127.0.0.1:{port}", 3) as call:
            assert [await call(b"%d" % n) for n in range(6)] == [b"%d" % n for n in range(6)]
            with pytest.raises(CallFailedError, match="RESOURCE_EXHAUSTED"):
                await call(b"bad")
    finally:
        await server.stop(None)
    assert len({*peers[:3]}) == 3
    assert peers[:3] == peers[3:6]


def test_a_process_family_has_the_children_of_its_children() -> None:
    grandchild = "print(flush=True); input()"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = family(process.pid)
        assert (len(found), found[0]) == (2, process.pid)
        assert {*found} < {*family(os.getpid())}
        assert cpu_seconds(*found) >= cpu_seconds(process.pid)
        process.communicate("\n")


def test_a_decisions_time_is_told_by_the_stage_that_made_it() -> None:
    def answer(stage: "contract_pb2.DecisionStage.ValueType", **times: int) -> bytes:
        contract = contract_pb2.HandoffContract(stage=stage, timings=contract_pb2.Timings(**times))
        return router_pb2.RouteQueryResponse(contract=contract).SerializeToString()

    static = answer(contract_pb2.DECISION_STAGE_STATIC_ENCODER, encode_us=50, total_us=100)
    transformer = answer(
        contract_pb2.DECISION_STAGE_ENCODER,
        encode_us=1000,
        search_us=60,
        decide_us=40,
        total_us=1200,
    )
    answers = [static, static, static, transformer]
    found = inside([Leg(seconds=[5e-4, 6e-4, 7e-4, 2e-3], elapsed=1, cpu=0, responses=answers)])
    assert (found.first_share, found.first, found.second) == pytest.approx((0.75, 0.6, 2.0))
    assert (found.encode, found.own, found.around) == pytest.approx((1.0, 0.1, 0.9))
    with pytest.raises(ValueError, match="neither stage"):
        inside([Leg(seconds=[1], elapsed=1, cpu=0, responses=[answer(0, total_us=1)])])  # type: ignore[arg-type]
