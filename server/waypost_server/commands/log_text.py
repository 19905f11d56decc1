"""Logged decisions for people."""

from waypost_server.adapters.log_json import iso_time
from waypost_server.core.decision_log import DecisionRecord, LoggedDecision, OutcomeRecord
from waypost_server.core.report import Attempt


def decision_line(decision: DecisionRecord) -> str:
    """When, which, where to, and how sure."""
    tenant = f" tenant={decision.tenant}" if decision.tenant else ""
    return (
        f"{iso_time(decision.at_ms)} {decision.decision_id} {decision.outcome:<12} "
        f"{decision.confidence:.3f} {decision.route}{tenant}"
    )


def logged_text(logged: LoggedDecision) -> str:
    """All of it, a line for each thing there is something to say of."""
    lines = []
    if logged.decision:
        lines += [f"{name:<12} {value}" for name, value in _facts(logged.decision) if value]
    else:
        lines.append("The decision itself is not in the log; what was reported of it is.")
    for outcome in logged.outcomes:
        lines += _outcome(outcome)
    if not logged.outcomes:
        lines.append("reported     nothing yet")
    return "\n".join(lines)


def _facts(decision: DecisionRecord) -> list[tuple[str, str]]:
    timings = decision.timings
    return [
        ("decision", decision.decision_id),
        ("at", iso_time(decision.at_ms)),
        ("route", f"{decision.route} ({decision.outcome}, {decision.action})"),
        ("because", ", ".join(decision.reasons)),
        ("confidence", f"{decision.confidence:.3f} ({decision.calibration})"),
        ("similarity", f"{decision.similarity:.3f}, needs {decision.threshold:.3f}"),
        ("candidates", ", ".join(f"{c.route} {c.confidence:.3f}" for c in decision.candidates)),
        ("plan", _plan(decision)),
        ("fallback", decision.fallback_route),
        ("models", ", ".join(decision.models)),
        *(("left out", f"{each.name}: {each.why}") for each in decision.excluded_models or ()),
        ("index", f"{decision.index_version}, decided by {decision.stage}"),
        (
            "took",
            f"{timings.total_us / 1000:.1f} ms, {timings.queue_us / 1000:.1f} of them waiting",
        ),
        ("asking cost", f"${usd:g}" if (usd := decision.consultation_usd) else ""),
        ("tenant", decision.tenant),
        ("caller", decision.caller),
        ("request_id", decision.request_id),
        ("session_id", decision.session_id),
        ("went on from", decision.previous_route),
        ("allowed", ", ".join(decision.allowed_routes)),
        ("rejected", ", ".join(decision.rejected_routes)),
        ("in place of", decision.rejected_decision),
        ("rejected for", decision.rejection_reason),
        ("flags", ", ".join(f"{flag.kind} {flag.severity}" for flag in decision.flags or ())),
        ("metadata", ", ".join(f"{k}={v}" for k, v in (decision.metadata or {}).items())),
        ("text", decision.text or ""),
    ]


def _plan(decision: DecisionRecord) -> str:
    steps = []
    for number, step in enumerate(decision.plan or (), start=1):
        after = f" after {', '.join(map(str, step.depends_on))}" if step.depends_on else ""
        steps.append(f"{number}. {step.route} {step.confidence:.3f}{after}")
    return "; ".join(steps)


def _outcome(outcome: OutcomeRecord) -> list[str]:
    report = outcome.report
    said = [
        report.outcome or "",
        f"feedback {report.feedback}" if report.feedback else "",
        f"answered by {report.answered_by}" if report.answered_by else "",
        f"right would be {report.correct_route}" if report.correct_route else "",
        f"by {outcome.caller}" if outcome.caller else "",
        report.note,
    ]
    head = f"reported     {iso_time(outcome.at_ms)} {', '.join(part for part in said if part)}"
    return [head, *(f"             {_attempt(attempt)}" for attempt in report.attempts)]


def _attempt(attempt: Attempt) -> str:
    how = "answered" if attempt.succeeded else f"failed: {attempt.error_kind or 'not said'}"
    role = "" if attempt.role == "ANSWER" else f" as {attempt.role}"
    tokens = f"{attempt.input_tokens} + {attempt.output_tokens} tokens"
    return f"{attempt.model}{role} {how}, {attempt.latency_ms} ms, {tokens}, ${attempt.cost_usd:g}"
