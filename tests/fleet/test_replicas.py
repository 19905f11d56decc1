"""Three replicas at load, behind a proxy and with clients that balance: one dies, one drains."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fleet.load import Load, asking
from tests.fleet.proxy import HAPROXY, SERVING, SHIPPED, health_check, running_proxy
from tests.fleet.replicas import Replica, running_replicas
from waypost_server.adapters.bundle_store import BundleStore

EVEN = (0.25, 0.42)
"""Where a third of the calls lies when they are counted for seconds."""

BACK_SECONDS = 30.0


def test_the_proxy_asks_for_health_as_grpc_does() -> None:
    assert health_check().hex() in SHIPPED.read_text("utf-8")
    assert SERVING.hex() in SHIPPED.read_text("utf-8")


@pytest.fixture(scope="module")
def indexes(topics_index: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three, whose bundles differ in a threshold, so that an answer tells who gave it."""
    folder = tmp_path_factory.mktemp("replicas")
    stored = BundleStore(topics_index).load()
    for number in range(3):
        index = shutil.copytree(topics_index, folder / f"index{number}")
        scoring = stored.scoring
        thresholds = {route: value - number / 1e6 for route, value in scoring.thresholds.items()}
        store = BundleStore(index)
        other = store.write_scoring(stored, replace(scoring, thresholds=thresholds))
        store.activate(other.version)
    return [folder / f"index{number}" for number in range(3)]


@pytest.fixture
def replicas(indexes: list[Path]) -> Iterator[list[Replica]]:
    with running_replicas(indexes) as running:
        yield running


@pytest.fixture(params=["round_robin", "haproxy"])
def address(
    replicas: list[Replica], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """Where clients find all three."""
    ports = [replica.port for replica in replicas]
    if request.param == "round_robin":
        yield "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
        return
    if not HAPROXY:
        pytest.skip("there is no haproxy; on Debian: apt-get install haproxy")
    with running_proxy(tmp_path, ports) as port:
        yield f"127.0.0.1:{port}"


async def until_all_answer(load: Load, replicas: list[Replica]) -> None:
    async with asyncio.timeout(BACK_SECONDS):
        while not {replica.index_version for replica in replicas} <= load.answered.keys():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def until_even(load: Load, replicas: list[Replica]) -> tuple[Load, Load]:
    """The first three seconds in which all had their share, and the load before these."""
    before = Load()
    async with asyncio.timeout(BACK_SECONDS):
        while True:  # each caller finds a replica back in a time of its own
            await asyncio.sleep(3)
            seen = load.taken()
            if all(seen.share(replica.index_version) >= EVEN[0] for replica in replicas):
                return seen, before
            before.add(seen)


async def test_clients_see_no_error_when_a_replica_dies_comes_back_or_drains(
    address: str, replicas: list[Replica], capsys: pytest.CaptureFixture[str]
) -> None:
    dying, draining, staying = replicas
    async with asking(address) as load:
        await until_all_answer(load, replicas)
        load.taken()
        await asyncio.sleep(3)
        before = load.taken()

        dying.freeze()
        await asyncio.sleep(0.5)  # calls of most callers wait there by now, and are lost
        dying.kill()
        await asyncio.sleep(4)
        after_death = load.taken()

        await asyncio.to_thread(dying.start)
        after_return, during_return = await until_even(load, replicas)

        draining.terminate()
        await asyncio.sleep(5)
        after_drain = load.taken()
        await asyncio.to_thread(draining.stop)
        draining.start()
    phases = {
        "before": before,
        "a death": after_death,
        "its return": during_return,
        "after": after_return,
        "a drain": after_drain,
    }
    with capsys.disabled():
        print("\n", address, *(f"{name}: {phase}" for name, phase in phases.items()), sep="\n  ")  # noqa: T201
    assert {name: phase.errors for name, phase in phases.items() if phase.errors} == {}
    for phase in (before, after_return):
        assert phase.answered.total() > 100
        assert phase.retried == 0
        for replica in replicas:
            assert EVEN[0] <= phase.share(replica.index_version) <= EVEN[1]
    assert after_drain.retried == 0
    assert after_death.answered[staying.index_version] > 50
    assert after_death.retried <= 8  # a call of each caller that counts, or two
