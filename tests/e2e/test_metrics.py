"""Metrics and probes of real servers."""

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.http2 import END_HEADERS, Frame, call_headers, header_block, opened
from tests.e2e.processes import (
    ROOT,
    WAYPOST,
    ServerProcess,
    ended,
    environment,
    http_address,
    waypost,
)
from tests.e2e.processes import running_server as running
from tests.exposed import Exposed
from waypost.v1 import router_pb2, router_pb2_grpc
from waypost_client import (
    Client,
    Contract,
    Feedback,
    InvalidRequestError,
    ModelAttempt,
    SpecialistOutcome,
    UnavailableError,
    WaypostError,
)
from waypost_server.service.http_port import MOST_CONNECTIONS

HTTP = {"WAYPOST_HTTP_ADDRESS": "127.0.0.1:0"}
TEXTS = [
    "why does this test fail only in CI",
    "please review this pull request",
    "where is the documentation of asyncio",
    "what is the capital of France",
    "should we split this service in two",
    "asdf qwer zxcv",
]
PATIENCE_SECONDS = 30.0


def scrape(server: ServerProcess) -> Exposed:
    """What it shows; asked again where a connection went to a process that has just died."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            status, text = server.http("/metrics")
        except ConnectionError:
            assert time.monotonic() < deadline, "nobody answers"
            continue
        assert status == 200
        return Exposed(text)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.05)


def test_what_is_shown_is_exactly_what_was_sent(index_folder: Path) -> None:
    """Traffic of every kind; each count is known beforehand or from the answers."""
    with running(index_folder, **HTTP) as server, Client(server.address, timeout_s=20) as client:
        contracts = [client.route(text, tenant=f"t{i % 2}") for i, text in enumerate(TEXTS * 3)]
        contracts += [each for each in client.route_many(TEXTS) if isinstance(each, Contract)]
        for wrong in ("", " "):
            with pytest.raises(WaypostError):
                client.route(wrong)
        batch = client.route_many(["a test", ""])
        contracts += [each for each in batch if isinstance(each, Contract)]
        first = contracts[0]
        contracts.append(
            client.reroute(TEXTS[0], decision_id=first.decision_id, rejected_routes=[first.route])
        )
        attempt = ModelAttempt(
            model="small",
            succeeded=True,
            latency_ms=1500,
            input_tokens=7,
            output_tokens=9,
            cost_usd=0.25,
        )
        for contract in contracts[:4]:
            client.report(
                contract.decision_id,
                SpecialistOutcome.ACCEPTED,
                [attempt],
                route=contract.route,
            )
        client.report(contracts[0].decision_id, SpecialistOutcome.ACCEPTED, [attempt])  # known
        client.report(
            contracts[4].decision_id, SpecialistOutcome.REJECTED, route=contracts[4].route
        )
        client.report(
            contracts[5].decision_id,
            SpecialistOutcome.UNSPECIFIED,
            feedback=Feedback.POSITIVE,
            correct_route=contracts[5].candidates[0].route,
        )
        client.report("01900000-0000-7000-8000-000000000000", SpecialistOutcome.FAILED)
        shown = scrape(server)
    assert shown("waypost_decisions_total") == len(contracts) == 26
    by_kind = Counter((each.route, each.outcome, each.stage) for each in contracts)
    for (route, outcome, stage), count in by_kind.items():
        counted = shown("waypost_decisions_total", route=route, outcome=outcome, stage=stage)
        assert counted == count
    reasons = Counter((each.route, reason) for each in contracts for reason in each.reasons)
    for (route, reason), count in reasons.items():
        assert shown("waypost_decision_reasons_total", route=route, reason=reason) == count
    best = Counter(each.candidates[0].route for each in contracts)
    for route, count in best.items():
        assert shown("waypost_decision_confidence_count", route=route) == count
    confidences = sum(each.confidence for each in contracts)
    assert shown("waypost_decision_confidence_sum") == pytest.approx(confidences)
    similarities = sum(max(0.0, each.similarity) for each in contracts)
    assert shown("waypost_decision_similarity_sum") == pytest.approx(similarities)
    total_us = sum(each.timings.total_us for each in contracts)
    assert shown("waypost_decision_seconds_sum", step="total") == pytest.approx(
        total_us / 1e6, abs=len(contracts) * 1e-6
    )
    assert shown("waypost_reroutes_total") == 1
    prefix = "waypost.v1.RouterService/"
    calls = {
        ("RouteQuery", "OK"): 18,
        ("RouteQuery", "INVALID_ARGUMENT"): 2,
        ("RouteQueries", "OK"): 2,
        ("RerouteQuery", "OK"): 1,
        ("ReportOutcome", "OK"): 8,
    }
    for (method, code), count in calls.items():
        assert shown("waypost_rpc_seconds_count", method=prefix + method, code=code) == count
    assert shown("waypost_rpc_seconds_count") == sum(calls.values())
    assert shown("waypost_reports_total", outcome="ACCEPTED") == 4
    assert shown("waypost_reports_total", route=contracts[4].route, outcome="REJECTED") == 1
    assert shown("waypost_feedback_total", feedback="POSITIVE") == 1
    assert shown("waypost_reports_unjoined_total") == 1
    assert shown("waypost_cost_usd_total", tenant="t0", model="small") == 0.5
    assert shown("waypost_cost_usd_total", tenant="t1", model="small") == 0.5
    assert shown("waypost_model_attempts_total", model="small", error="none") == 4
    assert shown("waypost_model_tokens_total", direction="output") == 36
    judged = [each for each in contracts[:5] if each.route == each.candidates[0].route]
    assert shown("waypost_judged_decisions_total") == len(judged) + 1
    right = sum(each is not contracts[4] for each in judged) + 1
    assert shown("waypost_judged_correct_total") == right
    assert shown.values("waypost_bundle_info", "index_version") == {server.index_version}
    assert shown("waypost_serving") == 1
    assert shown("waypost_resident_bytes") > 50e6
    assert shown("waypost_decision_log_bytes") > 10_000
    assert shown("waypost_rpc_unread_total") == 0


def test_calls_that_are_taken_back_are_counted_wherever_they_have_come(
    index_folder: Path,
) -> None:
    with running(index_folder, **HTTP) as server:
        with grpc.insecure_channel(server.address) as channel:
            _hold(channel).cancel()
            until(lambda: scrape(server)("waypost_rpc_seconds_count", code="CANCELLED") == 1)
        streams = iter(range(1, 10_001, 2))

        def taken_back() -> bool:
            """Of calls that are made and taken back before their request some have come so far."""
            block = header_block(call_headers("/waypost.v1.RouterService/RouteQuery"))
            stream = next(streams)
            made = Frame(kind=Frame.HEADERS, flags=END_HEADERS, stream=stream, payload=block)
            connection.send(made)
            time.sleep(0.05)
            connection.send(Frame(kind=Frame.RST_STREAM, stream=stream, payload=b"\0\0\0\x08"))
            return scrape(server)("waypost_rpc_unread_total") >= 3

        with opened(server.address) as connection:
            until(taken_back)
        shown = scrape(server)
        assert shown("waypost_rpc_seconds_count") == 1


def test_probes_are_answered_while_strangers_hold_every_connection(index_folder: Path) -> None:
    """Each says a byte now and then, without end, and comes again as soon as it is closed."""
    with running(index_folder, **HTTP) as server, ExitStack() as ends:
        address = http_address(server.log).split(":")
        where = address[0], int(address[1])
        over, made = threading.Event(), list[socket.socket]()

        def hold() -> None:
            while not over.is_set():
                with suppress(OSError), socket.create_connection(where, timeout=1) as connection:
                    connection.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")
                    made.append(connection)
                    while not over.wait(0.5):
                        connection.sendall(b"a")

        strangers = [threading.Thread(target=hold) for _ in range(MOST_CONNECTIONS + 8)]
        for stranger in strangers:
            stranger.start()
            ends.callback(stranger.join)
        ends.callback(over.set)
        until(lambda: len(made) >= len(strangers))
        for _ in range(20):
            assert server.http("/livez")[0] == 200
        assert scrape(server)("waypost_serving") == 1


def test_no_label_and_no_page_holds_a_query(index_folder: Path) -> None:
    mark = "xyzzy4711"
    with running(index_folder, **HTTP, WAYPOST_LOG_DECISIONS="true") as server:
        with Client(server.address, timeout_s=20) as client:
            contract = client.route(f"why does {mark} fail", request_id="r1\nfake line")
            with pytest.raises(InvalidRequestError):
                client.route(mark, request_id="r2", tenant="acme", allowed_routes=[mark])
        pages = [server.http(f"/{page}")[1] for page in ("metrics", "livez", "readyz", "startupz")]
        log = server.log_text()
    assert mark not in "".join(pages)
    assert mark not in log
    (line,) = [line for line in log.splitlines() if contract.decision_id in line]
    assert f"route={contract.route}" in line
    assert "request_id=r1\\nfake line" in line
    (line,) = [line for line in log.splitlines() if "failed request_id=r2" in line]
    assert line.endswith("tenant=acme caller= code=INVALID_ARGUMENT error=InvalidQueryError")


def test_two_processes_add_up_and_either_tells_for_both(index_folder: Path) -> None:
    with (
        running(index_folder, **HTTP, WAYPOST_PROCESSES="2") as server,
        Client(server.address, timeout_s=20, connections=24) as client,
    ):
        contracts = [client.route(TEXTS[i % len(TEXTS)]) for i in range(120)]

        def counted() -> float:
            return scrape(server)("waypost_decisions_total")

        until(lambda: counted() == len(contracts))
        shown = scrape(server)
        assert shown("waypost_serving") == 2
        assert shown("waypost_decision_confidence_sum") == pytest.approx(
            sum(each.confidence for each in contracts)
        )
        assert shown("waypost_bundle_info", index_version=server.index_version) == 2
        assert shown("waypost_routes") == len(client.routes().routes)  # one figure, not the sum
        for probe in ("livez", "readyz", "startupz"):
            assert server.http(f"/{probe}") == (
                200,
                '{"passes": true, "processes": {"starting": 0, "serving": 2, "draining": 0}}\n',
            )
        # A dead one takes no count with it, and its successor counts on.
        dead = int(
            next(
                pid.name
                for pid in Path("/proc").iterdir()
                if pid.name.isdigit() and _parent(pid) == server.process.pid
            )
        )
        os.kill(dead, signal.SIGKILL)
        assert counted() == len(contracts)
        until(lambda: "answers in its place" in server.log_text())
        until(lambda: scrape(server)("waypost_serving") == 2)
        before = counted()
        answers = 0
        for text in TEXTS * 10:
            try:
                client.route(text)
                answers += 1
            except UnavailableError:  # a connection that has not yet seen its end
                continue
        until(lambda: counted() == before + answers)


def test_probes_follow_a_servers_life(index_folder: Path) -> None:
    command = [*WAYPOST, "serve", "--index", str(index_folder), "--address", "127.0.0.1:0"]
    with (
        # A database that says nothing: the server waits in the midst of its start.
        socket.create_server(("127.0.0.1", 0)) as silent,
        tempfile.TemporaryFile("w+", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(
                **HTTP,
                WAYPOST_DATABASE=f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/none",
                WAYPOST_START_WITHOUT_DATABASE="true",
            ),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
        ended(process),
    ):
        server = ServerProcess("", "", process, log)

        def listens() -> bool:
            log.seek(0)
            return "http on" in log.read()

        until(listens)
        assert [server.http(f"/{probe}")[0] for probe in ("livez", "readyz", "startupz")] == [
            *(200, 503, 503)
        ]
        silent.close()
        assert process.stdout
        address = process.stdout.readline().split()[3]
        assert [server.http(f"/{probe}")[0] for probe in ("livez", "readyz", "startupz")] == [
            *(200, 200, 200)
        ]
        with Client(address, timeout_s=60) as client:
            client.route("a first one")
            # A stream that is not ended keeps the draining server.
            with grpc.insecure_channel(address) as channel:
                held = _hold(channel)
                server.terminate()
                until(lambda: server.http("/readyz")[0] == 503)
                assert server.http("/livez")[0] == 200
                assert server.http("/startupz")[0] == 200
                assert '"draining": 1' in server.http("/readyz")[1]
                held.cancel()
        assert server.exit_code() == 0
        with pytest.raises(OSError, match="refused"):
            server.http("/livez")
        log.seek(0)
        assert "Traceback" not in log.read()


def test_the_port_of_two_processes_is_refused_to_another_server(index_folder: Path) -> None:
    with running(index_folder, **HTTP, WAYPOST_PROCESSES="2") as server:
        address = http_address(server.log)
        arguments = ("serve", "--index", str(index_folder), "--address", "127.0.0.1:0")
        refused = waypost(*arguments, WAYPOST_HTTP_ADDRESS=address)
        assert (refused.returncode, refused.stdout, refused.stderr) == (
            *(1, ""),
            f"waypost: WAYPOST_HTTP_ADDRESS is '{address}': cannot listen there; is the port "
            "taken? Name another with WAYPOST_HTTP_ADDRESS\n",
        )


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _hold(channel: grpc.Channel) -> Any:  # noqa: ANN401  (gRPC's own types differ)
    """A stream that has had an answer and is not ended."""
    never = threading.Event()

    def requests() -> Iterator[router_pb2.StreamQueriesRequest]:
        query = router_pb2.RouteQueryRequest(text=TEXTS[0], request_id="1")
        yield router_pb2.StreamQueriesRequest(query=query)
        never.wait(PATIENCE_SECONDS)

    stream: Any = router_pb2_grpc.RouterServiceStub(channel).StreamQueries(requests())
    assert next(stream).request_id == "1"
    stream.add_callback(never.set)
    return stream
