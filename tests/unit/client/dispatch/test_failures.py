"""For each failure: which attempts are made, in which order, and what the caller sees."""

import asyncio
import time

import pytest

from tests.llm_server import (
    Answer,
    Behaviour,
    ContentFilter,
    ContextOverflow,
    Cut,
    CutInTheMiddle,
    Fails,
    Hangs,
    LlmServer,
    MalformedJson,
    RateLimited,
    SlowFirstToken,
    refused_url,
)
from tests.scripted_router import model, specialist
from tests.unit.client.dispatch.worlds import at, told, took, tries, world
from waypost.v1 import contract_pb2, router_pb2
from waypost_client.dispatch import (
    AnswerTooLateError,
    BrokenStreamError,
    Ended,
    FailureKind,
    NoAnswerError,
)

GOOD = Answer("a good answer")
BOTH = pytest.mark.parametrize("streamed", [False, True])
PROTOCOLS = pytest.mark.parametrize("provider", ["openai", "anthropic"])

FAILURES: dict[str, tuple[Behaviour, str, int]] = {
    "rate limited": (RateLimited(30), "rate_limited", 1),
    "rate limited for a moment": (RateLimited("0.05"), "rate_limited", 2),
    "server error": (Fails(500), "server_error", 2),
    "overloaded": (Fails(529, "overloaded_error"), "server_error", 2),
    "cut": (CutInTheMiddle(after=0), "cut", 2),
    "malformed": (MalformedJson(after=0), "malformed", 2),
    "content filter": (ContentFilter(as_error=True), "content_filter", 1),
    "context overflow": (ContextOverflow(), "context_overflow", 1),
    "bad request": (Fails(400, "invalid_request_error"), "bad_request", 1),
    "unauthorised": (Fails(401, "invalid_api_key"), "not_authorised", 1),
    "timeout of the endpoint": (Fails(408, "timeout"), "timeout", 1),
}
"""By what happens: the behaviour, the word for it, and the calls with one retry allowed."""


@BOTH
@PROTOCOLS
@pytest.mark.parametrize("name", FAILURES)
async def test_the_next_model_answers_when_one_fails(
    name: str, provider: str, streamed: bool, llm: LlmServer
) -> None:
    behaviour, word, calls = FAILURES[name]
    llm.always("first", behaviour)
    llm.always("second", GOOD)
    models = [at(llm, "first", provider=provider, retries=1), at(llm, "second", provider=provider)]
    async with world(llm, models) as w:
        answer = await told(w, streamed=streamed)
        [report] = await w.reports(1)
    assert answer.text == GOOD.text
    assert answer.ended is Ended.ANSWERED
    assert tries(answer) == [("first", word)] * calls + [("second", "ok")]
    assert len(llm.calls_of("first")) == calls
    assert report.outcome == router_pb2.SPECIALIST_OUTCOME_ACCEPTED
    assert [(a.model, a.error_kind or "ok") for a in report.attempts] == tries(answer)


@BOTH
async def test_a_passing_failure_is_tried_again_at_the_same_model(
    streamed: bool, llm: LlmServer
) -> None:
    llm.script("only", Fails(500), CutInTheMiddle(after=0), GOOD)
    async with world(llm, [at(llm, "only", retries=2)]) as w:
        answer = await told(w, streamed=streamed)
        assert w.dispatcher.counts.retries == 2
    assert tries(answer) == [("only", "server_error"), ("only", "cut"), ("only", "ok")]
    first, second, third = took(answer, "only")
    # 0.1 s and then 0.2 s, and up to 0.1 s of jitter each.
    assert second.started_s - first.started_s >= 0.1
    assert third.started_s - second.started_s >= 0.1


async def test_a_single_model_is_waited_for_as_long_as_it_asks(llm: LlmServer) -> None:
    llm.script("only", RateLimited(1), GOOD)
    async with world(llm, [at(llm, "only", retries=1)]) as w:
        answer = await w.dispatcher.answer("hi", timeout_s=10)
    first, second = took(answer, "only")
    assert second.started_s - first.started_s >= 1


@BOTH
async def test_nobody_listens(streamed: bool, llm: LlmServer) -> None:
    llm.always("second", GOOD)
    with refused_url() as url:
        dead = model("dead", base_url=url, retries=1)
        async with world(llm, [dead, at(llm, "second")]) as w:
            answer = await told(w, streamed=streamed)
    assert tries(answer) == [("dead", "unreachable")] * 2 + [("second", "ok")]


