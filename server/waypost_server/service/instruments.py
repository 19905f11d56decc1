"""Metrics as prometheus_client has them, from the table of names."""

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import Metric as PrometheusMetric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MultiProcessValue

from waypost_server.core.metric import Kind, Metric
from waypost_server.core.metric_names import METRICS, OTHER
from waypost_server.service.share import Share
from waypost_server.service.tallies import Spread, Tally

Made = TypeVar("Made", Counter, Gauge, Histogram)


class Instruments:
    """All metrics of this process, in a registry of their own.

    prometheus_client decides once a process whether its values are shared in files: make one
    Instruments with a share in a process, or as many as you like without.
    """

    def __init__(self, share: Share | None = None) -> None:
        """Makes them; with a share, together with those of other processes."""
        # Those would be a series more for each.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._shown = self._registry
        if share:
            _share_values(share)
            self._shown = CollectorRegistry()
            self._shown.register(_SharedValues(share))
        self._is_shared = share is not None
        self._made = {metric.name: self._make(metric) for metric in METRICS}
        self._unwritten: list[Tally | Spread] = []

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """A counter, or one of its series."""
        return self._one(Counter, metric, labels)

    def gauge(self, metric: Metric, *labels: str) -> Gauge:
        """A gauge, or one of its series."""
        return self._one(Gauge, metric, labels)

    def end(self, metric: Metric, *labels: str) -> None:
        """Sets a series of a gauge to 0, and drops it where the metric's series go."""
        self.gauge(metric, *labels).set(0)
        if metric.goes and not self._is_shared:  # a value in a shared file stays: it is not shown
            self._made[metric.name].remove(*labels)

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """A histogram, or one of its series."""
        return self._one(Histogram, metric, labels)

    def tally(self, *series: tuple[Metric, tuple[str, ...]]) -> Tally:
        """Counts quickly in one or several series of counters; make it once and keep it."""
        made = Tally([self.counter(metric, *labels) for metric, labels in series])
        self._unwritten.append(made)
        return made

    def spread(self, metric: Metric, *labels: str) -> Spread:
        """Observes quickly in one series of a histogram; make it once and keep it."""
        made = Spread(self.histogram(metric, *labels), metric.buckets)
        self._unwritten.append(made)
        return made

    def flush(self) -> None:
        """Writes out what was counted quickly; by the thread that counts."""
        for each in self._unwritten:
            each.flush()

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All that was written out, by all processes that share: the text, and its type.

        Args:
            accept: which formats the reader takes, as HTTP's header says it.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._shown), content_type

    def _one(self, kind: type[Made], metric: Metric, labels: Sequence[str]) -> Made:
        made = self._made[metric.name]
        if not isinstance(made, kind):
            raise TypeError(f"{metric.name} is a {metric.kind}")
        return made.labels(*labels) if labels else made

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        name, meaning, labels = metric.name, metric.meaning, metric.labels
        match metric.kind:
            case Kind.COUNTER:
                return Counter(name, meaning, labels, registry=self._registry)
            case Kind.GAUGE:
                return Gauge(
                    name,
                    meaning,
                    labels,
                    registry=self._registry,
                    multiprocess_mode=metric.across.value,
                )
            case Kind.HISTOGRAM:
                return Histogram(
                    name, meaning, labels, registry=self._registry, buckets=metric.buckets
                )


class _SharedValues(Collector):
    """What all processes have written, without the series that are 0 and go."""

    def __init__(self, share: Share) -> None:
        self._all = MultiProcessCollector(None, str(share.folder))  # type: ignore[no-untyped-call]
        self._going = {metric.name for metric in METRICS if metric.goes}

    def collect(self) -> Iterable[PrometheusMetric]:
        """As prometheus_client asks."""
        for family in self._all.collect():  # type: ignore[no-untyped-call]
            if family.name in self._going:
                family.samples = [sample for sample in family.samples if sample.value]
            yield family


class Bounded:
    """The values of a label that callers choose."""

    def __init__(self, limit: int, known: Iterable[str] = ()) -> None:
        """Takes the first `limit` values as they are; `known` ones come first."""
        self._limit = limit
        self._values = dict.fromkeys(known)

    def __call__(self, value: str) -> str:
        """The value to count under."""
        if value in self._values:
            return value
        if len(self._values) >= self._limit:
            return OTHER
        self._values[value] = None
        return value


def _share_values(share: Share) -> None:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(share.folder)
    prometheus_client.values.ValueClass = MultiProcessValue(  # type: ignore[no-untyped-call]
        lambda: share.place
    )
