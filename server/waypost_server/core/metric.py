"""What a metric is: its name, kind, labels, buckets and meaning."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a metric counts."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across(StrEnum):
    """How the values of a gauge become one where several processes share the port."""

    SUM = "livesum"
    MAX = "livemax"
    MIN = "livemin"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: as it is exported; of a histogram, without `_bucket`, `_sum` and `_count`.
        kind: how it counts.
        meaning: for operators.
        labels: in their order.
        buckets: upper bounds of a histogram's buckets, without the infinite one.
        across: how a gauge's values become one.
        goes: whether a series goes once it is 0, as those do whose labels are always new ones.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    across: Across = Across.SUM
    goes: bool = False


def counter(name: str, meaning: str, *labels: str) -> Metric:
    """What only grows."""
    return Metric(name, Kind.COUNTER, meaning, labels)


def gauge(
    name: str, meaning: str, *labels: str, across: Across = Across.SUM, goes: bool = False
) -> Metric:
    """What is so now."""
    return Metric(name, Kind.GAUGE, meaning, labels, across=across, goes=goes)


def histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...]) -> Metric:
    """What lies between, counted by buckets."""
    return Metric(name, Kind.HISTOGRAM, meaning, labels, buckets)
