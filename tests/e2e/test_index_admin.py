"""Operators build, list and activate bundles while the server answers."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.topics import CLEAR
from waypost.v1 import admin_pb2, admin_pb2_grpc
from waypost_client import Client
from waypost_server.adapters.bundle_store import BundleStore

SPORT = "\n".join(
    f"who won the {game} {when}"
    for game in ("match", "football game", "tennis final", "race", "cup", "league")
    for when in ("today", "last night")
)
PHASES = admin_pb2.BuildPhase


@pytest.fixture
def folder(topics_folder: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return shutil.copytree(topics_folder, tmp_path / "topics")


@pytest.fixture
def server(folder: Path) -> Iterator[ServerProcess]:
    """One process, which does not watch."""
    with running_server(folder / "index", WAYPOST_ROUTES=str(folder / "routes")) as running:
        yield running
        running.terminate()
        assert running.exit_code() == 0
        assert "Traceback" not in running.log_text()


def add_sport(folder: Path) -> None:
    (folder / "routes/sport").mkdir()
    (folder / "routes/sport/exemplars.txt").write_text(SPORT)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.02)


def build_index(
    admin: admin_pb2_grpc.AdminServiceStub, *, dry_run: bool = False
) -> list[admin_pb2.BuildIndexResponse]:
    return list(admin.BuildIndex(admin_pb2.BuildIndexRequest(dry_run=dry_run), timeout=60))


def status(server: ServerProcess) -> admin_pb2.GetStatusResponse:
    with server.admin() as admin:
        return admin.GetStatus(admin_pb2.GetStatusRequest())


def builds_of(folder: Path) -> list[int]:
    """Processes that build bundles in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if b"build" in words and f"--index={folder / 'index'}".encode() in words:
            found.append(int(path.name))
    return found


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_build_tells_how_far_it_is_and_is_served_by_all_when_it_is_done(
    folder: Path, processes: str
) -> None:
    database = f"sqlite:///{folder}/waypost.db"
    settings = {
        "WAYPOST_ROUTES": str(folder / "routes"),
        "WAYPOST_PROCESSES": processes,
        "WAYPOST_DATABASE": database,
    }
    with running_server(folder / "index", **settings) as server, server.admin() as admin:
        add_sport(folder)
        responses = build_index(admin)
        new = responses[-1].index_version
        phases = [response.phase for response in responses]
        assert list(dict.fromkeys(phases)) == [
            PHASES.BUILD_PHASE_READING,
            PHASES.BUILD_PHASE_ENCODING,
            PHASES.BUILD_PHASE_FITTING,
            PHASES.BUILD_PHASE_CHECKING,
            PHASES.BUILD_PHASE_LIVE,
        ]
        encoding = [one for one in responses if one.phase == PHASES.BUILD_PHASE_ENCODING]
        assert [(one.done, one.total) for one in encoding] == [(0, 12), (12, 12)]
        assert new != server.index_version
        assert BundleStore(folder / "index").live_version() == new
        with Client(server.address, timeout_s=20, connections=16) as client:
            answers = [client.route("who won the tennis final last night") for _ in range(16)]
        assert {(answer.route, answer.index_version) for answer in answers} == {("sport", new)}
        assert "somebody without a token builds" in server.log_text()
        assert f"activated index {new}; before it was {server.index_version}" in server.log_text()
        audited = json.loads(waypost("audit", "--json", WAYPOST_DATABASE=database).stdout)
        assert [(act["act"], act["before"], act["after"]) for act in audited] == [
            ("activate index", server.index_version, new)
        ]


def test_a_build_that_does_not_pass_is_refused_and_the_old_bundle_serves_on(
    folder: Path, server: ServerProcess
) -> None:
    regression = folder / "routes/cooking/regression.txt"
    regression.write_text("# must stay here\nplay the next song of this album\n")
    with server.admin() as admin:
        responses = build_index(admin)
        last = responses[-1]
        assert last.phase == PHASES.BUILD_PHASE_REFUSED
        (problem,) = last.problems
        assert problem.startswith(
            f"{regression}:2: 'play the next song of this album' must go to cooking, but goes to "
        )
        assert status(server).index_version == server.index_version
        assert BundleStore(folder / "index").live_version() == server.index_version
        assert problem in server.log_text()
        # It cannot be activated, and so is not listed.
        new, old = last.index_version, server.index_version
        listed = admin.ListIndexVersions(admin_pb2.ListIndexVersionsRequest()).versions
        assert [(one.version, one.live) for one in listed] == [(old, True)]
        request = admin_pb2.ActivateIndexVersionRequest(version=new)
        with pytest.raises(grpc.RpcError) as refused:
            admin.ActivateIndexVersion(request)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.value.details() == (
            f"{old} stays live: bundle {new} did not pass the gate: {problem}; mend that and build "
            f"again; `waypost index activate {new} --force` in the server's folder makes it live "
            "all the same"
        )
        assert status(server).index_version == old
        # By hand it may go live all the same, for whoever has looked at it.
        forced = ("index", "activate", new, "--force", "--index", f"{folder}/index")
        assert waypost(*forced, WAYPOST_DATABASE="none").returncode == 0
        assert admin.ActivateIndexVersion(request).previous_version == old
        assert status(server).index_version == new


