"""What is kept of an event, and how much memory that takes until it is on disk."""

import sys
from itertools import chain

from waypost_server.core.decision_log import (
    CandidateRecord,
    DecisionRecord,
    ExcludedRecord,
    FlagRecord,
    OutcomeRecord,
    Record,
    StepRecord,
    TimingsRecord,
)
from waypost_server.core.query import Query
from waypost_server.core.redaction import without
from waypost_server.service.events import Decided, Reported
from waypost_server.service.routed import Timings

DECISION_BYTES, OUTCOME_BYTES = 2_000, 500
"""Memory of a record without what may be long."""

CANDIDATE_BYTES, ATTEMPT_BYTES, NAME_BYTES = 200, 400, 100


def decision_record(event: Decided, *, at_ms: int, keep_text: bool) -> DecisionRecord:
    """What is kept of a decision, not redacted yet.

    Args:
        event: the decision.
        at_ms: when, in milliseconds since 1970.
        keep_text: whether to keep the query and its metadata.
    """
    routed = event.routed
    decision, query = routed.decision, routed.query
    best = decision.candidates[0] if decision.candidates else None
    previous = query.clues.previous
    return DecisionRecord(
        decision_id=routed.decision_id,
        at_ms=at_ms,
        tenant=query.tenant,
        caller=event.caller.name,
        request_id=query.request_id,
        session_id=query.conversation.session_id,
        previous_route=previous.route if previous else "",
        route=decision.route.name,
        outcome=decision.outcome,
        action=decision.action,
        reasons=decision.reasons,
        confidence=best.confidence if best else 0.0,
        similarity=best.similarity if best else 0.0,
        threshold=best.threshold if best else 0.0,
        calibration=event.calibration,
        stage=routed.stage,
        candidates=tuple(
            CandidateRecord(
                route=candidate.route,
                confidence=candidate.confidence,
                similarity=candidate.similarity,
                threshold=candidate.threshold,
            )
            for candidate in decision.candidates[: query.candidate_count]
        ),
        fallback_route=decision.fallback_route,
        models=event.models,
        excluded_models=tuple(ExcludedRecord(name=name, why=why) for name, why in event.excluded),
        index_version=event.index_version,
        encoder_fingerprint=event.encoder_fingerprint,
        timings=_timings(routed.timings),
        allowed_routes=tuple(sorted(query.allowed_routes)),
        rejected_routes=query.rejected_routes,
        rejected_decision=event.rejected_decision,
        rejection_reason=event.rejection_reason,
        text=_kept(query) if keep_text else None,
        text_redacted=keep_text and bool(query.clues.hidden),
        # A long text may have hundreds of them.
        flags=tuple(
            FlagRecord(kind=kind, severity=severity)
            for kind, severity in dict.fromkeys((f.kind, f.severity) for f in query.clues.flags)
        ),
        plan=tuple(
            StepRecord(
                route=step.route.name,
                depends_on=tuple(position + 1 for position in step.depends_on),
                confidence=step.confidence,
            )
            for step in decision.plan
        ),
        metadata=query.metadata if keep_text or not query.metadata else None,
        consultation_usd=sum((each.cost_usd for each in routed.consultations), 0.0),
    )


def outcome_record(event: Reported, *, at_ms: int) -> OutcomeRecord:
    """What is kept of a report, not redacted yet; `at_ms` as for a decision."""
    return OutcomeRecord(report=event.report, caller=event.caller.name, at_ms=at_ms)


def size_of(record: Record) -> int:
    """About how many bytes of memory a record takes."""
    if isinstance(record, OutcomeRecord):
        report = record.report
        return OUTCOME_BYTES + len(report.attempts) * ATTEMPT_BYTES + sys.getsizeof(report.note)
    names = len(record.allowed_routes) + len(record.rejected_routes) + len(record.models)
    steps = len(record.plan or ()) + len(record.flags or ())
    steps += len(record.excluded_models or ())
    said = sum(map(sys.getsizeof, chain.from_iterable((record.metadata or {}).items())))
    return (
        DECISION_BYTES
        + (len(record.candidates) + steps) * CANDIDATE_BYTES
        + said
        + names * NAME_BYTES
        + sys.getsizeof(record.text)
        + sys.getsizeof(record.rejection_reason)
    )


def _kept(query: Query) -> str:
    """The text without what the guard keeps out of logs."""
    found = query.clues.hidden
    if not found:
        return query.text
    whole = len(query.text)
    return without(
        query.text,
        [(flag.start if flag.end else 0, flag.end or whole, flag.kind.lower()) for flag in found],
    )


def _timings(timings: Timings) -> TimingsRecord:
    return TimingsRecord(
        queue_us=timings.queue_ns // 1000,
        encode_us=timings.encode_ns // 1000,
        search_us=timings.search_ns // 1000,
        decide_us=timings.decide_ns // 1000,
        total_us=timings.total_ns // 1000,
    )
