"""Counts decisions and what became of them."""

from collections import deque
from typing import NamedTuple

from waypost_server.core import metric_names as names
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.core.decision import Decision
from waypost_server.core.outcome import Outcome, Reason, Stage
from waypost_server.core.ranking import Candidate
from waypost_server.core.report import Attempt, Feedback, OutcomeReport, SpecialistOutcome
from waypost_server.service.events import Decided, Reported
from waypost_server.service.instruments import Bounded, Instruments
from waypost_server.service.routed import Timings
from waypost_server.service.tallies import Spread, Tally

REMEMBERED = 100_000
"""Decisions that a report can be joined with, the last ones: 21 MB."""

DEFAULT_TENANT = "default"

BINS = 10
"""Tenths of confidence, as ECE is mostly given."""


class _Kept(NamedTuple):
    """What is kept of a decision until somebody reports; `best` is empty without a candidate."""

    best: str
    route: str
    confidence: float
    tenant: str


STEPS = ("queue", "encode", "search", "decide", "total")


class DecisionMetrics:
    """Implements Observer."""

    def __init__(self, instruments: Instruments, *, max_tenants: int) -> None:
        """Has heard nothing yet.

        Args:
            instruments: what counts.
            max_tenants: tenants that are told apart, the first ones; the others are counted as one.
        """
        self._to = instruments
        self._route = Bounded(names.MAX_ROUTES)
        self._tenant = Bounded(max_tenants, (DEFAULT_TENANT, names.UNKNOWN))
        self._model = Bounded(names.MAX_MODELS)
        self._error = Bounded(names.MAX_ERRORS, ("none",))
        # Looking a series up takes longer than counting in it.
        self._tallies: dict[tuple[str, Outcome, Stage, tuple[Reason, ...]], Tally] = {}
        self._likeness: dict[str, tuple[Spread, Spread]] = {}
        self._steps: dict[Stage, tuple[Spread, ...]] = {}
        self._rerouted = instruments.tally((names.REROUTES, ()))
        self._unjoined = instruments.counter(names.UNJOINED).inc
        self._kept: dict[int, _Kept] = {}
        self._order: deque[int] = deque()
        for name in range(BINS):
            for metric in (names.JUDGED, names.JUDGED_CONFIDENCE, names.JUDGED_CORRECT):
                instruments.counter(metric, _bin_label(name))
        for said in Feedback:
            instruments.counter(names.FEEDBACK, said)
        for purpose in Purpose:
            instruments.histogram(names.CONSULTATION_SECONDS, purpose)
            for result in Result:
                instruments.counter(names.CONSULTATIONS, purpose, result)

    def decided(self, event: Decided) -> None:
        """Counts a decision."""
        routed = event.routed
        decision = routed.decision
        key = decision.route.name, decision.outcome, routed.stage, decision.reasons
        tally = self._tallies.get(key) or self._tally(*key)
        tally.count += 1
        best = decision.candidates[0] if decision.candidates else None
        if best:
            confidence, similarity = self._likeness.get(best.route) or self._like(best.route)
            confidence.observe(best.confidence)
            similarity.observe(max(0.0, best.similarity))
        self._time(routed.timings, self._steps.get(routed.stage) or self._step(routed.stage))
        if event.rejected_decision:
            self._rerouted.count += 1
        tenant = routed.query.tenant or event.caller.tenant or DEFAULT_TENANT
        for consultation in routed.consultations:
            self._consult(consultation, tenant)
        self._keep(routed.decision_id, decision, best, tenant)

    def reported(self, event: Reported) -> None:
        """Counts a report; one that repeats another changes nothing."""
        report = event.report
        if event.known:
            return
        kept = self._kept.get(_number(report.decision_id))
        if report.feedback:
            self._to.counter(names.FEEDBACK, report.feedback).inc()
        # Who accepted may be another route than the one that the decision named.
        accepted = report.outcome is SpecialistOutcome.ACCEPTED
        route = (accepted and report.answered_by) or report.route or (kept.route if kept else "")
        if report.outcome and route:
            self._to.counter(names.REPORTS, self._route(route), report.outcome).inc()
        tenant = kept.tenant if kept else event.caller.tenant or names.UNKNOWN
        for attempt in report.attempts:
            self._attempt(attempt, self._tenant(tenant))
        if kept is None:
            self._unjoined()
        elif kept.best and (right := _was_right(kept, report)) is not None:
            self._judge(kept, right=right)
            # Judged once: a word that comes later cannot take a count back.
            self._kept[_number(report.decision_id)] = kept._replace(best="")

    def _keep(
        self, decision_id: str, decision: Decision, best: Candidate | None, tenant: str
    ) -> None:
        number, route = _number(decision_id), decision.route.name
        if best:
            self._kept[number] = _Kept(best.route, route, best.confidence, tenant)
        else:
            self._kept[number] = _Kept("", route, 0.0, tenant)
        self._order.append(number)
        if len(self._order) > REMEMBERED:
            del self._kept[self._order.popleft()]

    def _judge(self, kept: _Kept, *, right: bool) -> None:
        label = _bin_label(min(int(kept.confidence * BINS), BINS - 1))
        self._to.counter(names.JUDGED, label).inc()
        self._to.counter(names.JUDGED_CONFIDENCE, label).inc(kept.confidence)
        self._to.counter(names.JUDGED_CORRECT, label).inc(right)

    def _attempt(self, attempt: Attempt, tenant: str) -> None:
        to, model = self._to, self._model(attempt.model)
        error = "none" if attempt.succeeded else self._error(attempt.error_kind or names.UNKNOWN)
        to.counter(names.ATTEMPTS, model, error).inc()
        if attempt.succeeded:
            to.histogram(names.MODEL_SECONDS, model).observe(attempt.latency_ms / 1000)
        if attempt.first_token_ms:
            seconds = attempt.first_token_ms / 1000
            to.histogram(names.FIRST_TOKEN_SECONDS, model).observe(seconds)
        to.counter(names.TOKENS, model, "input").inc(attempt.input_tokens)
        to.counter(names.TOKENS, model, "output").inc(attempt.output_tokens)
        to.counter(names.COST, tenant, model).inc(attempt.cost_usd)

    def _consult(self, one: Consultation, tenant: str) -> None:
        self._to.counter(names.CONSULTATIONS, one.purpose, one.result).inc()
        if one.took_ns:
            self._to.histogram(names.CONSULTATION_SECONDS, one.purpose).observe(one.took_ns / 1e9)
        if one.cost_usd:
            model = self._model(one.model)
            self._to.counter(names.COST, self._tenant(tenant), model).inc(one.cost_usd)

    @staticmethod
    def _time(timings: Timings, steps: tuple[Spread, ...]) -> None:
        queue, encode, search, decide, total = steps
        queue.observe(timings.queue_ns / 1e9)
        if timings.encode_ns:
            encode.observe(timings.encode_ns / 1e9)
        if timings.search_ns:
            search.observe(timings.search_ns / 1e9)
        decide.observe(timings.decide_ns / 1e9)
        total.observe(timings.total_ns / 1e9)

    def _tally(
        self, route: str, outcome: Outcome, stage: Stage, reasons: tuple[Reason, ...]
    ) -> Tally:
        label = self._route(route)
        found = self._tallies[route, outcome, stage, reasons] = self._to.tally(
            (names.DECISIONS, (label, outcome, stage)),
            *((names.REASONS, (label, reason)) for reason in reasons),
        )
        return found

    def _like(self, route: str) -> tuple[Spread, Spread]:
        label = self._route(route)
        found = self._likeness[route] = (
            self._to.spread(names.CONFIDENCE, label),
            self._to.spread(names.SIMILARITY, label),
        )
        return found

    def _step(self, stage: Stage) -> tuple[Spread, ...]:
        found = self._steps[stage] = tuple(
            self._to.spread(names.DECISION_SECONDS, step, stage) for step in STEPS
        )
        return found


def _was_right(kept: _Kept, report: OutcomeReport) -> bool | None:
    """Whether the best candidate was the right one; None where the report does not say."""
    if report.correct_route:
        return report.correct_route == kept.best
    if kept.route != kept.best:
        return None  # another one was asked, which says nothing of the best
    if report.outcome is SpecialistOutcome.REJECTED:
        return False
    if report.outcome is SpecialistOutcome.ACCEPTED:
        return None if report.answered_by not in ("", kept.best) else True
    return None


def _bin_label(number: int) -> str:
    return f"{number / BINS:.1f}"


def _number(decision_id: str) -> int:
    """A UUID in half of its text's memory; its form was checked."""
    return int(decision_id.replace("-", ""), 16)
