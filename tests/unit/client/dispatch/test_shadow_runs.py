"""Shadow candidates of every kind, and what is recorded of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.llm_server import Answer, Fails, LlmServer
from tests.scripted_router import scripted_router, specialist
from tests.unit.client.dispatch.shadowing import (
    BOTH,
    candidate,
    cheaper,
    content_and_mode,
    recorded,
    records,
    shadowed,
)
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2 as pb
from waypost.v1 import router_pb2
from waypost_client.dispatch import (
    Dialogue,
    Ended,
    Message,
    NoAnswerError,
    Role,
    SyncDispatcher,
)
from waypost_client.shadow._reading import Lines, read_runs
from waypost_client.shadow._report import report_of


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


async def test_two_that_fail_alike_have_not_the_same_text(llm: LlmServer, log: Path) -> None:
    for name in ("live", "cheap"):
        llm.always(name, Fails(500))
    async with world(llm, {"code": cheaper(llm)}, shadow_log=log) as w:
        with pytest.raises(NoAnswerError):
            await w.dispatcher.answer("hi")
        [record] = await recorded(w, log)
    assert not record["same_text"]


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
