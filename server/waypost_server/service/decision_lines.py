"""A line in the server's log for each decision, report and query without an answer."""

import logging
from collections.abc import Sequence

from waypost_server.core.consultation import Consultation
from waypost_server.core.report import Attempt
from waypost_server.service.events import Decided, Reported
from waypost_server.service.failures import Failed

_log = logging.getLogger("waypost.decisions")


class DecisionLines:
    """Implements Observer; no line has a word of the query."""

    def decided(self, event: Decided) -> None:
        """Writes a line."""
        routed = event.routed
        decision, timings = routed.decision, routed.timings
        best = decision.candidates[0] if decision.candidates else None
        fields = {
            "decision_id": routed.decision_id,
            "route": decision.route.name,
            "outcome": decision.outcome.value,
            "reasons": [reason.value for reason in decision.reasons],
            "confidence": round(best.confidence, 4) if best else 0.0,
            "stage": routed.stage.value,
            "index_version": event.index_version,
            "tenant": routed.query.tenant or event.caller.tenant or "",
            "caller": event.caller.name,
            "models": list(event.models),
            **_asked(routed.consultations),
            "request_id": routed.query.request_id,
            "queue_us": timings.queue_ns // 1000,
            "encode_us": timings.encode_ns // 1000,
            "search_us": timings.search_ns // 1000,
            "decide_us": timings.decide_ns // 1000,
            "total_us": timings.total_ns // 1000,
        }
        _log.info("decided", extra={"fields": fields})

    def reported(self, event: Reported) -> None:
        """Writes a line."""
        report = event.report
        fields = {
            "decision_id": report.decision_id,
            "outcome": report.outcome.value if report.outcome else "",
            "route": report.route,
            "answered_by": report.answered_by,
            "attempts": [_attempt(attempt) for attempt in report.attempts],
            "caller": event.caller.name,
        }
        _log.info("reported", extra={"fields": fields})

    def failed(self, event: Failed) -> None:
        """Writes a line."""
        fields = {
            "request_id": event.request_id,
            "tenant": event.tenant or event.caller.tenant or "",
            "caller": event.caller.name,
            "code": event.code,
            "error": event.error,
        }
        _log.info("failed", extra={"fields": fields})


def _asked(consultations: Sequence[Consultation]) -> dict[str, list[str]]:
    """What came of asking language models, if anybody asked."""
    said = [f"{each.model}: {each.purpose} {each.result}" for each in consultations]
    return {"consultations": said} if said else {}


def _attempt(attempt: Attempt) -> str:
    how = "answered" if attempt.succeeded else attempt.error_kind or "failed"
    return f"{attempt.model}: {how}, {attempt.latency_ms} ms, ${attempt.cost_usd:g}"
