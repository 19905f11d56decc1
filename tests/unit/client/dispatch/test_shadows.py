"""Candidates beside the live answer: they run as the contract says, and nobody notices."""

import asyncio
import json
import logging
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.llm_server import Answer, Behaviour, Escalates, Fails, Hangs, LlmServer, SlowFirstToken
from tests.scripted_router import Specialist, scripted_router, specialist
from tests.unit.client.dispatch.worlds import World, at, told, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost.v1 import router_pb2
from waypost_client.dispatch import (
    Dialogue,
    Ended,
    Message,
    NoAnswerError,
    RejectedError,
    Role,
    SyncDispatcher,
)
from waypost_client.shadow._reading import Lines, read_runs
from waypost_client.shadow._report import report_of

BOTH = pytest.mark.parametrize("streamed", [False, True])


def candidate(name: str = "trial", share: float = 1.0, **fields: Any) -> pb.ShadowCandidate:  # noqa: ANN401
    return pb.ShadowCandidate(name=name, share=share, **fields)


def shadowed(
    live: Sequence[pb.Model],
    *candidates: pb.ShadowCandidate,
    helpers: Sequence[pb.Model] = (),
    **fields: Any,  # noqa: ANN401
) -> Specialist:
    return specialist(live, shadows=candidates, helper_models=helpers, **fields)


def cheaper(llm: LlmServer, **fields: Any) -> Specialist:  # noqa: ANN401
    """A specialist with the model "live", and beside it the model "cheap"."""
    return shadowed(
        [at(llm, "live", usd_per_mtok_in=100, usd_per_mtok_out=1000)],
        candidate("cheaper", models=["cheap"]),
        helpers=[at(llm, "cheap", usd_per_mtok_in=10, usd_per_mtok_out=100)],
        **fields,
    )


def records(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("ascii").splitlines()]


def content_and_mode(log: Path) -> tuple[str, int]:
    return log.read_text(), stat.S_IMODE(log.stat().st_mode)


async def recorded(world: World, log: Path, count: int = 1) -> list[dict[str, Any]]:
    await world.llm.until(lambda: log.exists() and len(records(log)) >= count)
    return records(log)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "shadow.jsonl"


@BOTH
async def test_another_model_answers_beside_and_both_ends_are_recorded(
    streamed: bool, llm: LlmServer, log: Path
) -> None:
    llm.always("live", Answer("the live answer", input_tokens=30, output_tokens=5))
    llm.always("cheap", Answer("the cheap one", input_tokens=20, output_tokens=4))
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        answer = await told(w, "a query", streamed=streamed)
        [record] = await recorded(w, log)
        [report] = await w.reports(1)
    assert (answer.text, tries(answer)) == ("the live answer", [("live", "ok")])
    assert [(a.model, a.error_kind) for a in report.attempts] == [("live", "")]
    for side in ("live", "shadow"):
        assert 0 < record[side].pop("latency_s") < 5
    told_at = datetime.fromisoformat(record.pop("time"))
    assert timedelta(0) <= datetime.now(UTC) - told_at < timedelta(seconds=60)
    common = {"route": "code", "outcome": "answered", "errors": [], "calls": 1, "findings": {}}
    assert record == {
        "decision_id": "decision-0",
        "candidate": "cheaper",
        "route": "code",
        "live": common
        | {
            "model": "live",
            "input_tokens": 30,
            "output_tokens": 5,
            "cost_usd": pytest.approx(0.008),
            "characters": 15,
        },
        "shadow": common
        | {
            "model": "cheap",
            "input_tokens": 20,
            "output_tokens": 4,
            "cost_usd": pytest.approx(0.0006),
            "characters": 13,
        },
        "same_route": True,
        "same_text": False,
        "not_callable": [],
    }


async def test_it_is_told_what_the_live_model_is_told(llm: LlmServer, log: Path) -> None:
    dialogue = Dialogue(messages=(Message(Role.USER, "before"), Message(Role.ASSISTANT, "yes")))
    spec = cheaper(llm, prompt="You are terse.", params={"language": "Rust"})
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        await w.dispatcher.answer("and now?", conversation=dialogue)
        [record] = await recorded(w, log)
    [live], [beside] = llm.calls_of("live"), llm.calls_of("cheap")
    assert live.body["messages"] == beside.body["messages"]
    assert record["same_text"]


