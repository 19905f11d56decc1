"""Wires the server together; `workshop/` wires the offline work, and nothing else wires."""

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any

import uvloop

from waypost_server.core.outcomes import Outcomes
from waypost_server.logs import log_to_stderr, set_log_level
from waypost_server.service.address import admin_address_of
from waypost_server.service.admission import Admission
from waypost_server.service.crew_member import Link
from waypost_server.service.departed import leave_out_the_departed
from waypost_server.service.endpoints import Endpoints
from waypost_server.service.events import Observers
from waypost_server.service.loop_lag import LoopLag
from waypost_server.service.parts import Parts
from waypost_server.service.process import this_process
from waypost_server.service.server import Server
from waypost_server.service.share import Share
from waypost_server.service.shared import Shared
from waypost_server.service.version import Live, Served
from waypost_server.service.workers import Workers
from waypost_server.settings import Settings
from waypost_server.wiring.budgeting import Budgeting
from waypost_server.wiring.consulting import Advice
from waypost_server.wiring.following import Fleet
from waypost_server.wiring.guarding import Guards
from waypost_server.wiring.hot_reload import HotReload
from waypost_server.wiring.loading import load_engine
from waypost_server.wiring.observing import Observing
from waypost_server.wiring.recording import open_records
from waypost_server.wiring.reloading import Appliers, Reloading
from waypost_server.wiring.sharing import shared_state
from waypost_server.wiring.sources import sources_of

_log = logging.getLogger(__name__)


async def serve(
    settings: Settings,
    ready: Callable[[str, str], None],
    *,
    load: Callable[[], Settings],
    observing: Observing,
    index_version: str | None = None,
    link: Link | None = None,
) -> None:
    """Serves in this process until SIGTERM or SIGINT, then drains; a second one ends it at once.

    Args:
        settings: all of them; with several processes this is one, and shares its port.
        ready: called once with the address and the index version when queries are answered.
        load: reads the settings again, on SIGHUP.
        observing: what watches, entered already.
        index_version: the bundle to serve; None for the live one.
        link: to the supervisor of several processes; None for one process.
    """
    ending = Ending(asyncio.get_running_loop())
    guards, admission = Guards(settings), _admission(settings)
    _hear_hangups(Reloading(settings, _appliers(guards, admission), load=load), guards)
    fleet = Fleet(settings)
    if index_version is None:
        await fleet.fetch_at_start(ending.begun)
    served = await asyncio.to_thread(lambda: Served.of(load_engine(settings, index_version)))
    if ending.begun.is_set():
        return
    _keep_what_is_loaded()
    live, outcomes, records = Live(served), Outcomes(time.monotonic), open_records(settings)
    shared = Shared(shared_state(settings), outcomes.breakers, this_process())
    budgeting = Budgeting(settings, shared.process.process_id)
    budgeting.choosing.open(served.writer.choice)
    bundles = HotReload.of(
        settings, live, link, shared.audit, keep_what_is_loaded=_keep_what_is_loaded
    )
    advice = Advice.of(settings, lambda: admission.is_overloaded, budgeting.paying)
    parts = Parts(
        live=live,
        workers=_workers(settings, admission, served),
        outcomes=outcomes,
        shared=shared,
        observers=Observers([*records.observers, *observing.observers]),
        journal=records.journal,
        index_admin=bundles.admin,
        choosing=budgeting.choosing,
        escalating=advice.escalating,
        completing=advice.completing,
        failures=observing.failures,
    )
    server = Server(
        parts,
        _endpoints(settings),
        guards.doors,
        server_version=version("waypost"),
        interceptors=observing.interceptors,
    )
    async with AsyncExitStack() as ends:
        ends.push_async_callback(asyncio.to_thread, records.close)
        ends.push_async_callback(advice.close)
        await advice.prepare(served.engine.router.catalog)
        await shared.start(required=not settings.start_without_database)
        ends.push_async_callback(shared.stop)
        await asyncio.to_thread(budgeting.start)
        ends.push_async_callback(asyncio.to_thread, budgeting.stop)
        ends.callback(parts.refusals.tell)
        await server.start()
        if settings.processes == 1:  # of several, the supervisor says it once
            _log.info("admin on %s", server.admin_address)
        observing.serves(
            sources_of(settings, parts, bundles=bundles, guards=guards, budgeting=budgeting)
        )
        ready(server.address, served.engine.index_version)
        lag = LoopLag(admission.lagged, time.monotonic)
        for work in (bundles.follow(), guards.watch(), lag.run(), fleet.run(bundles.swap)):
            ends.callback(asyncio.create_task(_told(work)).cancel)
        await ending.begun.wait()
        _log.info("stopping: calls in flight have %g s", settings.drain_seconds)
        observing.drains()
        await server.stop(
            settings.drain_seconds, notice_seconds=settings.notice_seconds, at_once=ending.at_once
        )


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001  (a bug of ours ends one part, and not unseen)
        _log.exception("a part of the server has ended; restart it")


