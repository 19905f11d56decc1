"""What a dispatcher does beside the queries: reports, warm-up, its end."""

import asyncio

import pytest

from tests.llm_server import Answer, Fails, Hangs, LlmServer
from tests.scripted_router import model, scripted_router, specialist
from tests.unit.client.dispatch.worlds import at, world
from waypost_client import AsyncClient
from waypost_client.dispatch import Dispatcher


async def test_every_decision_is_reported_once_even_when_the_router_refuses_some(
    llm: LlmServer,
) -> None:
    async with world(llm, [at(llm, "small")], router={"refuses_reports": 3}) as w:
        await asyncio.gather(*(w.dispatcher.answer("hi") for _ in range(20)))
        await w.reports(20)
        ids = sorted(report.decision_id for report in w.router.reports)
        assert ids == sorted(contract.decision_id for contract in w.router.decided)
        await llm.until(lambda: w.dispatcher.counts.reports_sent == 20)
        assert w.dispatcher.counts.reports_dropped == 0


async def test_closing_sends_what_waits(llm: LlmServer) -> None:
    async with scripted_router({"code": specialist([at(llm, "small")])}) as router:
        async with Dispatcher(router.address) as dispatcher:
            await dispatcher.answer("hi")
        assert len(router.reports) == 1


async def test_a_router_that_is_gone_costs_reports_and_says_how_many(
    llm: LlmServer, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher = None
    async with scripted_router({"code": specialist([at(llm, "small")])}) as router:
        dispatcher = Dispatcher(router.address)
        llm.always("small", Hangs())
        asking = asyncio.create_task(dispatcher.answer("hi"))
        await llm.until(lambda: bool(llm.calls))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await dispatcher.close()
    assert dispatcher.counts.reports_dropped == 1
    assert dispatcher.counts.reports_sent == 0
    assert "an outcome was not reported" in caplog.text


async def test_a_router_client_of_the_callers_stays_open(llm: LlmServer) -> None:
    async with (
        scripted_router({"code": specialist([at(llm, "small")])}) as router,
        AsyncClient(router.address) as client,
    ):
        async with Dispatcher(client) as dispatcher:
            await dispatcher.answer("hi")
        assert (await client.route("hi")).route == "code"


async def test_an_idle_model_is_kept_warm_and_a_busy_one_is_not(llm: LlmServer) -> None:
    idle = at(llm, "idle", warm_up_after_ms=150)
    busy = at(llm, "busy", warm_up_after_ms=60_000)
    specialists = {
        "code": specialist([busy]),
        "rare": specialist([idle]),
        "never": specialist([at(llm, "never")]),
    }
    async with world(llm, specialists) as w:
        await w.dispatcher.answer("code: hi")
        await llm.until(lambda: len(llm.calls_of("idle")) >= 2)
        assert w.dispatcher.counts.warm_ups >= 1
        first, second = llm.calls_of("idle")[:2]
        assert second.began_at - first.began_at >= 0.15
        assert first.body["max_tokens"] == 1
    assert len(llm.calls_of("busy")) == 1
    assert not llm.calls_of("never")
    assert not [report for report in w.router.reports if report.attempts[0].model == "idle"]


async def test_a_model_that_cannot_be_warmed_is_left_to_its_breaker(llm: LlmServer) -> None:
    llm.always("idle", Fails(500))
    cold = at(llm, "idle", warm_up_after_ms=20, breaker={"failures": 3, "open_ms": 60_000})
    async with world(llm, {"code": specialist([at(llm, "busy")]), "rare": specialist([cold])}) as w:
        await w.dispatcher.answer("code: hi")
        await llm.until(lambda: len(llm.calls_of("idle")) == 3)
        await asyncio.sleep(0.2)
    assert len(llm.calls_of("idle")) == 3


async def test_another_endpoint_under_the_same_name_has_a_new_breaker(llm: LlmServer) -> None:
    llm.always("dead", Fails(500))
    llm.always("moved", Answer("here I am"))
    spec = specialist([at(llm, "dead", breaker={"failures": 1}), at(llm, "second")])
    async with world(llm, {"code": spec}) as w:
        await w.dispatcher.answer("hi")
        assert (await w.dispatcher.answer("hi")).attempts[0].error == "breaker_open"
        spec.ref.models[0].model_id = "moved"
        assert (await w.dispatcher.answer("hi")).text == "here I am"


async def test_counts_say_what_happened(llm: LlmServer) -> None:
    llm.script("small", Fails(500), Answer("ok"))
    async with world(llm, [at(llm, "small", retries=1), model("alien", provider="x")]) as w:
        await w.dispatcher.answer("hi")
        counts = w.dispatcher.counts
        assert (counts.queries, counts.answers, counts.retries) == (1, 1, 1)
        llm.always("small", Fails(400))
        with pytest.raises(Exception, match="no model answered"):
            await w.dispatcher.answer("hi")
    assert counts.failures == {"NoAnswerError": 1}


async def test_a_stream_that_is_left_keeps_nobody_waiting(llm: LlmServer) -> None:
    llm.always("small", Hangs(after=1))
    async with world(llm, [at(llm, "small")]) as w:
        async with w.dispatcher.stream("hi") as pieces:
            assert await anext(pieces) == "one "
            waiting = asyncio.create_task(anext(pieces, None))
            await asyncio.sleep(0)
        assert await asyncio.wait_for(waiting, 5) is None
        await llm.until(lambda: llm.calls[0].hung_up)