async def test_the_record_is_the_owners_alone_and_has_no_word_of_anybody(
    llm: LlmServer, log: Path
) -> None:
    for name in ("live", "cheap"):
        llm.always(name, Answer("confidential answer"))
    spec = cheaper(llm, prompt="confidential prompt")
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        await w.dispatcher.answer("confidential query")
        await recorded(w, log)
    assert content_and_mode(log)[1] == 0o600
    assert "confidential" not in content_and_mode(log)[0]


async def test_texts_are_recorded_for_who_asks_for_them(llm: LlmServer, log: Path) -> None:
    llm.always("live", Answer("sí"))
    llm.always("cheap", Fails(500))
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log, shadow_texts=True) as w:
        await w.dispatcher.answer("¿qué?")
        [record] = await recorded(w, log)
    assert record["texts"] == {"query": "¿qué?", "live": "sí", "shadow": None}


async def test_models_of_a_candidate_are_asked_in_turn_whatever_the_live_pattern(
    llm: LlmServer, log: Path
) -> None:
    llm.always("first", Fails(500))
    llm.always("second", Answer("well"))
    spec = shadowed(
        [at(llm, "live", usd_per_mtok_in=1), at(llm, "second", usd_per_mtok_in=0.1)],
        candidate(models=["first", "gone", "second"]),
        helpers=[at(llm, "first", usd_per_mtok_in=9)],
        policy=pb.DispatchPolicy(
            pattern=pb.PATTERN_PARALLEL,
            parallel=pb.ParallelPolicy(pick=pb.PICK_JUDGE),
            checks=pb.OutputChecks(judge=pb.Judge(model="live")),
        ),
    )
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert record["not_callable"] == ["gone"]
    shadow = record["shadow"]
    assert (shadow["model"], shadow["errors"], shadow["calls"]) == ("second", ["server_error"], 2)


async def test_a_candidate_none_of_whose_models_may_be_called_is_left_out(
    llm: LlmServer, log: Path
) -> None:
    spec = shadowed([at(llm, "live")], candidate(models=["gone"]), fallback="other")
    specialists = {"code": spec, "other": specialist([at(llm, "other")])}
    async with world(llm, specialists, shadow_log=log) as w:
        await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert record["not_callable"] == ["gone"]
    assert (record["shadow"]["outcome"], record["shadow"]["errors"]) == (
        "left_out",
        ["not_callable"],
    )
    assert [call.model for call in llm.calls] == ["live"]


async def test_a_candidate_has_a_prompt_of_its_own_that_is_fetched_once(
    llm: LlmServer, log: Path
) -> None:
    monolith = specialist(prompt="You do everything.")
    mono = candidate("monolith", prompt_sha256=monolith.ref.prompt_sha256)
    specialists = {
        name: shadowed([at(llm, "m")], mono, prompt=f"You are {name}.") for name in ("code", "ops")
    }
    async with world(
        llm, specialists, router={"shadow_prompts": {"monolith": monolith.prompt}}, shadow_log=log
    ) as w:
        for query in ("code: a", "ops: b", "ops: c"):
            await w.dispatcher.answer(query)
            await w.llm.until(lambda: len(llm.calls) % 2 == 0)
        made = await recorded(w, log, 3)
        fetched = [(r.route, r.shadow) for r in w.router.fetched if r.shadow]
    asked = [
        (call.body["messages"][0]["content"], call.body["messages"][-1]["content"])
        for call in llm.calls
    ]
    for query, own in [("code: a", "code"), ("ops: b", "ops"), ("ops: c", "ops")]:
        assert sorted(system for system, asked_for in asked if asked_for == query) == [
            f"You are {own}.",
            "You do everything.",
        ]
    assert fetched == [("code", "monolith")]
    assert [record["shadow"]["outcome"] for record in made] == ["answered"] * 3


async def test_another_router_decides_for_its_candidate_and_hears_of_it_once(
    llm: LlmServer, log: Path
) -> None:
    llm.always("new", Answer("a new answer"))
    others = {"fresh": specialist([at(llm, "new")], prompt="You are fresh.")}
    async with scripted_router(others) as other:
        spec = shadowed([at(llm, "live")], candidate("table", router_address=other.address))
        async with world(llm, {"code": spec}, shadow_log=log) as w:
            await w.dispatcher.answer(
                "hi",
                request_id="r1",
                tenant="acme",
                metadata={"team": "a"},
                allowed_routes=["code", "fresh"],
            )
            [record] = await recorded(w, log)
            live_reports = await w.reports(1)
            await w.llm.until(lambda: bool(other.reports))
            [asked_here], [asked_there] = w.router.asked, other.asked
    assert asked_here == asked_there
    assert (record["route"], record["live"]["route"], record["shadow"]["route"]) == (
        "code",
        "code",
        "fresh",
    )
    assert not record["same_route"]
    assert llm.calls_of("new")[0].body["messages"][0]["content"] == "You are fresh."
    [there] = other.reports
    assert (there.decision_id, there.route) == (other.decided[0].decision_id, "fresh")
    assert there.outcome == router_pb2.SPECIALIST_OUTCOME_ACCEPTED
    assert [a.model for a in there.attempts] == ["new"]
    [here] = live_reports
    assert [a.model for a in here.attempts] == ["live"]


