"""RouteQueries: as many lone queries as there are items, in one call."""

import grpc
import pytest

from tests.e2e.test_route_query import QUERIES, without_circumstances
from waypost.v1 import router_pb2
from waypost_client import Client, Contract, InvalidRequestError


def test_a_batch_answers_in_order_what_lone_calls_answer(client: Client) -> None:
    texts = [*QUERIES, *reversed(QUERIES)]
    results = client.route_many(texts)
    assert all(isinstance(result, Contract) for result in results)
    assert [without_circumstances(r) for r in results if isinstance(r, Contract)] == [
        without_circumstances(client.route(text)) for text in texts
    ]


def test_bad_items_fail_alone_and_in_their_places(client: Client) -> None:
    results = client.route_many(["why is it slow", " ", "review this", "x" * 40_000])
    assert [type(r) for r in results] == [
        Contract,
        InvalidRequestError,
        Contract,
        InvalidRequestError,
    ]
    assert "blank" in str(results[1])
    assert "limit is 32,768" in str(results[3])


def test_an_items_error_is_the_one_that_a_lone_call_ends_with(client: Client) -> None:
    bad = router_pb2.RouteQueryRequest(text="a", allowed_routes=["poetry"])
    response = client.router.RouteQueries(router_pb2.RouteQueriesRequest(queries=[bad]))
    with pytest.raises(grpc.RpcError) as caught:
        client.router.RouteQuery(bad)
    error = response.results[0].error
    assert (error.code, error.message) == (
        caught.value.code().value[0],
        caught.value.details(),
    )


def test_256_queries_are_taken(client: Client) -> None:
    results = client.route_many([f"what does error {i} mean" for i in range(256)])
    ids = {result.decision_id for result in results if isinstance(result, Contract)}
    assert len(ids) == 256


@pytest.mark.parametrize("count", [0, 257])
def test_other_numbers_of_queries_are_refused_with_the_limit(client: Client, count: int) -> None:
    with pytest.raises(InvalidRequestError, match=rf"queries has {count} items; send 1 to 256"):
        client.route_many(["why"] * count)
