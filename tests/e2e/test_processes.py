"""Several server processes behind one port."""

import json
import os
import re
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import ServerProcess, running_server, waypost
from waypost.v1 import admin_pb2, admin_pb2_grpc
from waypost_client import Client, Contract, UnavailableError, WaypostError
from waypost_server.service.address import held

MARK = "WAYPOST_SERVICE_HOST"
"""A variable that no server reads and every process of one inherits: it tells them from others."""

PATIENCE_SECONDS = 30.0
CHANNELS = 24
"""All of them reach one of two processes in one of 8 million runs."""

CONNECTIONS = 2

BATCHES, BATCH = 16, 32
"""Calls, and queries of each: enough that both processes are at work for a while."""


@contextmanager
def two_processes(index: Path) -> Iterator[tuple[ServerProcess, Callable[[], set[int]]]]:
    """A server of two processes, and what tells which processes answer for it now."""
    mark = uuid.uuid4().hex
    with running_server(index, WAYPOST_PROCESSES="2", **{MARK: mark}) as server:
        yield server, lambda: marked(mark) - {server.process.pid}
    until(lambda: not marked(mark))


@pytest.fixture(scope="module")
def pair(index_folder: Path) -> Iterator[tuple[ServerProcess, Callable[[], set[int]]]]:
    """One that no test ends."""
    with two_processes(index_folder) as running:
        yield running


def marked(mark: str) -> set[int]:
    """The living processes with this mark."""
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _has_mark(folder, mark)}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.02)


def births(address: str) -> set[int]:
    """When each process began that answers one of many connections."""
    return {_birth(address) for _ in range(CHANNELS)}


def test_both_processes_answer_and_serve_the_same_bundle(
    pair: tuple[ServerProcess, Callable[[], set[int]]],
) -> None:
    server, children = pair
    assert len(children()) == 2
    assert len(births(server.admin_address)) == 2
    with Client(server.address, timeout_s=20, connections=CHANNELS) as client:
        assert {client.routes().index_version for _ in range(CHANNELS)} == {server.index_version}


def test_the_status_is_that_of_both(
    pair: tuple[ServerProcess, Callable[[], set[int]]],
) -> None:
    server, _ = pair
    with Client(server.address, timeout_s=20, connections=16) as client:
        for _ in range(32):
            client.route("why does this test hang")
    counted = sum(_decisions(server.admin_address).values())
    shown = waypost("status", "--admin", server.admin_address, "--json")
    assert shown.returncode == 0, shown.stderr
    status = json.loads(shown.stdout)
    each = [process["decision_count"] for process in status["processes"]]
    assert (len(each), sum(each), status["decision_count"]) == (2, counted, counted)
    lines = waypost("status", "--admin", server.admin_address).stdout.splitlines()
    assert sum("serving for" in line for line in lines) == 2


def test_a_client_with_several_connections_reaches_both(
    pair: tuple[ServerProcess, Callable[[], set[int]]],
) -> None:
    server, _ = pair
    before = _decisions(server.admin_address)
    with Client(server.address, timeout_s=20, connections=CHANNELS) as client:
        for _ in range(CHANNELS):
            client.route("why does it stop")
    after = _decisions(server.admin_address)
    assert len(after) == 2
    assert all(count > before[birth] for birth, count in after.items())


@pytest.mark.parametrize("processes", ["1", "2"])
def test_their_port_is_refused_to_another_server(
    pair: tuple[ServerProcess, Callable[[], set[int]]], index_folder: Path, processes: str
) -> None:
    server, children = pair
    arguments = ("serve", "--index", str(index_folder), "--address", server.address)
    second = waypost(*arguments, WAYPOST_PROCESSES=processes)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.splitlines()[-1] == (
        f"waypost: WAYPOST_ADDRESS is '{server.address}': cannot listen there; is the port taken? "
        "Name another with --address or WAYPOST_ADDRESS"
    )
    assert len(children()) == 2


