"""A new bundle while a server answers."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, running_server
from tests.e2e.topics import CLEAR, build
from tests.folders import write_folder
from waypost.v1 import router_pb2
from waypost_client import Client, Contract, InvalidRequestError, WaypostError
from waypost_server.adapters.bundle_format import EXEMPLARS, _sealed
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.service.ids import new_decision_id

PATIENCE_SECONDS = 30.0


@pytest.fixture
def folder(topics_folder: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return shutil.copytree(topics_folder, tmp_path / "topics")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.02)


def rebuild(folder: Path) -> None:
    """Builds another bundle: weather goes, and sport comes."""
    shutil.rmtree(folder / "routes/weather")
    (folder / "routes/sport").mkdir()
    exemplars = (f"who won the {game} {when}" for game in GAMES for when in ("today", "last night"))
    (folder / "routes/sport/exemplars.txt").write_text("\n".join(exemplars), "utf-8")
    travel = folder / "routes/travel/route.yaml"
    travel.write_text(travel.read_text("utf-8").replace("weather", "sport"), "utf-8")
    build(folder / "routes", folder / "index")


GAMES = ("match", "football game", "tennis final", "race", "cup", "league")


@contextmanager
def asked_all_the_time(address: str) -> Iterator[list[Contract | WaypostError]]:
    """What becomes of queries that several callers send without a pause, alone and in batches."""
    results: list[Contract | WaypostError] = []
    mixed: list[bool] = []
    over = threading.Event()

    def call(together: int) -> None:
        number = 0
        with Client(address, timeout_s=20) as client:
            while not over.is_set():
                number += 1
                texts = [f"{CLEAR['music']} {number} {i}" for i in range(together)]
                try:
                    answers = client.route_many(texts) if together > 1 else [client.route(texts[0])]
                except WaypostError as error:
                    results.append(error)
                    continue
                results.extend(answers)
                mixed.append(len(versions(answers)) > 1)

    callers = [threading.Thread(target=call, args=(count,)) for count in (1, 1, 12)]
    for caller in callers:
        caller.start()
    try:
        yield results
    finally:
        over.set()
        for caller in callers:
            caller.join()
    assert not any(mixed), "a batch of two versions"


def versions(results: Sequence[Contract | WaypostError]) -> set[str]:
    return {result.index_version for result in results if isinstance(result, Contract)}


def live(server: ServerProcess) -> str:
    with Client(server.address, timeout_s=20) as client:
        return client.routes().index_version


@pytest.mark.parametrize("two_stage", ["true", "false"])
def test_a_new_bundle_goes_live_between_two_queries(folder: Path, two_stage: str) -> None:
    with running_server(
        folder / "index", WAYPOST_WATCH="true", WAYPOST_TWO_STAGE=two_stage
    ) as server:
        with asked_all_the_time(server.address) as results:
            until(lambda: len(results) > 100)
            rebuild(folder)
            until(lambda: live(server) != server.index_version)
            seen = len(results)
            until(lambda: len(results) > seen + 100)
        new = live(server)
        assert [result for result in results if isinstance(result, WaypostError)] == []
        assert versions(results) == {server.index_version, new}
        assert versions(results[-20:]) == {new}
        with Client(server.address, timeout_s=20) as client:
            assert "sport" in {route.name for route in client.routes().routes}
            assert client.route("who won the tennis final last night").route == "sport"
            with pytest.raises(InvalidRequestError, match="'weather', which is not loaded"):
                client.route("x", allowed_routes=["weather"])
            assert '"sport"' in client.contract_schema()
            late = router_pb2.ReportOutcomeRequest(decision_id=new_decision_id(), route="weather")
            client.router.ReportOutcome(late)
        assert f"index {new} is live; before it was {server.index_version}" in server.log_text()
        server.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log_text()


def test_a_damaged_bundle_never_goes_live_and_is_told_once(folder: Path) -> None:
    with running_server(folder / "index", WAYPOST_WATCH="true") as server:
        old = server.index_version
        kept = shutil.copytree(folder / "index", folder / "kept")
        rebuild(folder)
        until(lambda: live(server) != old)
        new = live(server)
        # Back to the old one; then the new one is named again, and damaged before.
        shutil.copy(kept / "CURRENT", folder / "index/CURRENT")
        until(lambda: live(server) == old)
        with asked_all_the_time(server.address) as results:
            (folder / "index" / new / "head.npz").write_bytes(b"damaged")
            (folder / "index/CURRENT").write_text(f"{new}\n")
            until(lambda: "stays live" in server.log_text())
            time.sleep(2.5)  # two more looks
        assert versions(results) == {old}
        assert [result for result in results if isinstance(result, WaypostError)] == []
        assert server.log_text().count(f"index {old} stays live") == 1
        assert "head.npz: its SHA-256 is" in server.log_text()
        build(folder / "routes", folder / "index")  # which mends it
        until(lambda: live(server) == new)


def test_without_the_setting_a_server_keeps_its_bundle(folder: Path) -> None:
    with running_server(folder / "index") as server:
        rebuild(folder)
        time.sleep(2.5)
        assert live(server) == server.index_version


def test_each_of_several_processes_takes_it_up(folder: Path) -> None:
    with running_server(folder / "index", WAYPOST_WATCH="true", WAYPOST_PROCESSES="2") as server:
        rebuild(folder)

        def all_new() -> bool:
            with Client(server.address, timeout_s=20, connections=24) as client:
                return server.index_version not in {
                    client.routes().index_version for _ in range(24)
                }

        until(all_new)
        until(lambda: server.log_text().count(f"before it was {server.index_version}") == 2)


def bytes_read(server: ServerProcess) -> int:
    """By the server, from whatever."""
    return int(Path(f"/proc/{server.process.pid}/io").read_text().split()[1])


def test_sigterm_while_a_bundle_is_loaded_drains_all_the_same(folder: Path) -> None:
    with running_server(folder / "index", WAYPOST_WATCH="true") as server:
        # A load that lasts: a million exemplars to read before it finds that they are too many.
        store = BundleStore(folder / "index")
        live = store.load()
        files = {name: live.files.content(name) for name in live.files.names}
        files[EXEMPLARS] *= 1_000_000 // len(live.exemplars.texts)
        version, contents = _sealed(live.manifest, files)
        write_folder(folder / "index" / version, contents)
        before = bytes_read(server)
        (folder / "index/CURRENT").write_text(f"{version}\n")
        until(lambda: bytes_read(server) - before > len(files[EXEMPLARS]))
        with Client(server.address, timeout_s=20) as client:
            assert client.route(CLEAR["music"]).route == "music"
            server.terminate()
            until(lambda: "stopping" in server.log_text())
        assert server.exit_code() == 0
        assert "Traceback" not in server.log_text()
