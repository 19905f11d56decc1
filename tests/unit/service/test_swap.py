"""Versions that go live, alone and with others."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import HashEncoder
from tests.unit.service.engines import EXEMPLARS, GatedEncoder, engine_of
from waypost_server.core.errors import ActivationError, BundleError, WaypostError
from waypost_server.core.ports import Encodings
from waypost_server.service.crew_member import CrewMember
from waypost_server.service.engine import Engine
from waypost_server.service.smoke import check_decides
from waypost_server.service.swap import Alone, Swap
from waypost_server.service.version import Live, Served


class Shelf:
    """Engines by version; loads wait for `gate`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gate = threading.Event()
        self.gate.set()
        self.broken: dict[str, Exception] = {}

    def load(self, version: str, before: Engine | None = None) -> Engine:
        assert self.gate.wait(10)
        if version in self.broken:
            raise self.broken[version]
        engine = engine_of(GatedEncoder(), self.folder / version)
        engine.index_version = version
        return engine


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def swap(shelf: Shelf) -> Swap:
    return Swap(Live(Served.of(shelf.load("one"))), shelf.load)


async def test_what_went_live_is_counted_and_why_something_did_not_is_told(
    swap: Swap, shelf: Shelf
) -> None:
    alone = Alone(swap)
    assert (swap.index_version, swap.reloads) == ("one", 0)
    await alone.change("two")
    assert (swap.index_version, swap.reloads) == ("two", 1)
    shelf.broken["three"] = BundleError("three is damaged")
    with pytest.raises(BundleError):
        await alone.change("three")
    assert (swap.index_version, swap.reloads, swap.refused) == ("two", 1, "three is damaged")
    await alone.change("two")  # which is live: nothing to do, and nothing is wrong any more
    assert (swap.reloads, swap.refused) == (1, "")


async def test_a_version_is_named_only_once_it_is_loaded_and_live_only_once_it_is_named(
    swap: Swap, shelf: Shelf
) -> None:
    alone, named = Alone(swap), []

    def name() -> None:
        named.append(swap.index_version)

    def full() -> None:
        raise BundleError("no space left on device")

    shelf.broken["two"] = BundleError("damaged")
    with pytest.raises(BundleError, match="damaged"):
        await alone.change("two", name)
    assert named == []
    with pytest.raises(BundleError, match="no space"):
        await alone.change("three", full)
    assert (swap.index_version, swap.refused) == ("one", "no space left on device")
    await alone.change("three", name)
    assert (named, swap.index_version) == (["one"], "three")


async def test_a_change_that_has_begun_ends_though_its_caller_goes_away(
    swap: Swap, shelf: Shelf
) -> None:
    shelf.gate.clear()
    named = asyncio.Event()
    loop = asyncio.get_running_loop()

    def name() -> None:
        loop.call_soon_threadsafe(named.set)

    changing = asyncio.create_task(Alone(swap).change("two", name))
    await asyncio.sleep(0.01)
    changing.cancel()
    shelf.gate.set()
    await asyncio.wait_for(named.wait(), 10)
    async with asyncio.timeout(10):
        while swap.index_version != "two":  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_changes_at_once_take_turns(swap: Swap) -> None:
    alone = Alone(swap)
    order: list[str] = []
    await asyncio.gather(
        *(alone.change(v, lambda v=v: order.append(v)) for v in ("two", "three", "four"))  # type: ignore[misc]
    )
    assert order == ["two", "three", "four"]
    assert (swap.index_version, swap.reloads) == ("four", 3)