def test_the_port_of_one_process_is_refused_to_several(
    server: ServerProcess, index_folder: Path
) -> None:
    arguments = ("serve", "--index", str(index_folder), "--address", server.address)
    second = waypost(*arguments, WAYPOST_PROCESSES="2")
    assert (second.returncode, second.stdout) == (1, "")
    assert "cannot listen there; is the port taken?" in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_killed_process_is_mended_with_the_same_bundle_while_queries_are_answered(
    index_folder: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    shutil.copytree(index_folder, index)
    with two_processes(index) as (server, children):
        (index / "CURRENT").write_text("ffffffffffff\n")  # whatever is live by then
        before = children()
        stop = threading.Event()
        results: list[list[Contract | WaypostError]] = [[] for _ in range(4)]
        askers = [
            threading.Thread(target=_ask_until, args=(server, stop, said)) for said in results
        ]
        for asker in askers:
            asker.start()
        until(lambda: all(results))
        dead = min(before)
        os.kill(dead, signal.SIGKILL)
        until(lambda: len(children() - before) == 1 and "answers in its place" in server.log_text())
        counts = [len(said) for said in results]
        until(lambda: all(len(said) > many for said, many in zip(results, counts, strict=True)))
        stop.set()
        for asker in askers:
            asker.join()
        # At most the call under way on each of its connections: the next ones go elsewhere.
        for said in results:
            errors = [result for result in said if isinstance(result, WaypostError)]
            assert {type(error) for error in errors} <= {UnavailableError}
            assert len(errors) <= CONNECTIONS
        assert len(births(server.admin_address)) == 2
        with Client(server.address, timeout_s=20, connections=CHANNELS) as client:
            versions = {client.routes().index_version for _ in range(CHANNELS)}
        assert versions == {server.index_version}
        assert f"process {dead} ended with SIGKILL" in server.log_text()


def test_sigterm_lets_all_calls_in_flight_finish(index_folder: Path) -> None:
    with two_processes(index_folder) as (server, children):
        answers: list[list[Contract | WaypostError]] = []
        batches = [threading.Thread(target=_batch, args=(server, answers)) for _ in range(BATCHES)]
        for batch in batches:
            batch.start()
        decided: dict[int, int] = {}
        while len(decided) < 2:
            status = _status(server.admin_address)
            if status.decision_count:
                decided[status.started_at.ToNanoseconds()] = status.decision_count
        assert sum(decided.values()) < BATCHES * BATCH
        server.terminate()
        assert server.exit_code() == 0
        for batch in batches:
            batch.join()
        # A batch is answered whole or, if it came too late, not at all; both had one in time.
        kinds = [{type(result) for result in results} for results in answers]
        assert len(kinds) == BATCHES
        assert all(kind in ({Contract}, {UnavailableError}) for kind in kinds)
        assert kinds.count({Contract}) >= 2
        assert not children()
        assert "Traceback" not in server.log_text()
        assert "the supervisor is gone" not in server.log_text()
        with pytest.raises(UnavailableError), Client(server.address) as client:
            client.routes()


def test_ctrl_c_reaches_all_and_is_a_clean_end(index_folder: Path) -> None:
    with two_processes(index_folder) as (server, children):
        server.process.send_signal(signal.SIGINT)
        assert server.exit_code() == 0
        assert not children()
        assert "Traceback" not in server.log_text()


def test_no_process_outlives_a_supervisor_that_was_killed(index_folder: Path) -> None:
    with two_processes(index_folder) as (server, children):
        server.process.kill()
        assert server.exit_code() == -signal.SIGKILL
        until(lambda: not children())
        assert server.log_text().count("the supervisor is gone; this process stops, too") == 2
    with held(server.address):
        pass  # the port is free


def test_a_bundle_that_cannot_be_served_is_named_once_and_leaves_nothing(
    index_folder: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    shutil.copytree(index_folder, index)
    (damaged,) = index.glob("*/routes.json")
    damaged.write_bytes(damaged.read_bytes() + b" ")
    mark = uuid.uuid4().hex
    arguments = ("serve", "--index", str(index), "--address", "127.0.0.1:0")
    several = waypost(*arguments, WAYPOST_PROCESSES="3", **{MARK: mark})
    assert (several.returncode, several.stdout) == (1, "")
    assert re.fullmatch(rf"waypost: {re.escape(str(damaged))}: .+\n", several.stderr)
    assert several.stderr == waypost(*arguments).stderr
    assert not marked(mark)


def _has_mark(folder: Path, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in (folder / "environ").read_bytes()
    except OSError:  # it has ended meanwhile, or is somebody else's
        return False


def _birth(address: str) -> int:
    return _status(address).started_at.ToNanoseconds()


def _decisions(address: str) -> dict[int, int]:
    """How many decisions each process has made, by its birth."""
    answers = [_status(address) for _ in range(CHANNELS)]
    return {answer.started_at.ToNanoseconds(): answer.decision_count for answer in answers}


def _status(address: str) -> admin_pb2.GetStatusResponse:
    # A pool of its own, or the channels would share a connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, options=options) as channel:
        admin = admin_pb2_grpc.AdminServiceStub(channel)
        return admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=20)


def _ask_until(
    server: ServerProcess, stop: threading.Event, results: list[Contract | WaypostError]
) -> None:
    with Client(server.address, timeout_s=20, connections=CONNECTIONS) as client:
        while not stop.is_set():
            try:
                results.append(client.route("why does it stop"))
            except WaypostError as error:
                results.append(error)


def _batch(server: ServerProcess, answers: list[list[Contract | WaypostError]]) -> None:
    with Client(server.address, timeout_s=20, connections=2) as client:
        try:
            answers.append(client.route_many([f"why is step {i} slow" for i in range(BATCH)]))
        except UnavailableError as error:
            answers.append([error])
