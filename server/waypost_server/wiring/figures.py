"""Wires metrics and the HTTP port that shows them and answers probes."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version

from waypost import CONTRACT_VERSION
from waypost_server.service.gauges import Gauges
from waypost_server.service.heartbeat import Heartbeat
from waypost_server.service.http_port import HttpPort
from waypost_server.service.instruments import Instruments
from waypost_server.service.metrics import DecisionMetrics
from waypost_server.service.pages import pages
from waypost_server.service.pulse import Phase, Pulses
from waypost_server.service.rpc_metrics import RpcMetrics
from waypost_server.service.share import Share
from waypost_server.service.sources import Sources
from waypost_server.settings import Settings

FRESHEN_SECONDS = 0.5
"""How long a scrape waits for the event loop; then it shows what there is."""


class Figures:
    """All that is counted in one process, and the port.

    Attributes:
        observer: to be told of decisions and reports.
        watcher: to see calls.
        address: where the port is.
    """

    def __init__(self, settings: Settings, share: Share | None) -> None:
        """Listens at once, on the event loop that it beats on; raises SettingsError."""
        instruments = Instruments(share)
        self._pulses = Pulses(share)
        gauges = Gauges(instruments, version=version("waypost"), contract_version=CONTRACT_VERSION)
        self._heartbeat = Heartbeat(instruments, gauges, self._pulses)
        self.observer = DecisionMetrics(instruments, max_tenants=settings.metrics_tenants)
        self.watcher = RpcMetrics(instruments)
        freshen = _on_loop(asyncio.get_running_loop(), self._heartbeat.beat)
        self._port = HttpPort(
            settings.http_address,
            pages(instruments, self._pulses, freshen),
            shares_port=settings.processes > 1,
        )
        self.address = self._port.address
        self._beating = asyncio.create_task(self._heartbeat.run())

    def serves(self, sources: Sources) -> None:
        """Says that queries are answered from now on, and where figures come from."""
        self._heartbeat.sources = sources
        self._pulses.enter(Phase.SERVING)
        self._heartbeat.beat()

    def drains(self) -> None:
        """Says that the server stops."""
        self._pulses.enter(Phase.DRAINING)

    def close(self) -> None:
        """Listens no more."""
        self._beating.cancel()
        self._port.close()
        self._pulses.close()


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
