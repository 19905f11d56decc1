"""What an endpoint says of tokens, held to what the contract carries."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm_server import Answer, LlmServer, Raw
from tests.unit.client.dispatch.calls import reply_of
from tests.unit.client.dispatch.conftest import Protocol
from waypost.v1 import router_pb2 as pb
from waypost_client.dispatch._providers._provider import Usage
from waypost_client.dispatch._providers._usage import usage_of

MOST = 2**32 - 1
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@pytest.mark.parametrize(
    ("said", "counted"),
    [(7, 7), (-1, 0), (12.5, 12), (2**40, MOST), (1e300, MOST), (10**400, MOST), (-(10**400), 0)],
    ids=range(7),
)
def test_a_number_is_held_to_32_bits(said: object, counted: int) -> None:
    assert usage_of(said, said, said) == Usage(
        input_tokens=counted, output_tokens=counted, cached_input_tokens=counted
    )


@pytest.mark.parametrize("said", ["12", True, float("nan"), float("inf"), [], {}])
def test_what_is_no_number_is_no_usage(said: object) -> None:
    assert usage_of(said, 1, 0) is None
    assert usage_of(1, said, 0) is None
    assert usage_of(2, 1, said) == Usage(input_tokens=2, output_tokens=1)


def test_what_is_not_said_is_none_and_nothing_said_is_no_usage() -> None:
    assert usage_of(None, 3, None) == Usage(input_tokens=0, output_tokens=3)
    assert usage_of(None, None, 4) is None


def test_no_more_is_cached_than_was_read() -> None:
    assert usage_of(2, 1, 5) == Usage(input_tokens=2, output_tokens=1, cached_input_tokens=2)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_the_contract_carries_every_usage(read: object, written: object, cached: object) -> None:
    usage = usage_of(read, written, cached)
    if usage is not None:
        pb.ModelAttempt(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )
        assert 0 <= usage.cached_input_tokens <= usage.input_tokens


@pytest.mark.parametrize(("said", "counted"), [(-1, 0), (2**40, MOST)])
async def test_odd_counts_on_the_wire_are_clamped(
    llm: LlmServer, protocol: Protocol, streamed: bool, said: int, counted: int
) -> None:
    llm.script("m", Answer("fine", input_tokens=said, output_tokens=said))
    reply = await reply_of(protocol.provider, protocol.request(), streamed=streamed)
    assert reply.text == "fine"
    assert reply.usage == Usage(input_tokens=counted, output_tokens=counted)


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": "12"}, {"prompt_tokens": []}, 5, "many", {"input_tokens": "12"}]
)
async def test_odd_usage_costs_no_answer(llm: LlmServer, protocol: Protocol, usage: Any) -> None:  # noqa: ANN401
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": "fine"}}
    body: dict[str, Any] = {"usage": usage}
    if protocol.name == "openai":
        body["choices"] = [choice]
    else:
        body |= {"content": [{"type": "text", "text": "fine"}], "stop_reason": "end_turn"}
    llm.script("m", Raw(json.dumps(body).encode()))
    reply = await protocol.provider.complete(protocol.request())
    assert (reply.text, reply.usage) == ("fine", None)
