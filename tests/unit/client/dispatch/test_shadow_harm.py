"""What a shadow candidate must not do to the live query, and what may not happen to its record."""

import asyncio
import logging
from pathlib import Path

import pytest

from tests.llm_server import Answer, Behaviour, Escalates, Fails, Hangs, LlmServer, SlowFirstToken
from tests.scripted_router import specialist
from tests.unit.client.dispatch.shadowing import (
    BOTH,
    candidate,
    cheaper,
    recorded,
    records,
    shadowed,
)
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost.v1 import router_pb2
from waypost_client.dispatch import (
    Ended,
    NoAnswerError,
    RejectedError,
)


@pytest.mark.parametrize(
    "candidates_fate",
    [Hangs(), Fails(500), Fails(401, "invalid_api_key"), Escalates(as_text=True)],
    ids=["hangs", "fails", "key", "rejects"],
)
@BOTH
async def test_the_live_answer_is_the_same_whatever_the_candidate_does(
    streamed: bool,
    candidates_fate: Behaviour,
    llm: LlmServer,
    log: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    llm.always("cheap", candidates_fate)
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log, timeout_s=1) as w:
        answer = await told(w, streamed=streamed)
        [report] = await w.reports(1)
        counts = w.dispatcher.counts
        assert (counts.answers, dict(counts.failures), dict(counts.rejections)) == (1, {}, {})
    assert (answer.text, answer.ended, tries(answer)) == ("ok", Ended.ANSWERED, [("live", "ok")])
    assert report.outcome == router_pb2.SPECIALIST_OUTCOME_ACCEPTED
    assert [a.model for a in report.attempts] == ["live"]
    assert not caplog.records
    [record] = records(log)
    assert record["live"]["outcome"] == "answered"


async def test_a_hanging_candidate_is_not_waited_for(llm: LlmServer, log: Path) -> None:
    llm.always("cheap", Hangs())
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log, timeout_s=0.4) as w:
        await w.dispatcher.answer("hi")
        assert not llm.calls_of("cheap") or llm.calls_of("cheap")[0].ended_at is None
        [record] = await recorded(w, log)
    assert (record["shadow"]["outcome"], record["shadow"]["errors"]) == ("failed", ["timeout"])
    await llm.until(lambda: llm.calls_of("cheap")[0].hung_up)


@pytest.mark.parametrize(
    ("fate", "outcome", "errors"),
    [
        (Fails(500), "failed", ["server_error"]),
        (Escalates("no", as_text=True), "rejected", ["escalated"]),
    ],
)
async def test_a_live_query_that_ends_in_an_error_is_recorded_too(
    fate: Behaviour,
    outcome: str,
    errors: list[str],
    llm: LlmServer,
    log: Path,
) -> None:
    llm.always("live", fate)
    llm.always("cheap", SlowFirstToken(0.1, "there"))
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        with pytest.raises((NoAnswerError, RejectedError)):
            await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    live = record["live"]
    assert (live["outcome"], live["errors"], live["model"]) == (outcome, errors, "")
    assert (live["route"], live["characters"]) == ("code", 0)
    assert record["shadow"]["outcome"] == "answered"
    assert not record["same_text"]


async def test_a_caller_that_goes_away_leaves_a_record_that_says_so(
    llm: LlmServer, log: Path
) -> None:
    llm.always("live", Hangs())
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        asking = asyncio.create_task(w.dispatcher.answer("hi"))
        await llm.until(lambda: bool(llm.calls_of("live") and llm.calls_of("cheap")))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        [record] = await recorded(w, log)
    assert record["live"]["outcome"] == "cancelled"


async def test_a_rejecting_candidate_goes_to_the_fallback_and_nobody_is_asked_where_else(
    llm: LlmServer, log: Path
) -> None:
    llm.always("cheap", Escalates("no", as_text=True))
    specialists = {
        "code": cheaper(llm, fallback="general"),
        "general": specialist([at(llm, "general")]),
        "more": specialist([at(llm, "more")]),
    }
    async with world(llm, specialists, shadow_log=log) as w:
        await w.dispatcher.answer("code: hi")
        [record] = await recorded(w, log)
        reports = await w.reports(1)
        assert not w.router.rerouted
        assert w.dispatcher.counts.fallbacks == 0
    shadow = record["shadow"]
    assert (shadow["outcome"], shadow["route"], shadow["errors"]) == (
        "fallback",
        "general",
        ["escalated"],
    )
    assert len(reports) == 1