async def test_a_bug_of_ours_leaves_what_is_live_and_is_not_told_to_callers(
    swap: Swap, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.broken["two"] = ValueError("what tenant acme asked")
    with pytest.raises(ActivationError) as error:
        await Alone(swap).change("two")
    assert str(error.value) == "a bug of ours: ValueError"
    assert swap.index_version == "one"


class NotFinite(HashEncoder):
    def encode(self, texts: list[str]) -> Encodings:  # type: ignore[override]
        return np.full((len(texts), self.width), np.nan, dtype=np.float32)


class Raising(HashEncoder):
    def encode(self, texts: list[str]) -> Encodings:  # type: ignore[override]
        raise RuntimeError("no session")


@pytest.mark.parametrize(
    ("encoder", "problem"),
    [
        (NotFinite(), "the query's encoding is not finite"),
        (Raising(), "RuntimeError: no session"),
    ],
)
async def test_an_engine_that_does_not_decide_is_found_out_before_callers_meet_it(
    shelf: Shelf, swap: Swap, encoder: HashEncoder, problem: str
) -> None:
    sound = shelf.load("two")
    check_decides(sound)
    broken = Engine(encoder, sound.router, "two")
    with pytest.raises(BundleError, match=f"bundle two does not decide: .*{problem}"):
        check_decides(broken)
    assert {*EXEMPLARS} == {*sound.router.catalog.routes}


class Wire:
    """A link whose other end is the test."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str] = asyncio.Queue()
        self.order: Callable[[str], None] = lambda line: None

    def listen(self, hear: Callable[[str], None]) -> None:
        self.order = hear

    def say(self, line: str) -> None:
        self.said.put_nowait(line)

    async def answer(self) -> str:
        return await asyncio.wait_for(self.said.get(), 10)


@pytest.fixture
async def crew(swap: Swap) -> AsyncIterator[tuple[Wire, CrewMember]]:
    wire = Wire()
    member = CrewMember(swap, wire)
    running = asyncio.create_task(member.run())
    yield wire, member
    running.cancel()


async def test_a_member_loads_aside_and_swaps_when_it_is_told(
    swap: Swap, crew: tuple[Wire, CrewMember]
) -> None:
    wire, _ = crew
    wire.order("prepare two\n")
    assert await wire.answer() == "ready two"
    assert swap.index_version == "one"
    wire.order("activate two\n")
    assert await wire.answer() == "active two"
    assert swap.index_version == "two"


async def test_a_member_that_cannot_load_says_why_and_hears_why_others_could_not(
    swap: Swap, shelf: Shelf, crew: tuple[Wire, CrewMember]
) -> None:
    wire, _ = crew
    shelf.broken["two"] = BundleError("two is damaged;\nbuild again")
    wire.order("prepare two\n")
    assert await wire.answer() == "refused two two is damaged; build again"
    wire.order("prepare three\n")
    assert await wire.answer() == "ready three"
    wire.order("discard three process 7: it is full\n")
    wire.order("activate three\n")  # which it has let go of
    assert await wire.answer() == "refused three index three has not been loaded"
    assert (swap.index_version, swap.refused) == ("one", "process 7: it is full")


async def test_a_member_that_asks_names_the_version_when_all_are_ready(
    swap: Swap, crew: tuple[Wire, CrewMember]
) -> None:
    wire, member = crew
    named: list[str] = []
    asking = asyncio.create_task(member.change("two", lambda: named.append(swap.index_version)))
    assert await wire.answer() == "swap two"
    wire.order("prepare two\n")
    assert await wire.answer() == "ready two"
    assert named == []
    wire.order("activate two\n")
    assert await wire.answer() == "active two"
    wire.order("swapped two\n")
    await asyncio.wait_for(asking, 10)
    assert (named, swap.index_version) == (["one"], "two")


async def test_a_member_that_asks_in_vain_is_told_why(
    swap: Swap, crew: tuple[Wire, CrewMember]
) -> None:
    wire, member = crew
    asking = asyncio.create_task(member.change("two"))
    assert await wire.answer() == "swap two"
    wire.order("kept two process 7: it is damaged\n")
    with pytest.raises(WaypostError, match=r"^process 7: it is damaged$"):
        await asyncio.wait_for(asking, 10)
    assert swap.index_version == "one"
