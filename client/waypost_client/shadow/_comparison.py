"""What the runs of one candidate on one route say: each figure live and on trial."""

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean, median

from waypost_client.shadow._intervals import (
    Interval,
    Pairs,
    mean_difference,
    median_difference,
    newcombe,
    wilson,
)
from waypost_client.shadow._record import ShadowOutcome, ShadowRun, ShadowSide

FEW = 30
"""Queries below which nothing is said: a bootstrap of fewer is too sure of itself."""

_UNCOMPARED = (ShadowOutcome.CANCELLED, ShadowOutcome.LEFT_OUT)
_WITH_TEXT = (ShadowOutcome.ANSWERED, ShadowOutcome.BEST_EFFORT, ShadowOutcome.FALLBACK)


class Verdict(StrEnum):
    """What the interval of a difference says of the candidate."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference shown"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure on both sides; None is unknown.

    Attributes:
        name: what it is.
        live: of the live queries.
        candidate: of the candidate on the same queries.
        live_interval: of a share.
        candidate_interval: of a share.
        difference: of the candidate's from the live one; of a median, the median of differences.
        interval: of the difference.
        queries: how many it is of.
        verdict: what it says; None where nothing is better or worse.
    """

    name: str
    live: float | None
    candidate: float | None
    queries: int
    live_interval: Interval | None = None
    candidate_interval: Interval | None = None
    difference: float | None = None
    interval: Interval | None = None
    verdict: Verdict | None = None


def _doubles() -> "array[float]":
    return array("d")


@dataclass(slots=True)
class Sides:
    """A number of both sides, of the queries where both are known."""

    live: "array[float]" = field(default_factory=_doubles)
    candidate: "array[float]" = field(default_factory=_doubles)

    def add(self, live: float | None, candidate: float | None) -> None:
        """Takes a query."""
        if live is not None and candidate is not None:
            self.live.append(live)
            self.candidate.append(candidate)

    @property
    def differences(self) -> list[float]:
        """The candidate's less the live one, query by query."""
        return [b - a for a, b in zip(self.live, self.candidate, strict=True)]


@dataclass(slots=True)
class Comparison:
    """Takes runs and gives figures.

    Attributes:
        runs: all, also those that are not compared.
        uncompared: runs that say nothing, by why.
        outcomes: how often both ended how, live first.
        same_route: runs in which both went to the same route.
        same_text: runs in which both gave the very same answer.
    """

    runs: int = 0
    uncompared: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[ShadowOutcome, ShadowOutcome]] = field(default_factory=Counter)
    same_route: int = 0
    same_text: int = 0
    _rejected: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    _latency: Sides = field(default_factory=Sides)
    _cost: Sides = field(default_factory=Sides)
    _tokens: Sides = field(default_factory=Sides)

    @property
    def compared(self) -> int:
        """Runs that are compared."""
        return self.outcomes.total()

    def add(self, run: ShadowRun) -> None:
        """Takes a run."""
        self.runs += 1
        live, shadow = run.live, run.shadow
        if live.outcome in _UNCOMPARED or shadow.outcome in _UNCOMPARED:
            self.uncompared[_why(run)] += 1
            return
        self.outcomes[live.outcome, shadow.outcome] += 1
        self.same_route += run.same_route
        self.same_text += run.same_text
        self._rejected[_was_rejected(live), _was_rejected(shadow)] += 1
        self._cost.add(live.cost_usd, shadow.cost_usd)
        if live.outcome in _WITH_TEXT and shadow.outcome in _WITH_TEXT:
            self._latency.add(live.latency_s, shadow.latency_s)
            self._tokens.add(live.output_tokens, shadow.output_tokens)

    def figures(self) -> list[Figure]:
        """All figures; none when nothing is compared."""
        if not self.compared:
            return []
        latency, cost, tokens = self._latency, self._cost, self._tokens
        return [
            _share("answered", self._pairs_of(ShadowOutcome.ANSWERED), more_is_better=True),
            _share("fell_back", self._pairs_of(ShadowOutcome.FALLBACK)),
            _share("rejected", _pairs(self._rejected)),
            _share("failed", self._pairs_of(ShadowOutcome.FAILED)),
            _number("latency_s", latency, median, median, median_difference),
            _number("latency_p90_s", latency, _p90),
            _number("cost_usd", cost, fmean, fmean, mean_difference),
            _number("output_tokens", tokens, fmean),
        ]

    def _pairs_of(self, outcome: ShadowOutcome) -> Pairs:
        counted: Counter[tuple[bool, bool]] = Counter()
        for (live, shadow), count in self.outcomes.items():
            counted[live is outcome, shadow is outcome] += count
        return _pairs(counted)


def _pairs(counted: Counter[tuple[bool, bool]]) -> Pairs:
    return Pairs(
        both=counted[True, True],
        first=counted[True, False],
        second=counted[False, True],
        neither=counted[False, False],
    )


def _why(run: ShadowRun) -> str:
    if run.live.outcome in _UNCOMPARED:
        return f"live {run.live.outcome}"
    return ", ".join(run.shadow.errors) or str(run.shadow.outcome)


def _was_rejected(side: ShadowSide) -> bool:
    """Whether a specialist rejected it, whoever answered in the end."""
    return side.outcome is ShadowOutcome.REJECTED or "escalated" in side.errors


def _share(name: str, pairs: Pairs, *, more_is_better: bool = False) -> Figure:
    ones, twos, total = pairs.both + pairs.first, pairs.both + pairs.second, pairs.total
    interval = newcombe(pairs)
    return Figure(
        name=name,
        live=ones / total,
        candidate=twos / total,
        queries=total,
        live_interval=wilson(ones, total),
        candidate_interval=wilson(twos, total),
        difference=(twos - ones) / total,
        interval=interval,
        verdict=_verdict(interval, total, more_is_better=more_is_better),
    )


def _number(
    name: str,
    sides: Sides,
    figure: Callable[[Sequence[float]], float],
    difference: Callable[[Sequence[float]], float] | None = None,
    interval_of: Callable[[Sequence[float]], Interval] | None = None,
) -> Figure:
    total = len(sides.live)
    if not total:
        unknown = Verdict.TOO_FEW if interval_of else None
        return Figure(name=name, live=None, candidate=None, queries=0, verdict=unknown)
    differences = sides.differences
    interval = interval_of(differences) if interval_of else None
    return Figure(
        name=name,
        live=figure(sides.live),
        candidate=figure(sides.candidate),
        queries=total,
        difference=difference(differences) if difference else None,
        interval=interval,
        verdict=_verdict(interval, total, more_is_better=False) if interval else None,
    )


def _verdict(interval: Interval, queries: int, *, more_is_better: bool) -> Verdict:
    if queries < FEW:
        return Verdict.TOO_FEW
    if interval.low <= 0 <= interval.high:
        return Verdict.NO_DIFFERENCE
    return Verdict.BETTER if (interval.low > 0) is more_is_better else Verdict.WORSE


def _p90(values: Sequence[float]) -> float:
    """The least value that nine in ten do not exceed."""
    ordered = sorted(values)
    return ordered[-(-9 * len(ordered) // 10) - 1]
