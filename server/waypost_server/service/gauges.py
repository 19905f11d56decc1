"""What is looked at now and then rather than counted as it happens."""

import gc
import os
import time
from collections.abc import Callable

from waypost_server.core import metric_names as names
from waypost_server.core.metric import Metric
from waypost_server.core.model_rules import Cause
from waypost_server.service.instruments import Bounded, Instruments
from waypost_server.service.refusals import Cause as Refused
from waypost_server.service.sources import BundleFacts, Sources


class Gauges:
    """Puts what the sources say into metrics."""

    def __init__(
        self,
        instruments: Instruments,
        *,
        version: str,
        contract_version: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Has looked at nothing yet; `clock` gives seconds since 1970."""
        self._to = instruments
        self._clock = clock
        self._seen: dict[tuple[str, ...], float] = {}
        self._on: dict[str, set[tuple[str, ...]]] = {}
        self._model = Bounded(names.MAX_MODELS)
        self._bundle: BundleFacts | None = None
        instruments.gauge(names.STARTED).set(clock())
        instruments.gauge(names.VERSION, version, contract_version).set(1)
        for cause in Cause:
            instruments.counter(names.MODELS_LEFT_OUT, cause)
        for refused in Refused:
            instruments.counter(names.REFUSED, refused)
        for result in ("written", "dropped"):
            instruments.counter(names.LOG_RECORDS, result)

    def look(self, sources: Sources, *, serving: bool) -> None:
        """Asks all of them.

        Args:
            sources: what to ask.
            serving: whether this process answers queries.
        """
        for metric, value in (
            (names.SERVING, serving),
            (names.QUEUE_DEPTH, sources.queue_depth()),
            (names.RUNNING, sources.running()),
            (names.LIMIT, sources.concurrency_limit()),
            (names.DEGRADED, sources.degraded()),
            (names.LOG_WAITING, sources.log_waiting()),
            (names.LOG_SIZE, sources.log_bytes()),
            (names.DATABASE_LOST, sources.database_lost()),
            (names.REFUSED_BUNDLE, sources.bundle_refused()),
            (names.CERTIFICATE, sources.certificate_expires_at()),
            (names.RESIDENT, sources.resident_bytes()),
            (names.BUDGET_ALONE, sources.budgets_alone()),
        ):
            self._to.gauge(metric).set(value)
        for refused, times in sources.refused().items():
            self._count(names.REFUSED, times, refused)
        self._count(names.LOG_RECORDS, sources.log_written(), "written")
        self._count(names.LOG_RECORDS, sources.log_dropped(), "dropped")
        self._count(names.CPU, sum(os.times()[:2]))
        for generation, stats in enumerate(gc.get_stats()):
            self._count(names.COLLECTIONS, stats["collections"], str(generation))
        self._mark(names.LEFT_OUT, {(self._model(name),) for name in sources.left_out()})
        self._mark(names.SWITCHED_OFF, set(sources.switched_off()))
        for cause, times in sources.models_left_out().items():
            self._count(names.MODELS_LEFT_OUT, times, cause)
        for tenant, standing in sources.budgets().items():
            self._to.gauge(names.BUDGET, tenant).set(standing.budget.usd)
            self._to.gauge(names.BUDGET_LEFT, tenant).set(standing.left)
        self._look_at_bundle(sources.bundle())

    def _look_at_bundle(self, bundle: BundleFacts | None) -> None:
        if bundle is None or bundle == self._bundle:
            return
        if self._bundle:
            self._to.counter(names.RELOADS).inc()
        self._bundle = bundle
        self._mark(names.BUNDLE, {(bundle.version, bundle.encoder_fingerprint)})
        for metric, value in (
            (names.BUNDLE_BUILT, bundle.built_at),
            (names.BUNDLE_LIVE, self._clock()),
            (names.ROUTES, bundle.route_count),
            (names.EXEMPLARS, bundle.exemplar_count),
        ):
            self._to.gauge(metric).set(value)

    def _count(self, metric: Metric, so_far: float, *labels: str) -> None:
        """Counts what has been added since it was last asked."""
        key = (metric.name, *labels)
        self._to.counter(metric, *labels).inc(max(0.0, so_far - self._seen.get(key, 0.0)))
        self._seen[key] = so_far

    def _mark(self, metric: Metric, now: set[tuple[str, ...]]) -> None:
        """1 for these; those that were there before are 0, or go where the metric's series do."""
        for labels in self._on.get(metric.name, set()) - now:
            self._to.end(metric, *labels)
        for labels in now:
            self._to.gauge(metric, *labels).set(1)
        self._on[metric.name] = now
