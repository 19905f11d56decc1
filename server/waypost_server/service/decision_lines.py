"""A line in the server's own log for each decision."""

import logging

from waypost_server.service.events import Decided, Reported

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
            "confidence": round(best.confidence, 4) if best else 0.0,
            "stage": routed.stage.value,
            "index_version": event.index_version,
            "tenant": routed.query.tenant or event.caller.tenant or "",
            "caller": event.caller.name,
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
            "attempts": len(report.attempts),
            "caller": event.caller.name,
        }
        _log.info("reported", extra={"fields": fields})