def test_a_dry_run_changes_nothing_that_is_served(folder: Path, server: ServerProcess) -> None:
    add_sport(folder)
    with server.admin() as admin:
        last = build_index(admin, dry_run=True)[-1]
        assert (last.phase, [*last.problems]) == (PHASES.BUILD_PHASE_CHECKING, [])
        assert last.index_version in BundleStore(folder / "index").versions()
        assert status(server).index_version == server.index_version
        assert BundleStore(folder / "index").live_version() == server.index_version
        # What is wrong with the routes is a problem like any other.
        (folder / "routes/sport/route.yaml").write_text("threshold: 7\n")
        last = build_index(admin)[-1]
        assert last.phase == PHASES.BUILD_PHASE_REFUSED
        assert [*last.problems] == [
            f"{folder}/routes/sport/route.yaml:1: threshold is 7; "
            "write a number between -1 and 1, or auto"
        ]


def test_there_is_one_build_at_a_time_and_a_cancelled_one_ends(
    folder: Path, server: ServerProcess
) -> None:
    add_sport(folder)
    with server.admin() as admin, server.admin() as other:
        first = admin.BuildIndex(admin_pb2.BuildIndexRequest(), timeout=60)
        assert next(first).phase == PHASES.BUILD_PHASE_READING
        (process,) = builds_of(folder)
        assert os.getpriority(os.PRIO_PROCESS, process) == 19
        with pytest.raises(grpc.RpcError) as refused:
            build_index(other)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.value.details() == "another build is running; wait for it, or cancel it"
        first.cancel()
        until(lambda: not builds_of(folder))
        assert status(server).index_version == server.index_version

        def built_again() -> bool:  # the lock is free as soon as the process has ended
            try:
                return build_index(other)[-1].phase == PHASES.BUILD_PHASE_LIVE
            except grpc.RpcError:
                return False

        until(built_again)
        assert status(server).index_version != server.index_version


def test_versions_are_listed_and_one_that_is_truncated_or_unknown_is_refused(
    folder: Path, server: ServerProcess
) -> None:
    index, old = folder / "index", server.index_version
    add_sport(folder)
    assert waypost("build", "--routes", f"{folder}/routes", "--index", f"{index}").returncode == 0
    new = BundleStore(index).live_version() or ""
    manifest = BundleStore(index).load(new).manifest
    with server.admin() as admin:
        listed = admin.ListIndexVersions(admin_pb2.ListIndexVersionsRequest()).versions
        assert [(one.version, one.live) for one in listed] == [(new, False), (old, True)]
        assert (listed[0].route_count, listed[0].exemplar_count) == (7, manifest.exemplar_count)
        assert listed[0].encoder_fingerprint == manifest.encoder_fingerprint
        assert listed[0].routes_sha256 == manifest.routes_sha256
        assert listed[0].built_at.ToNanoseconds() >= listed[1].built_at.ToNanoseconds() > 0

        head = index / new / "head.npz"
        sound = head.read_bytes()
        head.write_bytes(sound[: len(sound) // 2])
        over = threading.Event()
        with Client(server.address, timeout_s=20) as client:
            routes: set[str] = set()

            def ask() -> None:
                while not over.is_set():
                    routes.add(client.route(CLEAR["music"]).index_version)

            asker = threading.Thread(target=ask)
            asker.start()
            for version, code, words in (
                (new, grpc.StatusCode.FAILED_PRECONDITION, f"{old} stays live: {head}: its SHA"),
                ("0" * 12, grpc.StatusCode.NOT_FOUND, f"the versions are {new}, {old}"),
                ("../..", grpc.StatusCode.NOT_FOUND, "there is no version '../..'"),
            ):
                request = admin_pb2.ActivateIndexVersionRequest(version=version)
                with pytest.raises(grpc.RpcError) as refused:
                    admin.ActivateIndexVersion(request)
                assert refused.value.code() is code
                assert words in (refused.value.details() or "")
            over.set()
            asker.join()
        assert routes == {old}
        assert "head.npz: its SHA-256 is" in status(server).refused_bundle
        assert f"index {old} stays live: {head}: its SHA-256 is" in server.log_text()

        head.write_bytes(sound)
        admin.ActivateIndexVersion(admin_pb2.ActivateIndexVersionRequest(version=new))
        assert status(server).refused_bundle == ""
        assert status(server).index_version == new
