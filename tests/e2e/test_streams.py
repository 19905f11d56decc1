"""StreamQueries, by the generated stub."""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from waypost.v1 import contract_pb2, router_pb2
from waypost_client import Client

TEXTS = [f"why does test number {i} hang on the build server" for i in range(100)]


def asked(texts: list[str]) -> Iterator[router_pb2.StreamQueriesRequest]:
    for i, text in enumerate(texts):
        query = router_pb2.RouteQueryRequest(text=text, request_id=f"id {i}")
        yield router_pb2.StreamQueriesRequest(query=query)


def test_every_query_of_a_stream_is_answered_once_and_as_alone(client: Client) -> None:
    answers = list(client.router.StreamQueries(asked(TEXTS), timeout=60))
    by_id = {answer.request_id: answer.result.contract for answer in answers}
    assert len(answers) == len(by_id) == len(TEXTS)
    for i in range(0, len(TEXTS), 10):
        alone = client.route(TEXTS[i])
        assert by_id[f"id {i}"].route == alone.route
        assert by_id[f"id {i}"].confidence == pytest.approx(alone.confidence, abs=1e-6)


def test_a_bad_query_fails_alone(client: Client) -> None:
    requests = [*asked(["why does it hang", " ", "is this diff all right"])]
    requests.append(router_pb2.StreamQueriesRequest())
    answers = list(client.router.StreamQueries(iter(requests), timeout=20))
    results = {answer.request_id: answer.result for answer in answers}
    assert results["id 0"].contract.outcome != contract_pb2.OUTCOME_UNSPECIFIED
    assert results["id 2"].contract.outcome != contract_pb2.OUTCOME_UNSPECIFIED
    invalid = grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert (results["id 1"].error.code, results[""].error.code) == (invalid, invalid)
    assert "text is empty" in results["id 1"].error.message
    assert "request_id is empty" in results[""].error.message


def test_an_answer_comes_while_the_stream_is_open(client: Client) -> None:
    answered = threading.Event()

    def the_second_waits_for_the_first() -> Iterator[router_pb2.StreamQueriesRequest]:
        first, second = asked(TEXTS[:2])
        yield first
        assert answered.wait(20)
        yield second

    call = iter(client.router.StreamQueries(the_second_waits_for_the_first(), timeout=30))
    assert next(call).request_id == "id 0"
    answered.set()
    assert [answer.request_id for answer in call] == ["id 1"]


def test_bytes_that_are_no_message_end_the_stream_with_the_callers_fault(
    channel: grpc.Channel,
) -> None:
    call: Any = channel.stream_stream("/waypost.v1.RouterService/StreamQueries")
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([b"\xff\xff"]), timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a valid message" in str(caught.value.details())
