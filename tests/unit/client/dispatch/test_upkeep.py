"""What a dispatcher does beside the queries: reports, warm-up, its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.llm_server import Answer, Fails, Hangs, LlmServer, SlowFirstToken
from tests.scripted_router import model, scripted_router, specialist
from tests.unit.client.dispatch.worlds import at, world
from waypost.v1 import contract_pb2
from waypost_client import AsyncClient
from waypost_client.dispatch import (
    BrokenStreamError,
    Dispatcher,
    ModelRequest,
    NoAnswerError,
    Reply,
    SyncDispatcher,
    Usage,
)


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


async def test_for_threads_too_it_begins_before_the_first_query(llm: LlmServer) -> None:
    specialists = {"rare": specialist([at(llm, "idle", warm_up_after_ms=50)])}
    async with scripted_router(specialists) as router:
        dispatcher = await asyncio.to_thread(SyncDispatcher, router.address)
        await llm.until(lambda: bool(llm.calls_of("idle")))
        await asyncio.to_thread(dispatcher.close)
        assert not router.asked


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


async def test_what_protobuf_cannot_carry_ends_no_reporting(llm: LlmServer) -> None:
    def odd(request: ModelRequest) -> Reply:
        return Reply(text="ok", usage=Usage(input_tokens=-1, output_tokens=2**40))

    async with world(llm, [model("odd")], callables={"odd": odd}) as w:
        for _ in range(9):
            await w.dispatcher.answer("hi")
        reports = await w.reports(9)
    assert reports[0].attempts[0].output_tokens == 2**32 - 1
    assert w.dispatcher.counts.reports_dropped == 0


async def test_closing_with_a_query_under_way_loses_no_report_unsaid(llm: LlmServer) -> None:
    llm.always("m", SlowFirstToken(0.5))
    async with world(llm, [at(llm, "m")]) as w:
        await w.dispatcher.answer("hi")
        asking = asyncio.create_task(w.dispatcher.answer("hi"))
        await llm.until(lambda: len(llm.calls) == 2)
        await w.dispatcher.close()
        await asyncio.gather(asking, return_exceptions=True)
        counts = w.dispatcher.counts
    assert counts.reports_sent + counts.reports_dropped == 2


async def test_a_retry_that_is_not_made_is_neither_counted_nor_paid_for(llm: LlmServer) -> None:
    llm.always("m", Fails(500))
    async with world(llm, [at(llm, "m", breaker={"failures": 1000})]) as w:
        for _ in range(30):
            with pytest.raises(NoAnswerError):
                await w.dispatcher.answer("hi")
        assert w.dispatcher.counts.retries == 0
        w.router.specialists["code"].ref.models[0].retries = 1
        with pytest.raises(NoAnswerError):
            await w.dispatcher.answer("hi")
        assert w.dispatcher.counts.retries == 1


async def endless(request: ModelRequest) -> AsyncIterator[str]:
    """More than a reader may be behind."""
    for _ in range(200):
        yield "word "


async def test_a_slow_reader_says_nothing_of_the_model(llm: LlmServer) -> None:
    spec = specialist(
        [model("m", breaker={"failures": 1})], timeouts=contract_pb2.Timeouts(call_ms=600)
    )
    async with world(llm, {"code": spec}, callables={"m": endless}) as w:
        async with w.dispatcher.stream("hi") as pieces:
            await anext(pieces)
            await asyncio.sleep(0.9)
            with contextlib.suppress(BrokenStreamError):
                [_ async for _ in pieces]
        async with w.dispatcher.stream("hi", timeout_s=0.8) as pieces:
            await anext(pieces)
            await asyncio.sleep(1.0)
        reports = await w.reports(2)
        assert (await w.dispatcher.answer("again")).text
    kinds = [attempt.error_kind for report in reports for attempt in report.attempts]
    assert kinds[:2] == ["cancelled", "cancelled"]


async def test_a_client_without_the_key_silences_no_model_for_others(llm: LlmServer) -> None:
    keyless = at(llm, "keyed", api_key_env="THE_UNSET_API_KEY")
    async with world(llm, [keyless, at(llm, "b")]) as w:
        for _ in range(6):
            await w.dispatcher.answer("hi")
        reports = await w.reports(6)
    assert not any(attempt.breaker_open for report in reports for attempt in report.attempts)


async def test_a_bug_of_a_function_silences_no_model_for_others(llm: LlmServer) -> None:
    def bug(request: ModelRequest) -> str:
        raise ZeroDivisionError

    async with world(llm, [model("m"), at(llm, "b")], callables={"m": bug}) as w:
        for _ in range(6):
            await w.dispatcher.answer("hi")
        reports = await w.reports(6)
    assert not any(attempt.breaker_open for report in reports for attempt in report.attempts)
