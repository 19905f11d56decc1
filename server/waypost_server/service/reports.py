"""What clients report, from protobuf, and what became of it, to protobuf."""

from waypost.v1 import admin_pb2, router_pb2
from waypost_server.core.outcomes import ModelCount, Outcomes
from waypost_server.core.report import (
    Attempt,
    Feedback,
    OutcomeReport,
    Role,
    SpecialistOutcome,
    check_attempt_count,
)
from waypost_server.service.journal import Journal

_OUTCOMES = {
    router_pb2.SpecialistOutcome.Value(f"SPECIALIST_OUTCOME_{outcome}"): outcome
    for outcome in SpecialistOutcome
}
_ROLES = {router_pb2.AttemptRole.Value(f"ATTEMPT_ROLE_{role}"): role for role in Role}
_FEEDBACK = {router_pb2.Feedback.Value(f"FEEDBACK_{said}"): said for said in Feedback}


def report_of(request: router_pb2.ReportOutcomeRequest) -> OutcomeReport:
    """The report that a request carries; InvalidQueryError if it has too many attempts."""
    check_attempt_count(len(request.attempts))
    return OutcomeReport(
        decision_id=request.decision_id,
        outcome=_OUTCOMES.get(request.outcome),
        attempts=[
            Attempt(
                model=attempt.model,
                succeeded=attempt.succeeded,
                error_kind=attempt.error_kind,
                latency_ms=attempt.latency_ms,
                first_token_ms=attempt.first_token_ms,
                input_tokens=attempt.input_tokens,
                output_tokens=attempt.output_tokens,
                cost_usd=attempt.cost_usd,
                breaker_open=attempt.breaker_open,
                breaker_open_ms=attempt.breaker_open_ms,
                route=attempt.route,
                role=_ROLES.get(attempt.role, Role.ANSWER),
            )
            for attempt in request.attempts
        ],
        feedback=_FEEDBACK.get(request.feedback),
        correct_route=request.correct_route,
        note=request.note,
        route=request.route,
        answered_by=request.answered_by,
    )


def log_status(journal: Journal) -> admin_pb2.DecisionLogStatus:
    """How the decision log is doing."""
    return admin_pb2.DecisionLogStatus(
        written=journal.written,
        dropped=journal.dropped,
        waiting=journal.waiting,
        problem=journal.problem,
    )


def model_statuses(outcomes: Outcomes) -> list[admin_pb2.ModelStatus]:
    """What is known of models, by name."""
    left_out = outcomes.breakers.left_out()
    counts = {model: ModelCount() for model in left_out} | dict(outcomes.models)
    return [
        admin_pb2.ModelStatus(
            name=model,
            succeeded=count.succeeded,
            failed=count.failed,
            left_out=model in left_out,
        )
        for model, count in sorted(counts.items())
    ]


def route_outcomes(outcomes: Outcomes) -> list[admin_pb2.RouteOutcomes]:
    """What is known of routes, by name."""
    return [
        admin_pb2.RouteOutcomes(
            route=route, **{outcome.lower(): count for outcome, count in counts.items()}
        )
        for route, counts in sorted(outcomes.routes.items())
    ]
