"""Runs the supervisor."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from waypost_server.logs import log_to_stderr
from waypost_server.service.address import ADMIN, HTTP, admin_address_of, held
from waypost_server.service.watch import Watch
from waypost_server.settings import Settings
from waypost_server.supervisor.child import Child
from waypost_server.supervisor.common import CommonFolder
from waypost_server.supervisor.crew import Crew
from waypost_server.supervisor.named import named_in

_log = logging.getLogger(__name__)


async def supervise(
    settings: Settings, ready: Callable[[str, str], None], *, options: Mapping[str, Any]
) -> bool:
    """Serves with several processes until SIGTERM or SIGINT, then lets them drain.

    Args:
        settings: all of them.
        ready: called once with the address and the index version when all processes answer.
        options: the settings that the command line said.

    Returns:
        Whether all went well; what did not is on stderr.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    beside = admin_address_of(settings.address, settings.admin_address)
    with ExitStack() as kept:
        address = kept.enter_context(held(settings.address))
        admin_address = kept.enter_context(held(beside, ADMIN))
        ports, common = {"address": address, "admin_address": admin_address}, None
        if settings.http_address:
            where = kept.enter_context(held(settings.http_address, HTTP))
            ports["http_address"], common = where, kept.enter_context(CommonFolder.made())
            _log.info("http on %s", where)
        crew = Crew(settings.model_copy(update=ports), Child.start, options=options, common=common)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, crew.stop)
        loop.add_signal_handler(signal.SIGHUP, crew.reload)
        index_version = await crew.start()
        if index_version is not None:
            _log.info("admin on %s", admin_address)
            ready(address, index_version)
        watch = Watch(
            named=lambda: named_in(settings.index),
            change=crew.swapping.change,
            refuse=crew.swapping.refuse,
        )
        watching = asyncio.create_task(watch.run()) if settings.watch else None
        try:
            return await crew.ended()
        finally:
            if watching:
                watching.cancel()


def run_supervisor(
    settings: Settings, ready: Callable[[str, str], None], *, options: Mapping[str, Any]
) -> bool:
    """`supervise` on the standard loop: it waits, so that a faster one would gain nothing."""
    log_to_stderr(settings.log_level, tell_processes_apart=True, log_format=settings.log_format)
    return asyncio.run(supervise(settings, ready, options=options))
