"""A router of a stranger: what it says ends in an error of ours, soon, and costs little."""

import math
from collections.abc import Mapping
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from tests.llm_server import Answer, LlmServer
from tests.scripted_router import Step, model, specialist
from tests.unit.client.dispatch.worlds import at, told, world
from waypost.v1 import contract_pb2, router_pb2
from waypost_client import Contract, InternalError
from waypost_client._convert import contract_of, result_of, specialist_of
from waypost_client._convert_specialist import MAX_CACHED, _specialist_ref, specialist_ref_of
from waypost_client._errors import OverloadedError, error_of
from waypost_client.dispatch import NoAnswerError
from waypost_client.dispatch._plan import MAX_PLAN_CALLS
from waypost_client.dispatch._providers._endpoint import MAX_URL

QUERY = "all at once"
KEY = "what-only-its-own-endpoint-may-see"


def struct(value: float) -> Struct:
    made = Struct()
    made.update({"deep": {"list": [value]}})
    return made


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_know_is_the_routers_error(value: float) -> None:
    contracts = (
        contract_pb2.HandoffContract(extracted_params=struct(value)),
        contract_pb2.HandoffContract(plan=[contract_pb2.PlanStep(extracted_params=struct(value))]),
    )
    for message in contracts:
        with pytest.raises(InternalError, match="not finite"):
            contract_of(message)
        assert isinstance(result_of(router_pb2.RouteResult(contract=message)), InternalError)
    with pytest.raises(InternalError, match="not finite"):
        specialist_of(
            router_pb2.GetSpecialistResponse(params_schema=struct(value)), known_prompt_sha256=""
        )


@pytest.mark.parametrize("value", [1e308, -0.5, 3])
def test_any_other_number_is_read(value: float) -> None:
    contract = contract_of(contract_pb2.HandoffContract(extracted_params=struct(value)))
    assert contract.extracted_params == {"deep": {"list": [value]}}


@pytest.mark.parametrize("said", ["9" * 11, "9" * 400, "9" * 5_000, "-1", "1e3", ""])
def test_a_wait_of_any_length_is_no_error_of_its_own(said: str) -> None:
    error = error_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", [("retry-after-ms", said)])
    assert isinstance(error, OverloadedError)
    assert error.retry_after_s is None


def test_large_specialists_are_read_and_not_remembered() -> None:
    models = [contract_pb2.Model(name=f"m{i}") for i in range(MAX_CACHED // 4)]
    large = contract_pb2.SpecialistRef(models=models)
    before = _specialist_ref.cache_info().currsize
    assert len(specialist_ref_of(large).models) == len(models)
    assert _specialist_ref.cache_info().currsize == before
    small = contract_pb2.SpecialistRef(models=models[:1])
    assert specialist_ref_of(small) is specialist_ref_of(small)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:1",
        "unix:///run/x",
        "//127.0.0.1/",
        "127.0.0.1:80",
        "http://",
        "http://[bad",
        "http://\u2100.com",
        "http://a\r\nX-Injected: 1/",
        "http://127.0.0.1:99999999/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1/\x00",
        "http://" + "a" * MAX_URL,
    ],
)
async def test_an_address_that_is_none_costs_no_call(
    llm: LlmServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SOME_API_KEY", KEY)
    bad = model("bad", base_url=url, api_key_env="SOME_API_KEY")
    llm.always("good", Answer("fine"))
    async with world(llm, [bad, at(llm, "good")]) as w:
        answer = await w.dispatcher.answer("hi")
    assert answer.text == "fine"
    first, _ = answer.attempts
    assert (str(first.error), first.was_made) == ("bad_request", False)
    assert "base_url is no address" in first.why
    assert len(first.why) < 200
    assert KEY not in str(answer.attempts)


@pytest.mark.parametrize("field", ["temperature", "top_p"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1e308])
async def test_sampling_that_is_no_number_ends_in_an_answer_or_an_error_of_ours(
    llm: LlmServer, field: str, value: float
) -> None:
    sampling: Mapping[str, Any] = {field: value}
    llm.always("m", Answer("fine"))
    ref = specialist([at(llm, "m")], sampling=contract_pb2.Sampling(**sampling))
    async with world(llm, {"code": ref}) as w:
        if math.isfinite(value):
            assert (await w.dispatcher.answer("hi")).text == "fine"
        else:
            with pytest.raises(NoAnswerError, match="m: malformed"):
                await w.dispatcher.answer("hi")


@pytest.mark.parametrize("price", [math.nan, math.inf, -1.0])
async def test_prices_of_any_kind_are_reported_as_none_below_zero(
    llm: LlmServer, price: float
) -> None:
    llm.always("m", Answer("fine"))
    priced = at(llm, "m", usd_per_mtok_in=price, usd_per_mtok_out=price)
    async with world(llm, [priced]) as w:
        assert (await w.dispatcher.answer("hi")).text == "fine"
        [report] = await w.reports(1)
    assert report.attempts[0].cost_usd >= 0


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_plan_of_any_length_makes_few_calls(llm: LlmServer, streamed: bool) -> None:
    steps = [Step("code", "part")] * (MAX_PLAN_CALLS + 1)
    llm.always("m", Answer("fine"))
    for count in (MAX_PLAN_CALLS + 1, 10_000):
        plans = {QUERY: (steps * count)[:count]}
        async with world(llm, [at(llm, "m")], router={"plans": plans}) as w:
            with pytest.raises(NoAnswerError, match=rf"{count} steps, at most 12 are run"):
                await told(w, QUERY, streamed=streamed)
            await w.reports(1)
    assert not llm.calls


async def test_steps_that_wait_for_themselves_or_each_other_are_asked(llm: LlmServer) -> None:
    llm.always("m", Answer("fine"))
    steps = [
        Step("code", "a", (1, 2, 0, 4_000_000_000)),
        Step("code", "b", (2, 3, *[1] * 100_000)),
        Step("code", "c", (1, 2)),
    ]
    async with world(llm, [at(llm, "m")], router={"plans": {QUERY: steps}}) as w:
        answer = await told(w, QUERY, streamed=False)
    assert [step.text for step in answer.steps] == ["fine"] * 3
    longest = max(len(str(call.body)) for call in llm.calls)
    assert longest < 5_000
    assert isinstance(answer.contract, Contract)
