"""What a minute of overload comes to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.overload.load import Call

OK, CANCELLED, REFUSED = 0, 1, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What a number of calls came to; times in ms, NaN where there were none.

    Attributes:
        per_second: calls offered.
        offered: calls.
        answered: share of them.
        refused: share that heard RESOURCE_EXHAUSTED.
        dropped: share that gRPC cancelled.
        other: share that ended otherwise.
        p50: of the answered.
        p99: of the answered.
        refused_p99: of those refused and dropped, from when they were due.
        late_p99: how late they were sent.
    """

    per_second: float
    offered: int
    answered: float
    refused: float
    dropped: float
    other: float
    p50: float
    p99: float
    refused_p99: float
    late_p99: float


def leg_of(calls: Sequence[Call], per_second: float) -> Leg:
    """The figures of a leg."""
    counts = Counter(call.status for call in calls)
    answered = [call.seconds for call in calls if call.status == OK]
    turned_away = [call.seconds for call in calls if call.status in (REFUSED, CANCELLED)]
    known = counts[OK] + counts[REFUSED] + counts[CANCELLED]
    return Leg(
        per_second=per_second,
        offered=len(calls),
        answered=counts[OK] / len(calls),
        refused=counts[REFUSED] / len(calls),
        dropped=counts[CANCELLED] / len(calls),
        other=(len(calls) - known) / len(calls),
        p50=_ms(answered, 50),
        p99=_ms(answered, 99),
        refused_p99=_ms(turned_away, 99),
        late_p99=_ms([call.late for call in calls], 99),
    )


def recovery_seconds(calls: Sequence[Call], bound_ms: float) -> float:
    """From when on every call was answered within a bound, in seconds since the first was due."""
    bad = [call.due for call in calls if call.status != OK or call.seconds * 1e3 > bound_ms]
    return max(bad, default=0.0)


def _ms(seconds: Sequence[float], percentile: float) -> float:
    return float(np.percentile(seconds, percentile)) * 1e3 if seconds else float("nan")
