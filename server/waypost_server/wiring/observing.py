"""Wires what watches a server: metrics and probes, traces, lines of decisions.

What is not switched on is not loaded: that is a tenth of a server's start.
"""

import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Self

from waypost_server.service.call_watch import CallWatcher, WatchInterceptor
from waypost_server.service.decision_lines import DecisionLines
from waypost_server.service.events import Observer
from waypost_server.service.failures import Failures
from waypost_server.service.share import Share
from waypost_server.service.sources import Sources
from waypost_server.settings import Settings

if TYPE_CHECKING:
    from waypost_server.service.tracing import Tracing
    from waypost_server.wiring.figures import Figures

_log = logging.getLogger(__name__)


class Observing:
    """All of it, for one server process; an async context manager around its life.

    Attributes:
        observers: to be told of decisions and reports.
        interceptors: to see calls before all others.
        failures: to be told of queries that end without an answer.
    """

    observers: Sequence[Observer] = ()
    interceptors: Sequence[WatchInterceptor] = ()
    failures: Failures = Failures()

    def __init__(self, settings: Settings, share: Share | None = None) -> None:
        """Nothing listens yet.

        Args:
            settings: all of them.
            share: where the metrics of several processes are kept together; None for one process.
        """
        self._settings = settings
        self._share = share
        self._figures: Figures | None = None
        self._ends = ExitStack()

    async def __aenter__(self) -> Self:
        """Begins to answer probes; raises SettingsError."""
        settings = self._settings
        watchers: list[CallWatcher] = []
        observers: list[Observer] = []
        with ExitStack() as ends:
            if settings.http_address:
                figures = self._figures = self._count(ends)
                watchers.append(figures.watcher)
                observers.append(figures.observer)
            if settings.otlp_endpoint:
                tracing = self._trace(ends)
                watchers.append(tracing)
                observers.append(tracing)
            if settings.log_decisions:
                lines = DecisionLines()
                observers.append(lines)
                self.failures = Failures(lines.failed)
            self._ends = ends.pop_all()
        self.observers = tuple(observers)
        self.interceptors = (WatchInterceptor(watchers),) if watchers else ()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends it; the last spans are sent."""
        self._ends.close()

    def serves(self, sources: Sources) -> None:
        """Says that queries are answered from now on, and where figures come from."""
        if self._figures:
            self._figures.serves(sources)

    def drains(self) -> None:
        """Says that the server stops."""
        if self._figures:
            self._figures.drains()

    def _count(self, ends: ExitStack) -> "Figures":
        from waypost_server.wiring.figures import Figures

        figures = Figures(self._settings, self._share)
        ends.callback(figures.close)
        if self._share is None:  # of several processes, the supervisor says it once
            _log.info("http on %s", figures.address)
        return figures

    def _trace(self, ends: ExitStack) -> "Tracing":
        from waypost_server.adapters.otlp import open_tracer
        from waypost_server.service.tracing import Tracing

        tracer, end = open_tracer(
            self._settings.otlp_endpoint,
            server_version=version("waypost"),
            instance=f"{os.uname().nodename}-{os.getpid()}",
        )
        ends.callback(end)
        return Tracing(tracer, sample=self._settings.trace_sample)