async def test_a_question_of_the_router_is_nothing_to_compare(llm: LlmServer, log: Path) -> None:
    spec = cheaper(llm, clarifying_question="Which one?")
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        answer = await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert answer.ended is Ended.CLARIFY
    assert (record["live"]["outcome"], record["shadow"]["outcome"]) == ("clarify", "left_out")
    assert not llm.calls


async def test_a_step_with_effects_is_not_made_twice(llm: LlmServer, log: Path) -> None:
    spec = cheaper(llm, policy=pb.DispatchPolicy(not_idempotent=True))
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert (record["shadow"]["outcome"], record["shadow"]["errors"]) == (
        "left_out",
        ["not_idempotent"],
    )
    assert [call.model for call in llm.calls] == ["live"]


async def test_a_candidates_failures_open_no_breaker_of_the_live_model(
    llm: LlmServer, log: Path
) -> None:
    spec = shadowed(
        [at(llm, "live"), at(llm, "flaky", breaker=pb.Breaker(failures=2, open_ms=60_000))],
        candidate(models=["flaky"]),
    )
    llm.always("flaky", Fails(500))
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        for _ in range(4):
            await w.dispatcher.answer("hi")
        made = await recorded(w, log, 4)
        assert len(llm.calls_of("flaky")) < 4  # its own breaker is open ...
        assert {"breaker_open"} in [set(record["shadow"]["errors"]) for record in made]
        llm.always("flaky", Answer("well again"))
        llm.always("live", Fails(500))
        answer = await w.dispatcher.answer("hi")
    assert answer.text == "well again"  # ... and the live one is not


async def test_bounds_on_calls_are_the_live_ones_and_counted_apart(
    llm: LlmServer, log: Path
) -> None:
    for name in ("a", "b", "live"):
        llm.always(name, Fails(500))
    spec = shadowed(
        [at(llm, "live"), at(llm, "good")],
        candidate(models=["a", "b", "good"]),
        helpers=[at(llm, "a"), at(llm, "b")],
        policy=pb.DispatchPolicy(max_calls=2),
    )
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        answer = await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert answer.model == "good"
    assert (record["live"]["calls"], record["shadow"]["calls"]) == (2, 2)
    assert record["shadow"]["outcome"] == "failed"


async def test_at_most_eight_are_under_way_and_the_others_are_counted(
    llm: LlmServer, log: Path
) -> None:
    llm.always("cheap", Hangs())
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log, timeout_s=30) as w:
        await asyncio.gather(*(w.dispatcher.answer(f"{i}") for i in range(11)))
        await llm.until(lambda: len(llm.calls_of("cheap")) == 8)
        assert (w.dispatcher.counts.shadows, w.dispatcher.counts.shadows_dropped) == (8, 3)
    ended = records(log)  # closing has ended them
    assert [record["shadow"]["outcome"] for record in ended] == ["cancelled"] * 8
    assert {tuple(record["shadow"]["errors"]) for record in ended} == {("cancelled",)}
    await llm.until(lambda: all(call.hung_up for call in llm.calls_of("cheap")))


async def test_closing_waits_for_those_that_are_nearly_there(llm: LlmServer, log: Path) -> None:
    llm.always("cheap", SlowFirstToken(0.3, "in time"))
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        await w.dispatcher.answer("hi")
    [record] = records(log)
    assert (record["shadow"]["outcome"], record["shadow"]["characters"]) == ("answered", 7)


@BOTH
@pytest.mark.parametrize("path", ["/dev/full", "a/folder/that/is/not/there/shadow.jsonl"])
async def test_a_log_that_cannot_be_written_is_said_once_and_costs_no_answer(
    path: str,
    streamed: bool,
    llm: LlmServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with world(llm, {"code": cheaper(llm)}, shadow_log=tmp_path / path) as w:
        for _ in range(3):
            assert (await told(w, streamed=streamed)).text == "ok"
            await llm.until(lambda: w.dispatcher.counts.shadow_records_dropped > 0)
        counts = w.dispatcher.counts
    assert counts.shadow_records_dropped == 3
    [said] = caplog.records
    assert path in said.getMessage()
    assert said.levelno == logging.WARNING
