"""What the guard keeps out of the log."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import HashEncoder
from tests.unit.service.engines import ask, engine_of
from waypost_server.core.clues import NO_CLUES, Clues, Flag, FlagKind, Severity
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.core.decision import PlanStep
from waypost_server.core.decision_log import ExcludedRecord, FlagRecord, StepRecord
from waypost_server.core.query import Query
from waypost_server.service.caller import Caller
from waypost_server.service.events import Decided
from waypost_server.service.log_records import decision_record, size_of
from waypost_server.service.routed import Routed


def flag(kind: FlagKind, start: int, end: int) -> Flag:
    return Flag(kind=kind, start=start, end=end, severity=Severity.HIGH, detector="x")


@pytest.mark.parametrize(
    ("hidden", "kept"),
    [
        ((), "say sesame to the red apple"),
        ((flag(FlagKind.JAILBREAK, 4, 10),), "say [redacted: jailbreak] to the red apple"),
        ((flag(FlagKind.PROMPT_INJECTION, 0, 0),), "[redacted: prompt_injection]"),
    ],
)
def test_what_was_found_is_not_kept(tmp_path: Path, hidden: tuple[Flag, ...], kept: str) -> None:
    routed = ask(engine_of(HashEncoder(), tmp_path), Query(text="say sesame to the red apple"))
    clues = Clues(hidden=hidden) if hidden else NO_CLUES
    event = Decided(
        routed=replace(routed, query=replace(routed.query, clues=clues)),
        index_version="v1",
        encoder_fingerprint="ee",
        models=(),
        caller=Caller(name="ci"),
    )
    assert decision_record(event, at_ms=0, keep_text=True).text == kept
    assert decision_record(event, at_ms=0, keep_text=False).text is None


def test_flags_are_kept_once_each_without_what_was_found_and_plans_without_text(
    tmp_path: Path,
) -> None:
    engine = engine_of(HashEncoder(), tmp_path)
    said = {"task": "x"}
    routed = ask(engine, Query(text="say sesame to the red apple", metadata=said))
    routes = engine.router.catalog.routes
    flags = tuple(flag(kind, i, i + 1) for i in range(3) for kind in FlagKind)
    routed = replace(
        routed,
        query=replace(routed.query, clues=Clues(flags=flags)),
        decision=replace(
            routed.decision,
            plan=(
                PlanStep(route=routes["fruit"], text="sesame", confidence=0.5),
                PlanStep(route=routes["metal"], text="apple", depends_on=(0,), confidence=0.75),
            ),
        ),
    )
    event = Decided(
        routed=routed,
        index_version="v1",
        encoder_fingerprint="ee",
        models=(),
        caller=Caller(name="ci"),
    )
    bare = decision_record(event, at_ms=0, keep_text=False)
    assert bare.flags == tuple(FlagRecord(kind=k, severity=Severity.HIGH) for k in FlagKind)
    assert bare.plan == (
        StepRecord(route="fruit", confidence=0.5),
        StepRecord(route="metal", depends_on=(1,), confidence=0.75),
    )
    assert "sesame" not in repr(bare)
    assert bare.metadata is None
    whole = decision_record(event, at_ms=0, keep_text=True)
    assert whole.metadata == said
    assert size_of(whole) > size_of(bare) > size_of(replace(bare, flags=None, plan=None))
    unsaid = replace(event, routed=replace(routed, query=replace(routed.query, metadata={})))
    assert decision_record(unsaid, at_ms=0, keep_text=False).metadata == {}


def test_the_models_that_were_left_out_are_kept_with_why(tmp_path: Path) -> None:
    event = Decided(
        routed=ask(engine_of(HashEncoder(), tmp_path), Query(text="a red apple")),
        index_version="v1",
        encoder_fingerprint="ee",
        models=("small",),
        excluded=(("large", "switched off by an operator"),),
        caller=Caller(name="ci"),
    )
    record = decision_record(event, at_ms=0, keep_text=False)
    assert record.excluded_models == (
        ExcludedRecord(name="large", why="switched off by an operator"),
    )
    assert size_of(record) > size_of(replace(record, excluded_models=()))


def test_what_asking_models_cost_is_kept_as_a_sum(tmp_path: Path) -> None:
    routed = ask(engine_of(HashEncoder(), tmp_path), Query(text="a red apple"))

    def kept(routed: Routed) -> float | None:
        event = Decided(
            routed=routed,
            index_version="v1",
            encoder_fingerprint="ee",
            models=(),
            caller=Caller(name="ci"),
        )
        return decision_record(event, at_ms=0, keep_text=False).consultation_usd

    assert kept(routed) == 0.0
    for purpose, result, usd in (
        (Purpose.ROUTE, Result.ANSWERED, 0.25),
        (Purpose.PARAMS, Result.TIMEOUT, 0.125),
        (Purpose.PARAMS, Result.CACHED, 0.0),
    ):
        asked = Consultation(purpose=purpose, model="small", result=result, cost_usd=usd)
        routed = routed.after(asked)
    assert kept(routed) == 0.375