@BOTH
async def test_a_hang_leaves_the_next_model_its_share_of_the_time(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("hangs", Hangs())
    llm.always("second", GOOD)
    async with world(llm, [at(llm, "hangs", retries=3), at(llm, "second")]) as w:
        answer = await told(w, streamed=streamed, timeout_s=1.0)
        await llm.until(lambda: llm.calls_of("hangs")[0].hung_up)
    assert tries(answer) == [("hangs", "timeout"), ("second", "ok")]
    assert 0.45 <= took(answer, "hangs")[0].latency_s < 0.9


@BOTH
async def test_a_first_token_that_does_not_come_costs_only_its_own_limit(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("slow", SlowFirstToken(20))
    llm.always("second", GOOD)
    ref = specialist(
        [at(llm, "slow"), at(llm, "second")],
        timeouts=contract_pb2.Timeouts(first_token_ms=150, total_ms=20_000),
    )
    async with world(llm, {"code": ref}) as w:
        answer = await told(w, streamed=streamed)
    assert tries(answer) == [("slow", "timeout"), ("second", "ok")]
    assert 0.15 <= took(answer, "slow")[0].latency_s < 1
    assert "no first token within 0.2 s" in took(answer, "slow")[0].why


async def test_a_call_may_have_a_limit_of_its_own(llm: LlmServer) -> None:
    llm.always("slow", SlowFirstToken(20))
    ref = specialist(
        [at(llm, "slow"), at(llm, "second")], timeouts=contract_pb2.Timeouts(call_ms=100)
    )
    async with world(llm, {"code": ref}) as w:
        answer = await w.dispatcher.answer("hi")
    assert tries(answer) == [("slow", "timeout"), ("second", "ok")]
    assert took(answer, "slow")[0].latency_s < 1


@BOTH
async def test_a_deadline_ends_the_call_and_the_query(streamed: bool, llm: LlmServer) -> None:
    llm.always("hangs", Hangs())
    async with world(llm, [at(llm, "hangs")]) as w:
        began = time.monotonic()
        with pytest.raises(AnswerTooLateError) as caught:
            await told(w, streamed=streamed, timeout_s=0.5)
        ended = time.monotonic()
        await llm.until(lambda: llm.calls_of("hangs")[0].hung_up)
        [report] = await w.reports(1)
    assert ended - began < 0.5 + 0.1 + 0.4  # the clock of a busy machine
    assert tries(caught.value) == [("hangs", "timeout")]
    assert report.outcome == router_pb2.SPECIALIST_OUTCOME_FAILED


async def test_a_caller_that_goes_away_takes_the_call_with_it(llm: LlmServer) -> None:
    llm.always("hangs", Hangs())
    async with world(llm, [at(llm, "hangs"), at(llm, "second")]) as w:
        asking = asyncio.create_task(w.dispatcher.answer("hi"))
        await llm.until(lambda: bool(llm.calls_of("hangs")))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await llm.until(lambda: llm.calls_of("hangs")[0].hung_up)
        [report] = await w.reports(1)
    assert [(a.model, a.error_kind) for a in report.attempts] == [("hangs", "cancelled")]
    assert not llm.calls_of("second")


@pytest.mark.parametrize("how", Cut)
async def test_what_has_been_shown_is_not_taken_back(how: Cut, llm: LlmServer) -> None:
    llm.always("cut", CutInTheMiddle("one two three four", after=2, how=how))
    async with world(llm, [at(llm, "cut", retries=3), at(llm, "second")]) as w:
        async with w.dispatcher.stream("hi") as pieces:
            assert [await anext(pieces), await anext(pieces)] == ["one ", "two "]
            with pytest.raises(BrokenStreamError) as caught:
                await anext(pieces)
        [report] = await w.reports(1)
    assert tries(caught.value) == [("cut", "cut")]
    assert report.outcome == router_pb2.SPECIALIST_OUTCOME_FAILED


async def test_the_same_cut_is_another_models_turn_when_nothing_was_shown(llm: LlmServer) -> None:
    llm.always("cut", CutInTheMiddle("one two three four", after=2))
    llm.always("second", GOOD)
    ref = specialist(
        [at(llm, "cut"), at(llm, "second")],
        timeouts=contract_pb2.Timeouts(first_token_ms=5_000),  # streamed, though nobody looks on
    )
    async with world(llm, {"code": ref}) as w:
        answer = await w.dispatcher.answer("hi")
    assert tries(answer) == [("cut", "cut"), ("second", "ok")]


@BOTH
async def test_when_every_model_fails_the_error_says_so_of_each(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("first", Fails(500))
    llm.always("second", ContextOverflow())
    async with world(llm, [at(llm, "first"), at(llm, "second")]) as w:
        with pytest.raises(NoAnswerError) as caught:
            await told(w, streamed=streamed)
        [report] = await w.reports(1)
    assert tries(caught.value) == [("first", "server_error"), ("second", "context_overflow")]
    assert "first: server_error" in str(caught.value)
    assert "second: context_overflow" in str(caught.value)
    assert [c.route for c in caught.value.contracts] == ["code"]
    assert report.outcome == router_pb2.SPECIALIST_OUTCOME_FAILED


@pytest.mark.parametrize(
    ("behaviour", "goes_on"),
    [(RateLimited(5), True), (Fails(500), False), (Fails(400, "bad"), True), (Hangs(), False)],
)
async def test_a_step_with_effects_is_not_made_twice(
    behaviour: Behaviour, goes_on: bool, llm: LlmServer
) -> None:
    llm.always("first", behaviour)
    llm.always("second", GOOD)
    ref = specialist(
        [at(llm, "first", retries=3), at(llm, "second")],
        policy=contract_pb2.DispatchPolicy(not_idempotent=True),
        timeouts=contract_pb2.Timeouts(call_ms=300),
    )
    async with world(llm, {"code": ref}) as w:
        if goes_on:
            assert (await w.dispatcher.answer("hi")).model == "second"
        else:
            with pytest.raises(NoAnswerError):
                await w.dispatcher.answer("hi")
    assert len(llm.calls) == 1 + goes_on


async def test_calls_are_bounded_whatever_the_retries_say(llm: LlmServer) -> None:
    models = [at(llm, f"m{i}", retries=5, breaker={"failures": 100}) for i in range(5)]
    for each in models:
        llm.always(each.name, Fails(500))
    ref = specialist(models, policy=contract_pb2.DispatchPolicy(max_calls=4))
    async with world(llm, {"code": ref}) as w:
        with pytest.raises(NoAnswerError):
            await w.dispatcher.answer("hi")
        assert len(llm.calls) == 4
        llm.calls.clear()
        w.router.specialists["code"].ref.policy.max_calls = 0
        with pytest.raises(NoAnswerError):
            await w.dispatcher.answer("hi")
    assert len(llm.calls) == 6


async def test_a_dead_model_is_left_alone_and_then_tried_once(llm: LlmServer) -> None:
    llm.always("dead", Fails(500))
    llm.always("second", GOOD)
    dead = at(llm, "dead", breaker={"failures": 3, "open_ms": 1500})
    async with world(llm, [dead, at(llm, "second")]) as w:
        for _ in range(20):
            assert (await w.dispatcher.answer("hi")).model == "second"
        assert len(llm.calls_of("dead")) == 3
        skipped = await w.dispatcher.answer("hi")
        assert tries(skipped) == [("dead", "breaker_open"), ("second", "ok")]
        assert 0 < took(skipped, "dead")[0].breaker_open_s <= 1.5
        await asyncio.sleep(1.5)
        await asyncio.gather(*(w.dispatcher.answer("hi") for _ in range(20)))
        assert len(llm.calls_of("dead")) == 4
        llm.always("dead", GOOD)
        await asyncio.sleep(1.5)
        assert (await w.dispatcher.answer("hi")).model == "dead"
        reports = await w.reports(42)
    opened = reports[2].attempts[0]
    assert opened.breaker_open
    assert 0 < opened.breaker_open_ms <= 1500
    assert not reports[0].attempts[0].breaker_open


async def test_a_content_filter_or_overflow_says_nothing_against_the_model(llm: LlmServer) -> None:
    for _ in range(5):
        llm.script("first", ContentFilter(as_error=True), ContextOverflow())
    async with world(llm, [at(llm, "first", breaker={"failures": 2}), at(llm, "second")]) as w:
        for _ in range(10):
            await w.dispatcher.answer("hi")
        assert (await w.dispatcher.answer("hi")).model == "first"


async def test_a_missing_key_is_named_and_nobody_is_called(llm: LlmServer) -> None:
    keyless = at(llm, "first", api_key_env="THE_UNSET_API_KEY")
    async with world(llm, [keyless, at(llm, "second")]) as w:
        answer = await w.dispatcher.answer("hi")
    assert tries(answer) == [("first", "not_authorised"), ("second", "ok")]
    assert "THE_UNSET_API_KEY" in took(answer, "first")[0].why
    assert not llm.calls_of("first")


async def test_a_provider_that_this_client_does_not_speak(llm: LlmServer) -> None:
    async with world(llm, [model("alien", provider="klingon"), at(llm, "second")]) as w:
        answer = await w.dispatcher.answer("hi")
    assert tries(answer) == [("alien", "bad_request"), ("second", "ok")]
    assert "'klingon'" in took(answer, "alien")[0].why


async def test_a_specialist_without_models_is_one_clear_error(llm: LlmServer) -> None:
    async with world(llm, []) as w:
        with pytest.raises(NoAnswerError, match="code: the contract names no model"):
            await w.dispatcher.answer("hi")


def test_every_kind_has_a_word_of_its_own() -> None:
    assert len({*FailureKind}) == len(FailureKind)
