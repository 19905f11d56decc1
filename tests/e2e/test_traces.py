"""One trace from a caller through the router to the model, at a real collector."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import grpc
import pytest

from tests.collector import Collector, Seen, collecting
from tests.e2e.dispatching import DEFAULT, QUERIES, build, routes_folder
from tests.e2e.processes import ROOT, ServerProcess, environment, running_server, waypost
from tests.llm_server import Answer, Fails, LlmServer, refused_url
from waypost.v1 import router_pb2, router_pb2_grpc
from waypost_client import Client

MODELS = {"first": "retries: 0", "second": "retries: 0"}
SPECIALISTS = dict.fromkeys((*QUERIES, DEFAULT), "{models: [first, second]}")
SECRET = "4711-confidential"  # noqa: S105  (a mark that must not turn up anywhere)
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
"""Spans are sent every 0.1 s rather than 5."""

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def llm() -> Iterator[LlmServer]:
    with LlmServer() as models:
        yield models


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def index(llm: LlmServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traces")
    build(
        routes_folder(folder / "routes", llm, models=MODELS, specialists=SPECIALISTS),
        folder / "index",
    )
    return folder / "index"


@pytest.fixture(scope="module")
def router(index: Path, collector: Collector) -> Iterator[ServerProcess]:
    """One that begins no trace by itself."""
    with running_server(
        index, WAYPOST_OTLP_ENDPOINT=collector.url, WAYPOST_TRACE_SAMPLE="0", **SOON
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh(llm: LlmServer, collector: Collector) -> None:
    for name in MODELS:
        llm.always(name, Answer(f"{name} {SECRET}"))
    llm.calls.clear()
    collector.spans.clear()


def ask(router: ServerProcess, collector: Collector, streamed: str) -> dict[str, Seen]:
    """One query by a caller that traces; the spans by name."""
    query = f"{QUERIES['billing']} {SECRET}"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.e2e.traced_caller"),
            *(router.address, collector.url, query, streamed),
        ],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"second {SECRET}"
    collector.until("decide a query")
    return {span.name: span for span in collector.spans}


@pytest.mark.parametrize("streamed", ["whole", "stream"])
def test_one_trace_leads_from_the_caller_through_the_router_to_the_model(
    router: ServerProcess, collector: Collector, llm: LlmServer, streamed: str
) -> None:
    llm.always("first", Fails(500))
    spans = ask(router, collector, streamed)
    rpc = "waypost.v1.RouterService/RouteQuery"
    parents = {
        "answer a query": "caller",
        rpc: "answer a query",
        "decide a query": rpc,
        "queue": "decide a query",
        "decide": "decide a query",
        "chat first": "answer a query",
        "chat second": "answer a query",
    }
    for child, parent in parents.items():
        assert spans[child].parent == spans[parent].id, child
        assert spans[child].trace == spans["caller"].trace
    assert spans["caller"].parent == ""
    assert {spans[name].service for name in (rpc, "decide a query", "queue")} == {"waypost"}
    assert {spans[name].kind for name in ("chat first", "chat second")} == {3}  # CLIENT
    assert spans[rpc].kind == 2  # SERVER
    # What the specialist's endpoint was told: the span of that very call.
    for call, name in zip(llm.calls, ("chat first", "chat second"), strict=True):
        assert call.headers["traceparent"][:53] == f"00-{spans[name].trace}-{spans[name].id}-"
    assert spans["chat first"].is_error
    assert spans["chat first"].attributes["error.type"] == "server_error"
    assert not spans["chat second"].is_error
    assert spans["chat second"].attributes["gen_ai.usage.input_tokens"] == 10
    decided = spans["decide a query"].attributes
    assert decided["waypost.route"] == "billing"
    assert (
        decided["waypost.decision_id"] == spans["answer a query"].attributes["waypost.decision_id"]
    )
    assert decided["waypost.index_version"] == router.index_version
    assert decided["waypost.outcome"] == "MATCHED"
    assert spans[rpc].attributes["rpc.response.status_code"] == "OK"
    assert not [span for span in collector.spans if SECRET in span.text or "refund" in span.text]


def test_steps_follow_each_other_within_the_decision(
    router: ServerProcess, collector: Collector
) -> None:
    with grpc.insecure_channel(router.address) as channel:
        stub = router_pb2_grpc.RouterServiceStub(channel)
        sampled = (("traceparent", f"00-{TRACE}-{SPAN}-01"),)
        request = router_pb2.RouteQueryRequest(text="is there a good soup today, by any chance")
        timings = stub.RouteQuery(request, metadata=sampled, timeout=20).contract.timings
    (whole,) = collector.until("decide a query")
    took = {name: getattr(timings, f"{name}_us") for name in ("queue", "encode", "search")}
    steps = [collector.until(name)[0] for name in (*(n for n, us in took.items() if us), "decide")]
    assert steps[0].began == whole.began
    for before, after in pairwise(steps):
        assert before.ended == after.began
    assert steps[-1].ended == whole.ended
    assert (whole.ended - whole.began) // 1000 == timings.total_us
    for step in steps:
        assert (step.ended - step.began) // 1000 == getattr(timings, f"{step.name}_us")


def test_a_callers_word_on_sampling_is_respected(
    router: ServerProcess, collector: Collector
) -> None:
    with grpc.insecure_channel(router.address) as channel:
        stub = router_pb2_grpc.RouterServiceStub(channel)
        for flags in ("00", "01"):
            stub.RouteQuery(
                router_pb2.RouteQueryRequest(text="soup"),
                metadata=(("traceparent", f"00-{TRACE}-{SPAN}-{flags}"), ("tracestate", "a=b")),
                timeout=20,
            )
        for wrong in ("00-zz", "", f"00-{'0' * 32}-{SPAN}-01"):
            stub.RouteQuery(
                router_pb2.RouteQueryRequest(text="soup"),
                metadata=(("traceparent", wrong),),
                timeout=20,
            )
    (span,) = collector.until("waypost.v1.RouterService/RouteQuery")
    assert (span.trace, span.parent) == (TRACE, SPAN)


def test_each_query_of_a_batch_and_a_failed_call_are_told_apart(
    router: ServerProcess, collector: Collector
) -> None:
    sampled = (("traceparent", f"00-{TRACE}-{SPAN}-01"),)
    with grpc.insecure_channel(router.address) as channel:
        stub = router_pb2_grpc.RouterServiceStub(channel)
        queries = [router_pb2.RouteQueryRequest(text=text) for text in QUERIES.values()]
        stub.RouteQueries(
            router_pb2.RouteQueriesRequest(queries=queries), metadata=sampled, timeout=20
        )
        with pytest.raises(grpc.RpcError):
            stub.RouteQuery(router_pb2.RouteQueryRequest(), metadata=sampled, timeout=20)
    decisions = collector.until("decide a query", len(QUERIES))
    (batch,) = collector.until("waypost.v1.RouterService/RouteQueries")
    assert {span.parent for span in decisions} == {batch.id}
    assert {span.attributes["waypost.route"] for span in decisions} == set(QUERIES)
    (failed,) = collector.until("waypost.v1.RouterService/RouteQuery")
    assert failed.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert not failed.is_error  # the caller's mistake is no fault of the server's


def test_the_router_begins_traces_of_its_own_and_sends_the_last_ones_as_it_stops(
    index: Path, collector: Collector
) -> None:
    with running_server(
        index, WAYPOST_OTLP_ENDPOINT=collector.url, WAYPOST_TRACE_SAMPLE="1"
    ) as server:
        with Client(server.address, timeout_s=20) as client:
            for text in QUERIES.values():
                client.route(text)
        server.terminate()
        assert server.exit_code() == 0
    spans = collector.until("waypost.v1.RouterService/RouteQuery", len(QUERIES))
    assert {span.parent for span in spans} == {""}
    assert len({span.trace for span in spans}) == len(QUERIES)


def test_an_endpoint_that_is_no_url_is_named(index: Path) -> None:
    refused = waypost("serve", "--index", str(index), WAYPOST_OTLP_ENDPOINT="collector:4317")
    assert (refused.returncode, refused.stderr) == (
        1,
        "waypost: WAYPOST_OTLP_ENDPOINT is 'collector:4317': write http://HOST:PORT, or https:// "
        "for TLS\n",
    )


def test_a_collector_that_is_away_holds_up_neither_answers_nor_the_end(index: Path) -> None:
    with (
        refused_url() as away,
        running_server(
            index, WAYPOST_OTLP_ENDPOINT=away, WAYPOST_TRACE_SAMPLE="1", **SOON
        ) as server,
    ):
        with Client(server.address, timeout_s=20) as client:
            for _ in range(20):
                assert client.route(QUERIES["travel"]).route == "travel"
        server.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log_text()
