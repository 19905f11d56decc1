"""Wires the server together; `workshop/` wires the offline work, and nothing else wires."""

import asyncio
import gc
import logging
import signal
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import uvloop

from waypost_server.core.outcomes import Outcomes
from waypost_server.following import fetch_at_start, follow_of
from waypost_server.guarding import Guards
from waypost_server.hot_reload import HotReload
from waypost_server.loading import load_engine
from waypost_server.logs import log_to_stderr, set_log_level
from waypost_server.observing import Observing
from waypost_server.recording import open_records
from waypost_server.reloading import Appliers, Reloading
from waypost_server.service.address import admin_address_of
from waypost_server.service.admission import Admission
from waypost_server.service.crew_member import Link
from waypost_server.service.events import Observers
from waypost_server.service.instruments import Share
from waypost_server.service.loop_lag import LoopLag
from waypost_server.service.process import this_process
from waypost_server.service.server import Server
from waypost_server.service.shared import Shared
from waypost_server.service.version import Live, Served
from waypost_server.service.workers import Workers
from waypost_server.settings import Settings
from waypost_server.sharing import shared_state
from waypost_server.sources import sources_of

SWITCH_SECONDS = 0.0005
"""How long a thread that encodes keeps Python's lock while the event loop waits for it. The loop
gives it up with each call into gRPC; at Python's 5 ms a call took a quarter more CPU in a flood."""

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
    stopped, at_once = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        (at_once if stopped.is_set() else stopped).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    guards, admission = Guards(settings), _admission(settings)
    reloading = Reloading(settings, _appliers(guards, admission), load=load)

    def hear_hangup() -> None:
        reloading.again()
        guards.look_soon()

    loop.add_signal_handler(signal.SIGHUP, hear_hangup)
    if index_version is None:
        await fetch_at_start(settings, stopped)
    served = await asyncio.to_thread(lambda: Served.of(load_engine(settings, index_version)))
    if stopped.is_set():
        return
    _keep_what_is_loaded()
    live = Live(served)
    workers = Workers(
        threads=settings.workers, capacity=settings.queue_capacity, admission=admission
    )
    if settings.degraded and served.engine.first is None:
        _log.warning("there is no degraded mode without a static encoder: queries are refused")
    outcomes = Outcomes(time.monotonic)
    bundles = HotReload.of(settings, live, link, keep_what_is_loaded=_keep_what_is_loaded)
    records = open_records(settings)
    shared = Shared(shared_state(settings), outcomes.breakers, this_process())
    server = Server(
        live,
        workers,
        outcomes,
        shared,
        observers=Observers([*records.observers, *observing.observers]),
        address=settings.address,
        admin_address=admin_address_of(settings.address, settings.admin_address),
        max_message_bytes=settings.max_message_bytes,
        server_version=version("waypost"),
        journal=records.journal,
        shares_port=settings.processes > 1,
        index_admin=bundles.admin,
        doors=guards.doors,
        interceptors=observing.interceptors,
        connection_age_seconds=settings.connection_age_seconds,
        pending_calls=settings.pending_calls,
    )
    await shared.start(required=not settings.start_without_database)
    await server.start()
    if settings.processes == 1:  # of several, the supervisor says it once
        _log.info("admin on %s", server.admin_address)
    observing.serves(
        sources_of(
            settings,
            live=live,
            workers=workers,
            outcomes=outcomes,
            shared=shared,
            records=records,
            bundles=bundles,
            guards=guards,
        )
    )
    ready(server.address, served.engine.index_version)
    beside = [
        asyncio.create_task(bundles.follow()),
        asyncio.create_task(guards.watch()),
        asyncio.create_task(LoopLag(admission.lagged, time.monotonic).run()),
    ]
    if follow := follow_of(settings):
        beside.append(asyncio.create_task(follow.run(settings.bundles_poll_seconds)))
    await stopped.wait()
    _log.info("stopping: calls in flight have %g s", settings.drain_seconds)
    for task in beside:
        task.cancel()
    observing.drains()
    await server.stop(settings.drain_seconds, at_once=at_once)
    await asyncio.to_thread(records.close)
    await shared.stop()


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
    """So that the collector need not look at it again and again while it serves."""
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
    sys.setswitchinterval(SWITCH_SECONDS)
    log_to_stderr(
        settings.log_level,
        tell_processes_apart=settings.processes > 1,
        log_format=settings.log_format,
    )

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