class Ending:
    """What SIGTERM and SIGINT ask for.

    Attributes:
        begun: set by the first of them.
        at_once: set by the second.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun, self.at_once = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._hear)

    def _hear(self) -> None:
        (self.at_once if self.begun.is_set() else self.begun).set()


def _hear_hangups(reloading: Reloading, guards: Guards) -> None:
    def hear() -> None:
        reloading.again()
        guards.look_soon()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hear)


def _endpoints(settings: Settings) -> Endpoints:
    return Endpoints(
        address=settings.address,
        admin_address=admin_address_of(settings.address, settings.admin_address),
        max_message_bytes=settings.max_message_bytes,
        shares_port=settings.processes > 1,
        connection_age_seconds=settings.connection_age_seconds,
        pending_calls=settings.pending_calls,
    )


def _workers(settings: Settings, admission: Admission, served: Served) -> Workers:
    if settings.degraded and served.engine.first is None:
        _log.warning("there is no degraded mode without a static encoder: queries are refused")
    return Workers(threads=settings.workers, capacity=settings.queue_capacity, admission=admission)


def _appliers(guards: Guards, admission: Admission) -> Appliers:
    def admit(settings: Settings) -> None:
        admission.set(
            capacity=settings.queue_capacity,
            delay_ms=settings.delay_ms,
            patience_ms=settings.patience_ms,
            degrades=settings.degraded,
        )

    return {
        "log_level": lambda settings: set_log_level(settings.log_level),
        **dict.fromkeys(("tenant_rate", "tenant_burst"), guards.allow),
        **dict.fromkeys(("queue_capacity", "delay_ms", "patience_ms", "degraded"), admit),
    }


def _admission(settings: Settings) -> Admission:
    return Admission(
        threads=settings.workers,
        capacity=settings.queue_capacity,
        delay_ms=settings.delay_ms,
        patience_ms=settings.patience_ms,
        degrades=settings.degraded,
    )


def _keep_what_is_loaded() -> None:
    """So that the collector need not look at it again and again while it serves.

    What was kept before is looked at once more: calls that were under way then may hold a bundle
    that is gone, in cycles that nothing else would ever free.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def run_server(
    settings: Settings,
    ready: Callable[[str, str], None],
    *,
    load: Callable[[], Settings],
    index_version: str | None = None,
    link: Link | None = None,
    share: Share | None = None,
) -> None:
    """`serve` on uvloop, which answers 7 to 22% more calls a second than the standard loop."""
    log_to_stderr(
        settings.log_level,
        tell_processes_apart=settings.processes > 1,
        log_format=settings.log_format,
    )
    leave_out_the_departed()

    async def observed() -> None:
        async with Observing(settings, share) as observing:
            await serve(
                settings,
                ready,
                load=load,
                observing=observing,
                index_version=index_version,
                link=link,
            )

    uvloop.run(observed())
