"""What is counted of decisions and reports."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.exposed import Exposed
from waypost_server.core.catalog import Route
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.core.decision import Decision
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate
from waypost_server.core.report import Attempt, Feedback, OutcomeReport, SpecialistOutcome
from waypost_server.service import metrics
from waypost_server.service.caller import ANYBODY, Caller
from waypost_server.service.events import Decided, Reported
from waypost_server.service.ids import new_decision_id
from waypost_server.service.instruments import Instruments
from waypost_server.service.metrics import DecisionMetrics
from waypost_server.service.routed import Routed, Timings

TIMINGS = Timings(queue_ns=1000, encode_ns=0, search_ns=0, decide_ns=2000, total_ns=3000)


def decided(
    route: str = "fruit",
    *,
    best: str | None = "fruit",
    outcome: Outcome = Outcome.MATCHED,
    confidence: float = 0.9,
    tenant: str = "",
    caller: Caller = ANYBODY,
    instead_of: str = "",
) -> Decided:
    candidate = best and Candidate(
        route=best, score=1.0, confidence=confidence, similarity=-0.2, threshold=0.5, nearest=()
    )
    decision = Decision(
        outcome=outcome,
        action=Action.INVOKE,
        reasons=(Reason.ABOVE_THRESHOLD, Reason.NO_ELIGIBLE_MODEL),
        route=Route(name=route),
        fallback_route="",
        rationale="",
        clarifying_question="",
        candidates=(candidate,) if candidate else (),
    )
    query = Query(text="a secret", tenant=tenant)
    routed = Routed(new_decision_id(), query, decision, Stage.RULES, TIMINGS)
    return Decided(
        routed=routed,
        index_version="0" * 12,
        encoder_fingerprint="0" * 64,
        models=(),
        caller=caller,
        rejected_decision=instead_of,
    )


class Counting:
    """A DecisionMetrics and what it shows."""

    def __init__(self, max_tenants: int = 10) -> None:
        self._to = Instruments()
        self.observer = DecisionMetrics(self._to, max_tenants=max_tenants)

    def decide(self, event: Decided) -> str:
        self.observer.decided(event)
        return event.routed.decision_id

    def report(
        self,
        decision_id: str,
        outcome: SpecialistOutcome | None,
        *,
        known: bool = False,
        attempts: Sequence[Attempt] = (),
        feedback: Feedback | None = None,
        correct_route: str = "",
        route: str = "",
        answered_by: str = "",
    ) -> None:
        report = OutcomeReport(
            decision_id=decision_id,
            outcome=outcome,
            attempts=attempts,
            feedback=feedback,
            correct_route=correct_route,
            route=route,
            answered_by=answered_by,
        )
        self.observer.reported(Reported(report=report, caller=ANYBODY, known=known))

    @property
    def shown(self) -> Exposed:
        self._to.flush()
        return Exposed(self._to.exposition()[0].decode())


def test_a_decision_is_counted_once_everywhere() -> None:
    counting = Counting()
    counting.decide(decided())
    counting.decide(decided(confidence=0.3))
    counting.decide(decided("metal", best="fruit", outcome=Outcome.FALLBACK, confidence=0.2))
    counting.decide(decided("metal", best=None, outcome=Outcome.OUT_OF_SCOPE, instead_of="x"))
    shown = counting.shown
    assert shown("waypost_decisions_total", route="fruit", outcome="MATCHED", stage="RULES") == 2
    assert shown("waypost_decisions_total", route="metal", outcome="FALLBACK") == 1
    assert shown("waypost_decisions_total", route="metal", outcome="OUT_OF_SCOPE") == 1
    assert shown("waypost_decision_reasons_total", route="metal", reason="ABOVE_THRESHOLD") == 2
    assert shown("waypost_decision_reasons_total") == 8
    assert shown("waypost_reroutes_total") == 1
    # By the best candidate's route, whoever got the query.
    assert shown("waypost_decision_confidence_count", route="fruit") == 3
    assert shown("waypost_decision_confidence_sum") == pytest.approx(1.4)
    assert shown("waypost_decision_confidence_bucket", le="0.3") == 2
    assert shown("waypost_decision_similarity_sum") == 0  # -0.2 counts as 0
    assert shown("waypost_decision_seconds_count", step="total") == 4
    assert shown("waypost_decision_seconds_sum", step="decide") == pytest.approx(8e-6)
    assert shown("waypost_decision_seconds_count", step="encode") == 0


ACCEPTED, REJECTED, FAILED = (
    SpecialistOutcome.ACCEPTED,
    SpecialistOutcome.REJECTED,
    SpecialistOutcome.FAILED,
)


@pytest.mark.parametrize(
    ("event", "outcome", "correct_route", "answered_by", "judged", "right"),
    [
        (decided(), ACCEPTED, "", "", 1, 1),
        (decided(), REJECTED, "", "metal", 1, 0),
        (decided(), FAILED, "", "", 0, 0),
        (decided(), ACCEPTED, "metal", "", 1, 0),
        (decided(), REJECTED, "fruit", "", 1, 1),
        (decided(), None, "fruit", "", 1, 1),
        (decided(), ACCEPTED, "", "metal", 0, 0),
        (decided("metal"), ACCEPTED, "", "", 0, 0),
        (decided("metal"), ACCEPTED, "metal", "", 1, 0),
        (decided("metal", best=None), ACCEPTED, "metal", "", 0, 0),
    ],
)
def test_a_report_judges_the_best_candidate_where_it_says_something_of_it(
    event: Decided,
    outcome: SpecialistOutcome | None,
    correct_route: str,
    answered_by: str,
    judged: int,
    right: int,
) -> None:
    counting = Counting()
    decision = counting.decide(event)
    for _ in range(2):  # a second word judges nothing again
        counting.report(decision, outcome, correct_route=correct_route, answered_by=answered_by)
    shown = counting.shown
    assert shown("waypost_judged_decisions_total", bin="0.9") == judged
    assert shown("waypost_judged_confidence_total") == pytest.approx(0.9 * judged)
    assert shown("waypost_judged_correct_total") == right
    assert shown("waypost_reports_unjoined_total") == 0


def test_the_sums_give_the_calibration_error_by_hand() -> None:
    counting = Counting()
    # 0.65 is right 1 time in 2, 0.95 is right 2 times in 2: ECE = (|1.3 - 1| + |1.9 - 2|) / 4.
    for confidence, outcome in ((0.65, ACCEPTED), (0.65, REJECTED), *[(0.95, ACCEPTED)] * 2):
        counting.report(counting.decide(decided(confidence=confidence)), outcome)
    shown = counting.shown
    error = sum(
        abs(
            shown("waypost_judged_confidence_total", bin=f"{i / 10:.1f}")
            - shown("waypost_judged_correct_total", bin=f"{i / 10:.1f}")
        )
        for i in range(10)
    )
    assert error / shown("waypost_judged_decisions_total") == pytest.approx(0.1)


@pytest.mark.parametrize(("confidence", "label"), [(0.0, "0.0"), (0.6, "0.6"), (1.0, "0.9")])
def test_bins_are_tenths(confidence: float, label: str) -> None:
    counting = Counting()
    counting.report(counting.decide(decided(confidence=confidence)), ACCEPTED)
    assert counting.shown.values("waypost_judged_decisions_total", "bin") == {label}


def test_reports_count_by_the_specialist_that_they_are_about() -> None:
    counting = Counting()
    counting.report(counting.decide(decided()), ACCEPTED)
    counting.report(new_decision_id(), ACCEPTED, route="fruit", answered_by="metal")
    counting.report(new_decision_id(), REJECTED, route="fruit", answered_by="metal")
    counting.report(new_decision_id(), REJECTED, route="fruit", known=True)
    counting.report(new_decision_id(), None, feedback=Feedback.NEGATIVE)
    shown = counting.shown
    assert shown("waypost_reports_total", route="fruit", outcome="ACCEPTED") == 1
    assert shown("waypost_reports_total", route="metal", outcome="ACCEPTED") == 1
    assert shown("waypost_reports_total", route="fruit", outcome="REJECTED") == 1
    assert shown("waypost_reports_total") == 3
    assert shown("waypost_reports_unjoined_total") == 3
    assert shown("waypost_feedback_total", feedback="NEGATIVE") == 1


def test_models_cost_their_tenant() -> None:
    counting = Counting(max_tenants=3)  # of which two are "default" and "unknown"
    attempts = [
        Attempt(
            model="small",
            error_kind="timeout",
            latency_ms=9000,
            breaker_open=True,
            input_tokens=5,
        ),
        Attempt(
            model="large",
            succeeded=True,
            latency_ms=3000,
            first_token_ms=200,
            input_tokens=10,
            output_tokens=20,
            cost_usd=0.5,
        ),
    ]
    of_token = Caller(tenant="bound")
    for event in (
        decided(tenant="acme"),
        decided(),
        decided(tenant="zeta"),
        decided(caller=of_token),
    ):
        counting.report(counting.decide(event), ACCEPTED, attempts=attempts)
    counting.report(new_decision_id(), ACCEPTED, attempts=attempts)
    shown = counting.shown
    costs = {
        tenant: shown("waypost_cost_usd_total", tenant=tenant, model="large")
        for tenant in ("acme", "default", "other", "unknown")
    }
    assert costs == {"acme": 0.5, "default": 0.5, "other": 1.0, "unknown": 0.5}
    assert shown("waypost_model_attempts_total", model="small", error="timeout") == 5
    assert shown("waypost_model_attempts_total", model="large", error="none") == 5
    assert shown("waypost_model_seconds_count") == 5  # those that answered
    assert shown("waypost_model_seconds_sum", model="large") == 15
    assert shown("waypost_model_first_token_seconds_sum") == 1
    assert shown("waypost_model_tokens_total", model="small", direction="input") == 25
    assert shown("waypost_model_tokens_total", direction="output") == 100


def test_names_that_callers_make_up_are_bounded() -> None:
    counting = Counting()
    for i in range(300):
        attempt = Attempt(model=f"model {i}", error_kind=f"error {i}")
        counting.report(new_decision_id(), FAILED, attempts=[attempt])
    shown = counting.shown
    assert len(shown.values("waypost_model_attempts_total", "model")) == 201
    assert len(shown.values("waypost_model_attempts_total", "error")) == 50
    assert shown("waypost_model_attempts_total", model="other", error="other") == 100


def test_only_so_many_decisions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REMEMBERED", 2)
    counting = Counting()
    decisions = [counting.decide(decided()) for _ in range(3)]
    for decision in decisions:
        counting.report(decision, ACCEPTED)
    assert counting.shown("waypost_judged_decisions_total") == 2
    assert counting.shown("waypost_reports_unjoined_total") == 1


def test_models_that_were_asked_are_counted_by_what_came_of_it_and_timed_if_they_were() -> None:
    counting = Counting()
    event = decided()
    asked = [
        Consultation(purpose=Purpose.ROUTE, model="small", result=Result.TIMEOUT, took_ns=10**9),
        Consultation(purpose=Purpose.ROUTE, model="small", result=Result.CACHED),
        Consultation(purpose=Purpose.PARAMS, model="small", result=Result.ANSWERED, took_ns=10**8),
    ]
    routed = replace(event.routed, consultations=tuple(asked))
    counting.decide(replace(event, routed=routed))
    shown = counting.shown
    counted = "waypost_consultations_total"
    assert shown(counted, purpose="route", result="timeout") == 1
    assert shown(counted, purpose="route", result="cached") == 1
    assert shown(counted, purpose="params", result="answered") == 1
    assert shown(counted) == 3
    assert shown("waypost_consultation_seconds_count") == 2
    assert shown("waypost_consultation_seconds_sum") == pytest.approx(1.1)
    assert shown("waypost_consultation_seconds_bucket", purpose="route", le="0.5") == 0


def test_what_the_server_asks_by_itself_is_a_cost_of_the_decisions_tenant() -> None:
    counting = Counting()
    event = decided(tenant="acme")
    asked = [
        Consultation(purpose=Purpose.ROUTE, model="small", result=Result.ANSWERED, cost_usd=0.25),
        Consultation(purpose=Purpose.PARAMS, model="small", result=Result.TIMEOUT, cost_usd=0.5),
        Consultation(purpose=Purpose.ROUTE, model="free", result=Result.ANSWERED),
    ]
    routed = replace(event.routed, consultations=tuple(asked))
    counting.decide(replace(event, routed=routed))
    assert counting.shown("waypost_cost_usd_total", tenant="acme", model="small") == 0.75
    assert counting.shown("waypost_cost_usd_total") == 0.75
