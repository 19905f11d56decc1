"""What is said of a contestant's calls: percentiles, throughput, CPU, and ratios of these."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One contestant's calls in one round, at one concurrency.

    Attributes:
        seconds: how long each took that was answered.
        elapsed: seconds from the first call to the last answer.
        cpu: CPU seconds of all processes that answered.
        generator_cpu: CPU seconds of the process that asked, if that is another.
        responses: what was answered over the wire, in the order of `seconds`.
        failed: status codes of the calls that were not answered, which `seconds` leaves out.
    """

    seconds: Sequence[float]
    elapsed: float
    cpu: float
    generator_cpu: float = 0.0
    responses: Sequence[bytes] = ()
    failed: Sequence[str] = ()


Figure = Callable[[Sequence[Leg]], float]


def p50(legs: Sequence[Leg]) -> float:
    """Median of all calls, in ms."""
    return _percentile(legs, 50)


def p99(legs: Sequence[Leg]) -> float:
    """99th percentile of all calls, in ms."""
    return _percentile(legs, 99)


def per_second(legs: Sequence[Leg]) -> float:
    """Answers a second of the time that the legs took."""
    return calls(legs) / sum(leg.elapsed for leg in legs)


def cpu_ms(legs: Sequence[Leg]) -> float:
    """CPU of whoever answered, in ms a call."""
    return _each(1e3 * sum(leg.cpu for leg in legs), legs)


def generator_cpu_ms(legs: Sequence[Leg]) -> float:
    """CPU of the load generator, in ms a call."""
    return _each(1e3 * sum(leg.generator_cpu for leg in legs), legs)


def calls(legs: Sequence[Leg]) -> int:
    """How many were answered."""
    return sum(len(leg.seconds) for leg in legs)


def failures(codes: Iterable[str]) -> str:
    """How many calls failed and with which status, most frequent first; empty for none."""
    return ", ".join(f"{count} {code}" for code, count in Counter(codes).most_common())


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """A percentile in ms; NaN of nothing."""
    return 1e3 * float(np.percentile(seconds, percent)) if len(seconds) else float("nan")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio over all rounds, and the lowest and highest of any round."""

    value: float
    low: float
    high: float


def ratio(ours: Sequence[Leg], theirs: Sequence[Leg], figure: Figure) -> Ratio:
    """`ours` over `theirs`, legs of the same rounds, by a figure: the median of the rounds."""
    rounds = [figure([one]) / figure([other]) for one, other in zip(ours, theirs, strict=True)]
    return Ratio(median(rounds), min(rounds), max(rounds))


def _percentile(legs: Sequence[Leg], percent: float) -> float:
    return percentile_ms([value for leg in legs for value in leg.seconds], percent)


def _each(total: float, legs: Sequence[Leg]) -> float:
    return total / calls(legs) if calls(legs) else float("nan")
