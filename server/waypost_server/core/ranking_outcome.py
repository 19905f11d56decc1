"""What becomes of a query whose routes are ranked: scope, threshold, margin, least confidence."""

from collections.abc import Sequence

from waypost_server.core.catalog import Catalog
from waypost_server.core.clues import Previous
from waypost_server.core.outcome import Outcome, Reason
from waypost_server.core.ranking import Candidate, Ranking
from waypost_server.core.staying import stay

SCOPE_BAR = 0.5
"""Probability of belonging to any route under which a query counts as out of scope."""


def judge(
    ranking: Ranking, catalog: Catalog, previous: Previous | None
) -> tuple[Ranking, Outcome, tuple[Reason, ...]]:
    """What becomes of the ranking, and of the query.

    Where the conversation puts its previous route first, the query need be near no exemplar: the
    chance that it goes on there is all that counts.
    """
    outcome, reasons = _judge_alone(ranking, catalog)
    if previous is None:
        return ranking, outcome, reasons
    alone, ranking = ranking, stay(ranking, previous)
    if ranking is alone:
        return ranking, outcome, reasons
    best, *others = ranking.candidates
    if best.route != previous.route:
        outcome, reasons = _judge_alone(ranking, catalog)
        if outcome is Outcome.MATCHED:
            reasons = (*reasons, Reason.TOPIC_SWITCH)
    elif outcome is not Outcome.MATCHED or alone.candidates[0].route != best.route:
        outcome, reasons = _judge_followup(ranking, best, others, catalog)
    return ranking, outcome, reasons


def _judge_alone(ranking: Ranking, catalog: Catalog) -> tuple[Outcome, tuple[Reason, ...]]:
    taxonomy = catalog.taxonomy
    if not ranking.candidates:
        return Outcome.OUT_OF_SCOPE, (Reason.NO_CANDIDATE,)
    best, *others = ranking.candidates
    if ranking.scope_probability < SCOPE_BAR:
        return Outcome.OUT_OF_SCOPE, (Reason.NEAR_NO_ROUTE,)
    if not best.reaches_threshold:
        return Outcome.FALLBACK, (Reason.BELOW_THRESHOLD,)
    if others and _too_close(best, others[0], ranking, catalog):
        return Outcome.AMBIGUOUS, (Reason.WITHIN_MARGIN, Reason.ABOVE_THRESHOLD)
    # An uncalibrated confidence is no probability, so no bar may be laid on it.
    if ranking.calibrated and best.confidence < taxonomy.min_confidence:
        return Outcome.FALLBACK, (Reason.BELOW_MIN_CONFIDENCE, Reason.ABOVE_THRESHOLD)
    return Outcome.MATCHED, (Reason.ABOVE_THRESHOLD,)


def _judge_followup(
    ranking: Ranking, best: Candidate, others: Sequence[Candidate], catalog: Catalog
) -> tuple[Outcome, tuple[Reason, ...]]:
    """What becomes of a query that only the conversation puts where it was, on the best route."""
    if ranking.scope_probability < SCOPE_BAR:
        return Outcome.OUT_OF_SCOPE, (Reason.NEAR_NO_ROUTE,)
    if others and _too_close(best, others[0], ranking, catalog):
        return Outcome.AMBIGUOUS, (Reason.WITHIN_MARGIN, Reason.STICKY)
    if best.confidence < catalog.taxonomy.min_confidence:
        return Outcome.FALLBACK, (Reason.BELOW_MIN_CONFIDENCE, Reason.STICKY)
    return Outcome.MATCHED, (Reason.STICKY,)


def _too_close(best: Candidate, second: Candidate, ranking: Ranking, catalog: Catalog) -> bool:
    """Whether it is surely one of the two, and not which."""
    taxonomy = catalog.taxonomy
    surely = best.confidence + second.confidence >= taxonomy.min_confidence
    return (
        second.reaches_threshold
        and best.confidence - second.confidence < taxonomy.margin
        and (surely or not ranking.calibrated)
    )
