"""What becomes of a ranking in a conversation: the previous route may rise, and nothing else."""

import math

from waypost_server.core.changed import changed
from waypost_server.core.clues import Previous
from waypost_server.core.ranking import Ranking

PREVIOUS_WEIGHT = 0.66
"""Of the log-odds that the previous route has without the conversation."""

OTHER_WEIGHT = -0.36
"""Of the log-odds that the best other route has."""

CERTAIN = 7.0
"""Log-odds beyond which a confidence says no more: 1 in 1,000."""


def stay(ranking: Ranking, previous: Previous) -> Ranking:
    """The ranking with what the conversation says of it.

    The previous route never loses by it, the others share what it leaves in the proportions that
    they had, and the confidences together stay at most 1. Nothing changes where the previous route
    is no candidate, or where the best route of all may not be one: that one must not be forgotten.
    """
    candidates = ranking.candidates
    before = next((one for one in candidates if one.route == previous.route), None)
    if before is None or ranking.left_out:
        return ranking
    rival = next((one.confidence for one in candidates if one is not before), 0.0)
    stays_by = (
        previous.log_odds
        + PREVIOUS_WEIGHT * log_odds(before.confidence)
        + OTHER_WEIGHT * log_odds(rival)
    )
    stays = max(1 / (1 + math.exp(-stays_by)), before.confidence)
    rest = (1 - stays) / max(1 - before.confidence, 1e-12)
    others = [
        changed(one, confidence=one.confidence * rest) for one in candidates if one is not before
    ]
    best_score = max(one.score for one in candidates)
    place = sum(one.confidence > stays for one in others)
    after = changed(
        before, confidence=stays, score=before.score if place else max(before.score, best_score)
    )
    elsewhere = max(ranking.scope_probability - before.confidence, 0.0)
    return changed(
        ranking,
        candidates=(*others[:place], after, *others[place:]),
        scope_probability=min(stays + elsewhere * rest, 1.0),
    )


def log_odds(probability: float) -> float:
    """Log-odds of a probability, `CERTAIN` at most either way."""
    within = min(max(probability, 1e-9), 1 - 1e-9)
    return min(max(math.log(within / (1 - within)), -CERTAIN), CERTAIN)
