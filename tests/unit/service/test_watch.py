"""A new version while the old one answers."""

import asyncio
import gc
import logging
import threading
import weakref
from pathlib import Path

import pytest

from tests.unit.service.engines import EngineWorkers, GatedEncoder, engine_of, serving
from waypost_server.core.errors import BundleError, WaypostError
from waypost_server.core.query import Query
from waypost_server.service.engine import Engine
from waypost_server.service.router_servicer import BATCH_SHARE
from waypost_server.service.swap import Alone, Swap
from waypost_server.service.version import Live, Served
from waypost_server.service.watch import Mark, Watch
from waypost_server.service.workers import Workers


class Shelf:
    """Versions to load, one of them named."""

    def __init__(self, live: Engine) -> None:
        self.mark: Mark | WaypostError = Mark(live.index_version, 1)
        self.engines: dict[str, Engine | Exception] = {}
        self.loaded: list[str] = []
        self.loaded_in: list[threading.Thread] = []
        self.before: list[str] = []

    def name(self, version: str, engine: Engine | Exception | None = None) -> None:
        stamp = self.mark.stamp if isinstance(self.mark, Mark) else 0
        self.mark = Mark(version, stamp + 1)
        if engine is not None:
            self.engines[version] = engine

    def named(self) -> Mark:
        if isinstance(self.mark, Exception):
            raise self.mark
        return self.mark

    def load(self, version: str, before: Engine) -> Engine:
        self.loaded.append(version)
        self.loaded_in.append(threading.current_thread())
        self.before.append(before.index_version)
        found = self.engines[version]
        if isinstance(found, Exception):
            raise found
        return found


def engine_called(version: str, folder: Path) -> Engine:
    engine = engine_of(GatedEncoder(), folder / version)
    engine.index_version = version
    return engine


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(Served.of(engine_called("one", tmp_path)))


@pytest.fixture
def shelf(live: Live) -> Shelf:
    return Shelf(live.served.engine)


@pytest.fixture
def watch(live: Live, shelf: Shelf) -> Watch:
    swap = Swap(live, shelf.load)
    return Watch(named=shelf.named, change=Alone(swap).change, refuse=swap.refuse_aloud)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if "swap" in record.name and not record.exc_info
    ]


async def test_a_version_that_is_named_anew_goes_live_once(
    live: Live, shelf: Shelf, watch: Watch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await watch.look()
    assert (shelf.loaded, lines(caplog)) == ([], [])
    two = engine_called("two", tmp_path)
    shelf.name("two", two)
    for _ in range(3):
        await watch.look()
    assert live.served.engine is two
    assert (shelf.loaded, shelf.before) == (["two"], ["one"])
    assert shelf.loaded_in[0] is not threading.main_thread()
    assert lines(caplog) == ["index two is live; before it was one"]


async def test_what_was_built_between_the_start_and_the_first_look_is_taken_up(
    live: Live, shelf: Shelf, watch: Watch, tmp_path: Path
) -> None:
    shelf.name("two", engine_called("two", tmp_path))
    await watch.look()
    assert live.served.engine.index_version == "two"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BundleError("two is damaged; build again"), "two is damaged; build again"),
        (ValueError("what tenant acme asked"), "a bug of ours: ValueError"),
    ],
)
async def test_a_version_that_cannot_be_loaded_leaves_the_live_one_and_is_told_once(
    live: Live,
    shelf: Shelf,
    watch: Watch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
) -> None:
    before = live.served
    shelf.name("two", error)
    for _ in range(3):
        await watch.look()
    assert live.served is before
    assert shelf.loaded == ["two"]
    assert lines(caplog) == [f"index one stays live: {said}"]
    shelf.name("two")  # built again, and damaged again
    await watch.look()
    assert lines(caplog) == [f"index one stays live: {said}"] * 2
    shelf.name("two", engine_called("two", tmp_path))  # and mended
    await watch.look()
    assert live.served.engine.index_version == "two"


