"""Protobuf to the client's types and back."""

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from waypost.v1 import contract_pb2, router_pb2
from waypost_client import _types as t
from waypost_client._convert_specialist import specialist_ref_of
from waypost_client._errors import (
    InternalError,
    InvalidRequestError,
    WaypostError,
    error_of_number,
)
from waypost_client._names import name_of
from waypost_client._report import AttemptRole, Feedback, ModelAttempt, Reported, SpecialistOutcome
from waypost_client._specialist import Specialist

_ROLES = {role: router_pb2.AttemptRole.Value(f"ATTEMPT_ROLE_{role}") for role in AttemptRole}


def request_of(
    text: str,
    *,
    request_id: str = "",
    conversation: t.Conversation | None = None,
    tenant: str = "",
    metadata: Mapping[str, str] | None = None,
    allowed_routes: Iterable[str] = (),
    input_tokens: int = 0,
    max_candidates: int = 0,
    explain: bool = False,
    wait_for_log: bool = False,
) -> router_pb2.RouteQueryRequest:
    """The request for one query; raises InvalidRequestError when protobuf cannot carry it."""
    try:
        request = router_pb2.RouteQueryRequest(
            text=text,
            request_id=request_id,
            tenant=tenant,
            metadata=metadata,
            allowed_routes=allowed_routes,
            input_tokens=input_tokens,
            max_candidates=max_candidates,
            explain=explain,
            wait_for_log=wait_for_log,
        )
        if conversation is not None:
            request.conversation.session_id = conversation.session_id
            request.conversation.previous_route = conversation.previous_route
            request.conversation.recent_user_turns.extend(conversation.recent_user_turns)
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"the request has a lone surrogate at character {error.start} of one of its texts, "
            "which UTF-8 cannot carry",
        ) from None
    except ValueError as error:
        raise InvalidRequestError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from None
    return request


def requests_of(
    texts: Iterable[str],
) -> tuple[list[router_pb2.RouteQueryRequest], list[WaypostError | None]]:
    """Requests for the texts that protobuf can carry, and for each text why not, or None."""
    if isinstance(texts, str):
        raise TypeError("texts is one string; give a list of strings, or ask with route()")
    requests: list[router_pb2.RouteQueryRequest] = []
    errors: list[WaypostError | None] = []
    for text in texts:
        try:
            requests.append(request_of(text))
            errors.append(None)
        except InvalidRequestError as error:
            errors.append(error)
    return requests, errors


def results_of(
    message: router_pb2.RouteQueriesResponse, errors: Iterable[WaypostError | None]
) -> list[t.Contract | WaypostError]:
    """The results, with the errors of `requests_of` in their places."""
    results = iter(message.results)
    return [error or result_of(next(results)) for error in errors]


def contract_of(message: contract_pb2.HandoffContract) -> t.Contract:
    """The contract that a message carries; raises InternalError where JSON could not carry it."""
    pb = contract_pb2
    return t.Contract(
        decision_id=message.decision_id,
        outcome=t.Outcome(name_of(pb.Outcome, "OUTCOME_", message.outcome)),
        action=t.Action(name_of(pb.Action, "ACTION_", message.action)),
        reasons=tuple(t.Reason(name_of(pb.Reason, "REASON_", r)) for r in message.reasons),
        route=message.route,
        confidence=message.confidence,
        calibration=t.Calibration(
            name_of(pb.CalibrationMethod, "CALIBRATION_METHOD_", message.calibration)
        ),
        similarity=message.similarity,
        threshold=message.threshold,
        extracted_params=_whole(_json_of(message.extracted_params)),
        missing_params=tuple(message.missing_params),
        fallback_route=message.fallback_route,
        rationale=message.rationale,
        clarifying_question=message.clarifying_question,
        candidates=tuple(map(_candidate, message.candidates)),
        specialist=specialist_ref_of(message.specialist),
        plan=tuple(map(_step, message.plan)),
        hints=_hints(message.hints),
        flags=tuple(map(_flag, message.flags)),
        index_version=message.index_version,
        contract_version=message.contract_version,
        encoder_fingerprint=message.encoder_fingerprint,
        stage=t.Stage(name_of(pb.DecisionStage, "DECISION_STAGE_", message.stage)),
        timings=t.Timings(
            queue_us=message.timings.queue_us,
            encode_us=message.timings.encode_us,
            search_us=message.timings.search_us,
            decide_us=message.timings.decide_us,
            total_us=message.timings.total_us,
        ),
        durable=message.durable,
        message=message,
    )


