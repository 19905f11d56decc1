"""An evaluation as one JSON object. Keys are only ever added; numbers are fractions in [0, 1].

index_version, encoder, calibration, min_confidence
queries, in_scope, out_of_scope           how many
figures       {name: {value, low, high} or null}; the names are those of `figures.FIGURES`,
              low and high the 95% interval, null where the queries cannot tell
outcomes      {outcome: {in_scope, out_of_scope}}   how many
plans         {in_scope, out_of_scope}  how many of the MATCHED became plans; each went to the
              route of its first step
per_route     [{route, support, called, precision, recall, f1}], "oos" last; null as above
confusion     {labels, counts}            rows by label, columns by what a query was taken for
reliability   [{queries, confidence, accuracy, low, high}]   in scope, equal-mass bins
coverage      [{min_confidence, coverage, accuracy}]         in scope, by falling bar
mistakes      [{source, text, label, called, best, route, outcome, confidence,
              nearest: {text, similarity} or null, nearest_right: likewise, plan}], surest
              first; `called` is what the query was taken for, `best` the best candidate,
              `route` where it went, `plan` the routes of its steps
lost          likewise: taken for their label, and yet sent elsewhere
comparison    null, or {index_version, verdict, finding, p_value, sent, shares, figures,
              per_route, became_right, became_wrong}: the old bundle's version, figures and
              routes; finding is gain, loss, noise or same, of what queries are taken for, sent
              likewise of where they go; shares {name: {before, after, low, high}}, the names
              those of `paired.SHARES`; changes are
              [{source, text, label, before: {called, confidence}, after: likewise}]
gate          null, or {passed, bars: [{figure, route, at_least, at_most, value, passed}]}
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from waypost_server.core.ranking import NearestExemplar
from waypost_server.lab.bootstrap import Measured
from waypost_server.lab.comparison import Change, Comparison
from waypost_server.lab.gate import BarResult
from waypost_server.lab.judged import Judged
from waypost_server.lab.per_route import RouteFigures
from waypost_server.lab.report import Report

DIGITS = 6
"""Digits after the point: far finer than any interval."""


def as_json(report: Report) -> dict[str, Any]:
    """The object, of values that JSON has."""
    evaluation = report.evaluation
    subject = evaluation.subject
    plain = {
        "index_version": subject.index_version,
        "encoder": subject.encoder,
        "calibration": subject.calibration,
        "min_confidence": subject.min_confidence,
        "queries": len(evaluation.judged),
        "in_scope": evaluation.in_scope,
        "out_of_scope": len(evaluation.judged) - evaluation.in_scope,
        "figures": _figures(evaluation.figures),
        "outcomes": {
            outcome.value: {"in_scope": inside, "out_of_scope": outside}
            for outcome, (inside, outside) in evaluation.outcomes.items()
        },
        "plans": dict(zip(("in_scope", "out_of_scope"), evaluation.plans, strict=True)),
        "per_route": [_route(figures) for figures in evaluation.per_route],
        "confusion": {
            "labels": list(evaluation.confusion.labels),
            "counts": evaluation.confusion.counts.tolist(),
        },
        "reliability": [asdict(part) for part in evaluation.reliability],
        "coverage": [asdict(point) for point in evaluation.coverage],
        "mistakes": [_mistake(row) for row in evaluation.mistakes],
        "lost": [_mistake(row) for row in evaluation.lost],
        "comparison": None if report.comparison is None else _comparison(report.comparison),
        "gate": None if report.gate is None else _gate(report.gate),
    }
    rounded: dict[str, Any] = _rounded(plain)
    return rounded


def _figures(figures: Mapping[str, Measured | None]) -> dict[str, Any]:
    return {name: asdict(measured) if measured else None for name, measured in figures.items()}


def _route(figures: RouteFigures) -> dict[str, Any]:
    return {
        "route": figures.route,
        "support": figures.support,
        "called": figures.called,
        "precision": figures.precision,
        "recall": figures.recall,
        "f1": figures.f1,
    }


def _mistake(row: Judged) -> dict[str, Any]:
    return {
        "source": row.query.source,
        "text": row.query.text,
        "label": row.query.label,
        "called": row.called,
        "best": row.best,
        "route": row.route,
        "outcome": row.outcome.value,
        "confidence": row.confidence,
        "nearest": _nearest(row.nearest),
        "nearest_right": _nearest(row.nearest_right),
        "plan": list(row.plan),
    }


def _nearest(exemplar: NearestExemplar | None) -> dict[str, Any] | None:
    return None if exemplar is None else asdict(exemplar)


def _comparison(comparison: Comparison) -> dict[str, Any]:
    before = comparison.before
    return {
        "index_version": before.subject.index_version,
        "verdict": comparison.verdict,
        "finding": comparison.finding,
        "p_value": comparison.p_value,
        "sent": comparison.sent,
        "shares": {name: asdict(share) for name, share in comparison.shares.items()},
        "figures": _figures(before.figures),
        "per_route": [_route(figures) for figures in before.per_route],
        "became_right": [_change(change) for change in comparison.became_right],
        "became_wrong": [_change(change) for change in comparison.became_wrong],
    }


def _change(change: Change) -> dict[str, Any]:
    query = change.after.query
    return {"source": query.source, "text": query.text, "label": query.label} | {
        side: {"called": row.called, "confidence": row.confidence}
        for side, row in (("before", change.before), ("after", change.after))
    }


def _gate(gate: Sequence[BarResult]) -> dict[str, Any]:
    return {
        "passed": all(result.passed for result in gate),
        "bars": [
            asdict(result.bar) | {"value": result.value, "passed": result.passed} for result in gate
        ],
    }


def _rounded(value: Any) -> Any:  # noqa: ANN401  (JSON)
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
