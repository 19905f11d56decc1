"""What the log says of each decision and report."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import HashEncoder
from tests.unit.service.engines import ask, engine_of
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.core.query import Query
from waypost_server.core.report import Attempt, OutcomeReport, SpecialistOutcome
from waypost_server.service.caller import Caller
from waypost_server.service.decision_lines import DecisionLines
from waypost_server.service.events import Decided, Reported

TEXT = "a red apple"
CI = Caller(name="ci")


def test_a_line_says_where_why_and_to_whom_and_not_what_was_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    routed = ask(engine_of(HashEncoder(), tmp_path), Query(text=TEXT, request_id="r-1"))
    asked = Consultation(purpose=Purpose.ROUTE, model="small", result=Result.TIMEOUT)
    event = Decided(
        routed=routed,
        index_version="v1",
        encoder_fingerprint="ee",
        models=("fast", "slow"),
        caller=CI,
    )
    DecisionLines().decided(event)
    DecisionLines().decided(replace(event, routed=routed.after(asked)))
    first, second = (record.fields for record in caplog.records)  # type: ignore[attr-defined]
    assert (first["route"], first["request_id"]) == (routed.decision.route.name, "r-1")
    assert first["reasons"] == list(routed.decision.reasons)
    assert first["models"] == ["fast", "slow"]
    assert "consultations" not in first
    assert second["consultations"] == ["small: route timeout"]
    assert TEXT not in str(first)


def test_a_report_says_who_was_called_and_how_it_went(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    attempts = [
        Attempt(model="fast", succeeded=False, error_kind="timeout", latency_ms=900),
        Attempt(model="slow", succeeded=True, latency_ms=40, cost_usd=0.25),
    ]
    report = OutcomeReport(
        decision_id="d1", outcome=SpecialistOutcome.ACCEPTED, attempts=attempts, note="private"
    )
    DecisionLines().reported(Reported(report=report, caller=CI, known=False))
    (record,) = caplog.records
    assert record.fields["attempts"] == [  # type: ignore[attr-defined]
        "fast: timeout, 900 ms, $0",
        "slow: answered, 40 ms, $0.25",
    ]
    assert "private" not in str(record.__dict__)