def result_of(message: router_pb2.RouteResult) -> t.Contract | WaypostError:
    """The contract of one query of a batch, or why there is none."""
    if message.WhichOneof("result") == "contract":
        try:
            return contract_of(message.contract)
        except InternalError as error:
            return error
    return error_of_number(message.error.code, message.error.message)


def routes_of(message: router_pb2.ListRoutesResponse) -> t.RouteList:
    """The loaded routes."""
    return t.RouteList(
        routes=tuple(
            t.RouteInfo(
                name=route.name,
                description=route.description,
                threshold=route.threshold,
                threshold_auto=route.threshold_auto,
                exemplar_count=route.exemplar_count,
                negative_count=route.negative_count,
                enabled=route.enabled,
                fallback_route=route.fallback_route,
            )
            for route in message.routes
        ),
        default_route=message.default_route,
        index_version=message.index_version,
    )


def specialist_of(
    message: router_pb2.GetSpecialistResponse, *, known_prompt_sha256: str
) -> Specialist:
    """A route's specialist."""
    held = bool(known_prompt_sha256) and message.specialist.prompt_sha256 == known_prompt_sha256
    has_schema = message.HasField("params_schema")
    return Specialist(
        route=message.route,
        prompt=None if held else message.prompt,
        ref=specialist_ref_of(message.specialist),
        params_schema=_json_of(message.params_schema) if has_schema else None,
    )


def report_of(
    decision_id: str,
    outcome: SpecialistOutcome,
    attempts: Iterable[ModelAttempt],
    *,
    route: str,
    answered_by: str,
    feedback: Feedback,
    correct_route: str,
    note: str,
) -> router_pb2.ReportOutcomeRequest:
    """The report about a decision."""
    return router_pb2.ReportOutcomeRequest(
        decision_id=decision_id,
        outcome=router_pb2.SpecialistOutcome.Value(f"SPECIALIST_OUTCOME_{outcome}"),
        attempts=map(_attempt, attempts),
        feedback=router_pb2.Feedback.Value(f"FEEDBACK_{feedback}"),
        correct_route=correct_route,
        note=note,
        route=route,
        answered_by=answered_by,
    )


def reported_of(message: router_pb2.ReportOutcomeResponse) -> Reported:
    """What a router says to a report."""
    return Reported(durable=message.durable, already_known=message.already_known)


def _json_of(message: Struct) -> dict[str, Any]:
    """What a Struct holds; raises InternalError for numbers that are not finite."""
    try:
        return json_format.MessageToDict(message)
    except ValueError:
        raise InternalError(
            grpc.StatusCode.INTERNAL, "the router sent a number that is not finite"
        ) from None


def _whole(value: Any) -> Any:  # noqa: ANN401  (what JSON knows)
    """The same with whole numbers as int: the protocol has floats alone."""
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _candidate(message: contract_pb2.Candidate) -> t.Candidate:
    return t.Candidate(
        route=message.route,
        confidence=message.confidence,
        similarity=message.similarity,
        threshold=message.threshold,
        score=message.score,
        nearest_exemplars=tuple(
            t.NearestExemplar(exemplar.text, exemplar.similarity)
            for exemplar in message.nearest_exemplars
        ),
    )


def _step(message: contract_pb2.PlanStep) -> t.PlanStep:
    return t.PlanStep(
        step=message.step,
        route=message.route,
        text=message.text,
        depends_on=tuple(message.depends_on),
        confidence=message.confidence,
        specialist=specialist_ref_of(message.specialist),
        extracted_params=_json_of(message.extracted_params),
    )


def _hints(message: contract_pb2.Hints) -> t.Hints:
    effort = name_of(
        contract_pb2.ReasoningEffort, "REASONING_EFFORT_", message.reasoning_effort
    ).lower()
    return t.Hints(
        needs_retrieval=message.needs_retrieval if message.HasField("needs_retrieval") else None,
        reasoning_effort=None if effort == "unspecified" else effort,
    )


def _flag(message: contract_pb2.Flag) -> t.Flag:
    pb = contract_pb2
    return t.Flag(
        kind=t.FlagKind(name_of(pb.FlagKind, "FLAG_KIND_", message.kind)),
        start=message.start,
        end=message.end,
        severity=t.Severity(name_of(pb.Severity, "SEVERITY_", message.severity)),
        detector=message.detector,
    )


def _attempt(attempt: ModelAttempt) -> router_pb2.ModelAttempt:
    return router_pb2.ModelAttempt(
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
        role=_ROLES[attempt.role],
    )