async def test_where_it_cannot_be_told_what_is_named_that_is_told_once(
    live: Live, shelf: Shelf, watch: Watch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.mark = BundleError("CURRENT: it names no version")
    for _ in range(3):
        await watch.look()
    assert lines(caplog) == ["index one stays live: CURRENT: it names no version"]
    shelf.name("")
    await watch.look()
    assert live.served.engine.index_version == "one"
    shelf.name("two", engine_called("two", tmp_path))
    await watch.look()
    assert live.served.engine.index_version == "two"


async def test_it_goes_back_to_a_version_that_was_live_before(
    live: Live, shelf: Shelf, watch: Watch, tmp_path: Path
) -> None:
    for version in ("two", "three", "two"):
        shelf.name(version, engine_called(version, tmp_path))
        await watch.look()
        assert live.served.engine.index_version == version


async def test_it_looks_again_and_again_until_it_is_cancelled(
    live: Live, shelf: Shelf, watch: Watch, tmp_path: Path
) -> None:
    running = asyncio.create_task(watch.run(0.001))
    for version in ("two", "three"):
        shelf.name(version, engine_called(version, tmp_path))
        async with asyncio.timeout(10):
            while live.served.engine.index_version != version:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_calls_in_flight_end_with_the_version_that_they_began_with(
    live: Live, tmp_path: Path
) -> None:
    one, two = live.served.engine, engine_called("two", tmp_path)
    encoder = one.encoder
    assert isinstance(encoder, GatedEncoder)
    encoder.gate.clear()
    workers = EngineWorkers(one, threads=1, capacity=64)
    async with serving(workers, live=live) as client:
        early = [asyncio.create_task(client.route("a red apple")) for _ in range(3)]
        batch = asyncio.create_task(client.route_many(["a copper wire"] * 12))
        # However many of them the thread took when it came round, all have begun.
        while workers.queue_depth + workers.running < 3 + BATCH_SHARE:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        live.replace(Served.of(two))
        late = [asyncio.create_task(client.route("an iron bar")) for _ in range(3)]
        await asyncio.sleep(0.05)
        encoder.gate.set()
        assert {contract.index_version for contract in await asyncio.gather(*early)} == {"one"}
        results = await batch
        assert {getattr(result, "index_version", result) for result in results} == {"one"}
        assert {contract.index_version for contract in await asyncio.gather(*late)} == {"two"}
        assert (await client.routes()).index_version == "two"


async def test_queries_of_two_versions_that_wait_together_are_not_encoded_together(
    tmp_path: Path,
) -> None:
    one, two = engine_called("one", tmp_path), engine_called("two", tmp_path)
    encoders = []
    for engine in (one, two):
        assert isinstance(engine.encoder, GatedEncoder)
        engine.encoder.runs.clear()
        encoders.append(engine.encoder)
    encoders[0].gate.clear()
    workers = Workers(threads=1, capacity=16)
    try:
        waiting = [asyncio.create_task(workers.route(one, Query(text="first")))]
        while not workers.running:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        for i in range(6):
            engine = (one, two)[i % 2]
            waiting.append(asyncio.create_task(workers.route(engine, Query(text=f"text {i}"))))
        while workers.queue_depth < 6:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        encoders[0].gate.set()
        assert len(await asyncio.gather(*waiting)) == 7
    finally:
        encoders[0].gate.set()
        workers.close()
    assert encoders[0].runs == [["first"], ["text 0", "text 2", "text 4"]]
    assert encoders[1].runs == [["text 1", "text 3", "text 5"]]


def test_a_version_is_let_go_when_nobody_uses_it_any_more(tmp_path: Path) -> None:
    live = Live(Served.of(engine_called("one", tmp_path)))
    gone = weakref.ref(live.served.engine)
    gc.disable()  # what needs the collector would stay for ever: a server freezes what is loaded
    try:
        live.replace(Served.of(engine_called("two", tmp_path)))
        assert gone() is None
    finally:
        gc.enable()


def test_routes_of_earlier_versions_are_known_still(live: Live, tmp_path: Path) -> None:
    before = set(live.known_routes)
    two = engine_called("two", tmp_path)
    live.replace(Served.of(two))
    assert set(live.known_routes) == before | set(two.router.catalog.routes)
