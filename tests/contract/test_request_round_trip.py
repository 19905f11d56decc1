"""What a caller says to the client is what core hears."""

import pytest

from waypost.v1 import router_pb2
from waypost_client import Conversation, InvalidRequestError
from waypost_client._convert import request_of
from waypost_server.core import query
from waypost_server.service.convert import query_of


def test_every_field_of_a_request_arrives() -> None:
    request = request_of(
        "why is it slow",
        request_id="r-1",
        conversation=Conversation(
            session_id="s-1", previous_route="debugging", recent_user_turns=("It is slow.", "Why?")
        ),
        tenant="acme",
        metadata={"plan": "pro", "region": "eu"},
        allowed_routes=("debugging", "docs_lookup"),
        input_tokens=900,
        max_candidates=7,
        explain=True,
        wait_for_log=True,
    )
    set_fields = {field.name for field, _ in request.ListFields()}
    assert set_fields == {f.name for f in router_pb2.RouteQueryRequest.DESCRIPTOR.fields}
    arrived = router_pb2.RouteQueryRequest.FromString(request.SerializeToString())
    assert query_of(arrived) == query.Query(
        text="why is it slow",
        request_id="r-1",
        conversation=query.Conversation(
            session_id="s-1", previous_route="debugging", recent_user_turns=("It is slow.", "Why?")
        ),
        tenant="acme",
        metadata={"plan": "pro", "region": "eu"},
        allowed_routes=frozenset({"debugging", "docs_lookup"}),
        input_tokens=900,
        max_candidates=7,
        explain=True,
        wait_for_log=True,
    )


def test_what_a_caller_leaves_out_is_cores_default() -> None:
    expected = query.Query(text="why", conversation=query.Conversation(recent_user_turns=()))
    assert query_of(request_of("why")) == expected


@pytest.mark.parametrize("field", ["text", "request_id", "tenant"])
def test_a_lone_surrogate_is_an_invalid_request_before_it_is_sent(field: str) -> None:
    fields = {"text": "why"} | {field: "caf\udce9"}
    with pytest.raises(InvalidRequestError, match="lone surrogate at character 3"):
        request_of(**fields)  # type: ignore[arg-type]
