"""Wires what watches a server: metrics, probes, traces, lines of decisions."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from types import TracebackType
from typing import Self

from waypost import CONTRACT_VERSION
from waypost_server.adapters.otlp import open_tracer
from waypost_server.service.call_watch import CallWatcher, WatchInterceptor
from waypost_server.service.decision_lines import DecisionLines
from waypost_server.service.events import Observer
from waypost_server.service.gauges import Gauges, Sources
from waypost_server.service.heartbeat import Heartbeat
from waypost_server.service.http_port import HttpPort
from waypost_server.service.instruments import Instruments, Share
from waypost_server.service.metrics import DecisionMetrics
from waypost_server.service.pages import pages
from waypost_server.service.pulse import Phase, Pulses
from waypost_server.service.rpc_metrics import RpcMetrics
from waypost_server.service.tracing import Tracing
from waypost_server.settings import Settings

FRESHEN_SECONDS = 0.5
"""How long a scrape waits for the event loop; then it shows what there is."""

_log = logging.getLogger(__name__)


class Observing:
    """All of it, for one server process; an async context manager around its life.

    Attributes:
        observers: to be told of decisions and reports.
        interceptors: to see calls before all others.
    """

    observers: Sequence[Observer] = ()
    interceptors: Sequence[WatchInterceptor] = ()

    def __init__(self, settings: Settings, share: Share | None = None) -> None:
        """Nothing listens yet.

        Args:
            settings: all of them.
            share: where the metrics of several processes are kept together; None for one process.
        """
        self._settings = settings
        self._instruments = Instruments(share)
        self._pulses = Pulses(share)
        gauges = Gauges(
            self._instruments, version=version("waypost"), contract_version=CONTRACT_VERSION
        )
        self._heartbeat = Heartbeat(self._instruments, gauges, self._pulses)
        self._says_where = share is None
        self._ends = ExitStack()

    async def __aenter__(self) -> Self:
        """Begins to answer probes; raises SettingsError."""
        settings = self._settings
        with ExitStack() as ends:
            ends.callback(self._pulses.close)
            watchers: list[CallWatcher] = []
            observers: list[Observer] = []
            if settings.http_address:
                watchers.append(RpcMetrics(self._instruments))
                observers.append(
                    DecisionMetrics(self._instruments, max_tenants=settings.metrics_tenants)
                )
                self._listen(ends)
                ends.callback(asyncio.create_task(self._heartbeat.run()).cancel)
            if settings.otlp_endpoint:
                tracing = self._tracing(ends)
                watchers.append(tracing)
                observers.append(tracing)
            if settings.log_decisions:
                observers.append(DecisionLines())
            self.observers = tuple(observers)
            self.interceptors = (WatchInterceptor(watchers),) if watchers else ()
            self._ends = ends.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends it; the last spans are sent."""
        await asyncio.to_thread(self._ends.close)  # the tracer's end waits for its collector

    def serves(self, sources: Sources) -> None:
        """Says that queries are answered from now on, and where figures come from."""
        self._heartbeat.sources = sources
        self._pulses.enter(Phase.SERVING)
        self._heartbeat.beat()

    def drains(self) -> None:
        """Says that the server stops."""
        self._pulses.enter(Phase.DRAINING)

    def _listen(self, ends: ExitStack) -> None:
        answers = pages(
            self._instruments, self._pulses, _on_loop(asyncio.get_running_loop(), self._freshen)
        )
        port = HttpPort(
            self._settings.http_address, answers, shares_port=self._settings.processes > 1
        )
        ends.callback(port.close)
        if self._says_where:  # of several processes, the supervisor says it once
            _log.info("http on %s", port.address)

    def _freshen(self) -> None:
        self._heartbeat.beat()

    def _tracing(self, ends: ExitStack) -> Tracing:
        tracer, end = open_tracer(
            self._settings.otlp_endpoint,
            server_version=version("waypost"),
            instance=f"{os.uname().nodename}-{os.getpid()}",
        )
        ends.callback(end)
        return Tracing(tracer, sample=self._settings.trace_sample)


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Callable[[], None]:
    """Lets another thread have something done by the loop, if that turns."""

    def wait() -> None:
        done = threading.Event()

        def do() -> None:
            call()
            done.set()

        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(do)
            done.wait(FRESHEN_SECONDS)

    return wait
