"""How long models take lately, as clients report: the 99th percentile, in bounded memory.

Each call counts half as much two minutes later. A model that is called no more because it was slow
is thus soon unknown again, and tried anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import log

from waypost_server.core.report import Attempt, Role

HALF_LIFE_SECONDS = 120.0

ENOUGH = 10.0
"""Calls, as they count now, that a percentile needs; fewer say nothing of the slowest."""

SHARE = 0.99

STEP = 1.1
"""Ratio of a bucket's bounds, and so how far a percentile may be off."""

BUCKETS = 160
"""From 1 ms to more than an hour."""

RESCALED = 2.0**40
"""Weight of a new call beside the oldest at which all are counted anew: floats end at 2**1023."""

FRESH_SECONDS = 1.0
"""How long a percentile is used again."""


@dataclass(slots=True)
class _Seen:
    since: float
    counts: list[float] = field(default_factory=lambda: [0.0] * BUCKETS)
    known_at: float = float("-inf")
    known: float | None = None


class Latencies:
    """What each model of the fleet took; not thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Has heard nothing yet; `clock` gives seconds and never goes back."""
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def hear(self, attempt: Attempt) -> None:
        """Takes in a call of a model that the fleet has.

        One that failed says how long somebody waited only if it ran out of time; a judge's answer
        is a line, and says nothing of others.
        """
        if attempt.role is Role.JUDGE or not (attempt.succeeded or attempt.error_kind == "timeout"):
            return
        now = self._clock()
        seen = self._seen.setdefault(attempt.model, _Seen(now))
        weight = _growth(now - seen.since)
        if weight > RESCALED:
            seen.counts = [count / weight for count in seen.counts]
            seen.since, weight = now, 1.0
        bucket = int(log(max(attempt.latency_ms, 1)) / log(STEP))
        seen.counts[min(bucket, BUCKETS - 1)] += weight

    def p99_ms(self, model: str) -> float | None:
        """Milliseconds that 99 calls in 100 stay under, at most a tenth too many.

        Returns:
            None where too few are known.
        """
        seen = self._seen.get(model)
        if seen is None:
            return None
        now = self._clock()
        if now - seen.known_at >= FRESH_SECONDS:
            seen.known_at, seen.known = now, _percentile(seen, now)
        return seen.known


def _growth(seconds: float) -> float:
    return float(2.0 ** min(seconds / HALF_LIFE_SECONDS, 500.0))


def _percentile(seen: _Seen, now: float) -> float | None:
    total = sum(seen.counts)
    if total < ENOUGH * _growth(now - seen.since):
        return None
    reached = 0.0
    for bucket, count in enumerate(seen.counts):
        reached += count
        if reached >= SHARE * total:
            return float(STEP ** (bucket + 1))
    return float(STEP**BUCKETS)