async def test_another_router_and_another_model_go_together(llm: LlmServer, log: Path) -> None:
    others = {"fresh": specialist([at(llm, "new")], prompt="You are fresh.")}
    async with scripted_router(others) as other:
        both = candidate(models=["cheap"], router_address=other.address)
        spec = shadowed([at(llm, "live")], both, helpers=[at(llm, "cheap")])
        async with world(llm, {"code": spec}, shadow_log=log) as w:
            await w.dispatcher.answer("hi")
            [record] = await recorded(w, log)
    [call] = llm.calls_of("cheap")
    assert call.body["messages"][0]["content"] == "You are fresh."
    assert (record["shadow"]["route"], record["shadow"]["model"]) == ("fresh", "cheap")


async def test_a_router_that_is_away_is_the_candidates_failure(llm: LlmServer, log: Path) -> None:
    spec = shadowed([at(llm, "live")], candidate(router_address="127.0.0.1:1"))
    async with world(llm, {"code": spec}, shadow_log=log) as w:
        answer = await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert answer.ended is Ended.ANSWERED
    assert (record["shadow"]["outcome"], record["shadow"]["calls"]) == ("failed", 0)
    assert record["shadow"]["errors"] in (["unavailable"], ["deadline_exceeded"])
    assert (record["shadow"]["route"], record["same_route"]) == ("", False)


async def test_the_shadows_of_another_routers_contract_do_not_run(
    llm: LlmServer, log: Path
) -> None:
    async with scripted_router({}) as other:
        again = candidate("again", router_address=other.address)
        other.specialists["fresh"] = shadowed([at(llm, "new")], again)
        spec = shadowed([at(llm, "live")], again)
        async with world(llm, {"code": spec}, shadow_log=log) as w:
            await w.dispatcher.answer("hi")
            await recorded(w, log)
            assert w.dispatcher.counts.shadows == 1
    assert len(other.asked) == 1


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
    assert llm.calls_of("cheap")[0].hung_up


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


async def test_two_that_fail_alike_have_not_the_same_text(llm: LlmServer, log: Path) -> None:
    for name in ("live", "cheap"):
        llm.always(name, Fails(500))
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        with pytest.raises(NoAnswerError):
            await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert not record["same_text"]


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
    assert all(call.hung_up for call in llm.calls_of("cheap"))


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


async def test_without_a_log_nothing_runs_and_that_is_said_once(
    llm: LlmServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with world(llm, {"code": cheaper(llm)}) as w:
        for _ in range(2):
            await w.dispatcher.answer("hi")
        assert w.dispatcher.counts.shadows == 0
    assert [call.model for call in llm.calls] == ["live"] * 2
    [said] = caplog.records
    assert "cheaper" in said.getMessage()
    assert "shadow_log" in said.getMessage()


async def test_the_sync_face_records_too(llm: LlmServer, log: Path) -> None:
    def ask(address: str) -> str:
        with SyncDispatcher(address, shadow_log=log, shadow_texts=True) as dispatcher:
            return dispatcher.answer("hi").text

    async with scripted_router({"code": cheaper(llm)}) as router:
        assert await asyncio.to_thread(ask, router.address) == "ok"
    [record] = records(log)
    assert record["texts"] == {"query": "hi", "live": "ok", "shadow": "ok"}


async def test_what_is_recorded_is_what_the_report_reads(llm: LlmServer, log: Path) -> None:
    llm.always("cheap", Fails(500))
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        for _ in range(3):
            await w.dispatcher.answer("hi")
        await recorded(w, log, 3)
    lines = Lines()
    report = report_of(read_runs([log], lines))
    assert (lines.runs, lines.damaged) == (3, 0)
    assert report["cheaper"]["code"].outcomes == {("answered", "failed"): 3}


async def test_shadow_runs_need_no_restart_to_begin_or_end(llm: LlmServer, log: Path) -> None:
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        await w.dispatcher.answer("hi")
        await recorded(w, log)
        del w.router.specialists["code"].ref.shadows[:]
        await w.dispatcher.answer("hi")
    assert len(records(log)) == 1
