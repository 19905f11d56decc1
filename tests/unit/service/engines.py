"""Engines and servers around doubles of core's ports."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from tests.fakes import HashEncoder
from waypost_client import AsyncClient
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.memory_state import MemoryState
from waypost_server.core.bundle import RouteSet, build_bundle
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.outcomes import Outcomes
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.core.shared_state import SharedState
from waypost_server.service.admission import Admission
from waypost_server.service.doors import Doors
from waypost_server.service.endpoints import Endpoints
from waypost_server.service.engine import Engine
from waypost_server.service.events import Observer, Observers
from waypost_server.service.failures import Failed, Failures
from waypost_server.service.journal import Journal
from waypost_server.service.parts import Parts
from waypost_server.service.process import this_process
from waypost_server.service.routed import Routed
from waypost_server.service.server import Server
from waypost_server.service.shared import Shared
from waypost_server.service.version import Live, Served
from waypost_server.service.workers import Workers

PRIVATE = "what tenant acme asked"
EXEMPLARS = {
    "fruit": ("a red apple", "a yellow banana", "a ripe pear"),
    "metal": ("an iron bar", "a copper wire", "a lead pipe"),
}


class GatedEncoder(HashEncoder):
    """Lets texts through only once `gate` is open, and remembers which came together."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.runs: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Encodings:
        self.runs.append(list(texts))
        assert self.gate.wait(10), "the test never opened the gate"
        return super().encode(texts)


class FailingEncoder(HashEncoder):
    """Raises for texts that say "boom"."""

    def encode(self, texts: Sequence[str]) -> Encodings:
        if "boom" in texts:
            raise RuntimeError(PRIVATE)
        return super().encode(texts)


class NotFiniteEncoder(HashEncoder):
    """Gives encodings with a NaN for texts that say "boom"."""

    def encode(self, texts: Sequence[str]) -> Encodings:
        encodings = super().encode(texts)
        encodings[[text == "boom" for text in texts], -1] = np.nan
        return encodings


def engine_of(encoder: Encoder, folder: Path) -> Engine:
    """An engine for EXEMPLARS, whose bundle is kept in `folder`."""
    routes = {name: Route(name=name) for name in EXEMPLARS}
    catalog = Catalog(taxonomy=Taxonomy(default_route="metal"), routes=routes)
    route_set = RouteSet(
        catalog=catalog, exemplars=EXEMPLARS, negatives={}, out_of_scope=(), sha256="0" * 64
    )
    bundle = build_bundle(route_set, encoder, known={}, progress=lambda done, total: None)
    stored = BundleStore(folder).save(bundle)
    router = Router(stored.catalog, stored.exemplars, stored.index, stored.scoring)
    return Engine(encoder, router, stored.version)


def ask(engine: Engine, query: Query) -> Routed:
    """What an engine makes of one query; raises what it says is wrong."""
    query = engine.look(query)
    answer = engine.at_once(query, 0) or engine.after_encoding([(query, 0)])[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


class EngineWorkers(Workers):
    """Workers for one engine."""

    def __init__(
        self,
        engine: Engine,
        *,
        threads: int,
        capacity: int,
        admission: Admission | None = None,
    ) -> None:
        super().__init__(threads=threads, capacity=capacity, admission=admission)
        self.engine = engine

    async def ask(self, query: Query) -> Routed:
        return await self.route(self.engine, query)


ANYWHERE = Endpoints(address="127.0.0.1:0", admin_address="127.0.0.1:0", max_message_bytes=2**20)
"""Free ports."""


@asynccontextmanager
async def serving(
    workers: EngineWorkers,
    *,
    live: Live | None = None,
    clock: Callable[[], float] = time.monotonic,
    observers: Iterable[Observer] = (),
    journal: Journal | None = None,
    state: SharedState | None = None,
    failed: Callable[[Failed], None] | None = None,
) -> AsyncIterator[AsyncClient]:
    """A server in this process, on a real port, and a client of it."""
    outcomes = Outcomes(clock)
    shared = Shared(state or MemoryState(), outcomes.breakers, this_process())
    parts = Parts(
        live=live or Live(Served.of(workers.engine)),
        workers=workers,
        outcomes=outcomes,
        shared=shared,
        observers=Observers(observers),
        journal=journal,
        failures=Failures(failed),
    )
    server = Server(parts, ANYWHERE, Doors(), server_version="test")
    await shared.start()
    await server.start()
    try:
        async with AsyncClient(server.address, timeout_s=10) as client:
            yield client
    finally:
        await server.stop(5)
        await shared.stop()
