"""A router of a stranger: what it says ends in an error of ours, soon, and costs little."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from tests.llm_server import Answer, LlmServer
from tests.scripted_router import Step, model, scripted_router, specialist
from tests.unit.client.dispatch.calls import a_model
from tests.unit.client.dispatch.worlds import at, told, world
from waypost.v1 import contract_pb2, router_pb2
from waypost_client import AsyncClient, Contract, InternalError
from waypost_client._convert import contract_of, result_of, specialist_of
from waypost_client._convert_specialist import MAX_CACHED, _specialist_ref, specialist_ref_of
from waypost_client._errors import OverloadedError, error_of
from waypost_client.dispatch import NoAnswerError
from waypost_client.dispatch._breaker import FAILURES
from waypost_client.dispatch._calls import MODELS, ModelCaller
from waypost_client.dispatch._counts import ROUTES, Counts
from waypost_client.dispatch._plan import MAX_PLAN_CALLS
from waypost_client.dispatch._providers._endpoint import MAX_URL
from waypost_client.dispatch._providers._openai import OpenAIProvider
from waypost_client.dispatch._providers._prices import _is_listed, cost_usd
from waypost_client.dispatch._providers._provider import Usage
from waypost_client.dispatch._providers._registry import Providers
from waypost_client.dispatch._providers._sdk import CLIENTS
from waypost_client.dispatch._shadow._shadows import ELSEWHERE
from waypost_client.dispatch._specialists import KEPT_CHARACTERS, Specialists

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
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_sampling_that_is_no_number_is_the_routers_error_and_no_models(
    llm: LlmServer, field: str, value: float
) -> None:
    sampling: Mapping[str, Any] = {field: value}
    ref = specialist([at(llm, "m")], sampling=contract_pb2.Sampling(**sampling))
    async with world(llm, {"code": ref, "general": specialist([at(llm, "m")])}) as w:
        for _ in range(FAILURES):
            with pytest.raises(InternalError, match="not finite"):
                await w.dispatcher.answer("hi")
        assert (await w.dispatcher.answer("general: hi")).model == "m"


@pytest.mark.parametrize("field", ["temperature", "top_p"])
async def test_any_other_sampling_is_the_models_to_refuse(llm: LlmServer, field: str) -> None:
    sampling: Mapping[str, Any] = {field: -1e308}
    ref = specialist([at(llm, "m")], sampling=contract_pb2.Sampling(**sampling))
    async with world(llm, {"code": ref}) as w:
        await w.dispatcher.answer("hi")
    assert llm.calls[0].body[field] == -1e308


async def test_a_router_that_names_ever_new_models_and_routes_fills_no_table(
    llm: LlmServer,
) -> None:
    clock = asyncio.get_running_loop().time
    caller = ModelCaller(Providers({}), Counts(), clock=clock)
    known = a_model(name="known")
    breaker = caller.breaker(known)
    for i in range(MODELS - 1):
        caller.breaker(a_model(name=f"m{i}"))
    assert caller.breaker(known) is breaker
    caller.breaker(a_model(name="one more"))
    caller.breaker(a_model(name="x" * 1_000_000))
    assert len(caller._breakers) == MODELS
    provider = OpenAIProvider()
    for i in range(CLIENTS + 1):
        provider._client(a_model(f"http://127.0.0.1:1/{i}"))
    assert len(provider._clients) == CLIENTS
    await provider.close()
    counts = Counts()
    for i in range(ROUTES + 10):
        counts.rejected(f"r{i}")
    counts.rejected("r0")
    assert (counts.rejections["r0"], counts.rejections[""]) == (2, 10)


async def test_the_prompts_of_a_router_fill_no_memory() -> None:
    large = "x" * (3 << 20)
    most = KEPT_CHARACTERS // len(large)
    refs = {f"r{i}": replace(specialist(), prompt=f"{i}{large}") for i in range(most + 2)}
    async with scripted_router(refs) as router, AsyncClient(router.address) as client:
        specialists = Specialists(client)
        for route in (*refs, "r1"):
            assert (await specialists.specialist(route)).prompt == refs[route].prompt
    assert len(specialists._prompts) == most
    assert specialists._characters == sum(map(len, specialists._prompts.values()))


async def test_a_router_that_names_ever_new_routers_for_candidates_opens_few_connections(
    llm: LlmServer, log: Path
) -> None:
    async with scripted_router({}) as other:
        port = other.address.partition(":")[2]
        known = {f"127.0.0.{i}:{port}": None for i in range(1, ELSEWHERE + 1)}
        ref = specialist([at(llm, "m")])
        async with world(llm, {"code": ref}, shadow_log=log) as w:
            for address in known:
                w.dispatcher._shadows._elsewhere_at(address)
            shadow = {"name": "new", "share": 1, "router_address": f"127.0.1.1:{port}"}
            ref.ref.shadows.add(**shadow)
            await w.dispatcher.answer("hi")
            assert w.dispatcher._shadows._elsewhere.keys() == known.keys()
            assert w.dispatcher.counts.shadows_dropped == 1


def test_a_model_with_a_name_of_megabytes_is_not_looked_up_in_the_prices() -> None:
    before = _is_listed.cache_info().currsize
    long = a_model("https://api.openai.com/v1", name="x" * 1_000_000)
    assert cost_usd(long, Usage(input_tokens=1, output_tokens=1)) == 0
    assert _is_listed.cache_info().currsize == before


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
