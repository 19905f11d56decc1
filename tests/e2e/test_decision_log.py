"""What a server keeps of its decisions, and what becomes of that when something breaks."""

import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.topics import CLEAR
from tests.postgres_server import running_postgres
from waypost.v1 import admin_pb2
from waypost_client import Client, SpecialistOutcome, UnavailableError
from waypost_server.adapters.database import open_database
from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.core.decision_log import LogFilter, LoggedDecision

PATIENCE_SECONDS = 30.0
TEXTS = tuple(CLEAR.values())


@contextmanager
def log_of(url: str) -> Iterator[DatabaseLog]:
    log = DatabaseLog(open_database(url))
    try:
        yield log
    finally:
        log.close()


def kept(url: str) -> dict[str, LoggedDecision]:
    """All decisions in a database, by id."""
    with log_of(url) as log:
        return {one.decision.decision_id: one for one in log.between(LogFilter()) if one.decision}


def status(server: ServerProcess) -> admin_pb2.DecisionLogStatus:
    with server.admin() as admin:
        return admin.GetStatus(admin_pb2.GetStatusRequest()).decision_log


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.05)


def ask(client: Client, count: int) -> list[str]:
    """Ids of so many decisions."""
    return [client.route(TEXTS[i % len(TEXTS)]).decision_id for i in range(count)]


def test_all_decisions_and_reports_are_kept_when_a_server_is_told_to_stop(
    topics_index: Path, database_url: str
) -> None:
    with (
        running_server(topics_index, WAYPOST_DATABASE=database_url) as server,
        Client(server.address) as client,
    ):
        first = client.route(
            CLEAR["music"], tenant="acme", request_id="r-1", allowed_routes=["music", "travel"]
        )
        second = client.reroute(
            CLEAR["music"],
            decision_id=first.decision_id,
            rejected_routes=["music"],
            rejection_reason="mail me: a@b.example",
        )
        said = client.report(
            first.decision_id, SpecialistOutcome.REJECTED, route="music", note="not mine"
        )
        assert said.durable
        many = ask(client, 300)
        server.terminate()
        assert server.exit_code() == 0
    found = kept(database_url)
    assert found.keys() == {first.decision_id, second.decision_id, *many}
    whole = found[first.decision_id]
    assert whole.decision is not None
    assert (whole.decision.route, whole.decision.confidence) == ("music", first.confidence)
    assert (whole.decision.tenant, whole.decision.request_id) == ("acme", "r-1")
    assert whole.decision.models == tuple(model.name for model in first.specialist.models)
    assert whole.decision.calibration.value == first.calibration.value
    assert whole.decision.text is None
    assert [one.report.note for one in whole.outcomes] == ["not mine"]
    again = found[second.decision_id].decision
    assert again is not None
    assert (again.rejected_decision, again.rejected_routes) == (first.decision_id, ("music",))
    assert again.rejection_reason == "mail me: [redacted: email]"


def test_a_log_that_is_switched_off_keeps_nothing_and_makes_nobody_wait(
    topics_index: Path, tmp_path: Path
) -> None:
    settings = {
        "WAYPOST_DATABASE": f"sqlite:///{tmp_path}/waypost.db",
        "WAYPOST_DECISION_LOG": "false",
    }
    with running_server(topics_index, **settings) as server, Client(server.address) as client:
        assert not client.route(CLEAR["music"], wait_for_log=True).durable
        with server.admin() as admin:
            assert not admin.GetStatus(admin_pb2.GetStatusRequest()).HasField("decision_log")
        server.terminate()
        assert server.exit_code() == 0
    tables = sqlalchemy.inspect(open_database(settings["WAYPOST_DATABASE"])).get_table_names()
    assert "decisions" not in tables  # only what processes share is kept


def test_processes_share_a_log(topics_index: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/waypost.db"
    settings = {"WAYPOST_DATABASE": url, "WAYPOST_PROCESSES": "2", "WAYPOST_WORKERS": "1"}
    with (
        running_server(topics_index, **settings) as server,
        Client(server.address, connections=8) as client,
    ):
        contracts = [client.route(text, wait_for_log=True) for text in TEXTS * 4]
        assert all(contract.durable for contract in contracts)
        ids = [contract.decision_id for contract in contracts]
        for id_ in ids:
            assert client.report(id_, SpecialistOutcome.ACCEPTED, route="music").durable
    found = kept(url)
    assert found.keys() == set(ids)
    assert all(len(one.outcomes) == 1 for one in found.values())


def test_what_was_said_to_be_durable_survives_kill_9_at_load(
    topics_index: Path, database_url: str
) -> None:
    decisions: list[str] = []
    reports: list[str] = []

    def call(client: Client, stopped: threading.Event) -> None:
        while not stopped.is_set():
            contract = client.route(CLEAR["music"], wait_for_log=True)
            if contract.durable:
                decisions.append(contract.decision_id)
            # A report may be of any decision, and that one need not wait for the log.
            other = client.route(CLEAR["travel"])
            said = client.report(other.decision_id, SpecialistOutcome.ACCEPTED, route="travel")
            if said.durable:
                reports.append(other.decision_id)

    stopped = threading.Event()
    with (
        running_server(topics_index, WAYPOST_DATABASE=database_url) as server,
        Client(server.address, connections=4, timeout_s=5) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        calls = [pool.submit(call, client, stopped) for _ in range(8)]
        until(lambda: len(decisions) > 8)
        time.sleep(0.7)
        server.process.kill()
        stopped.set()
        for each in calls:
            assert isinstance(each.exception(), UnavailableError | None)
    assert len(decisions) > 20
    assert len(reports) > 20
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    assert set(decisions) <= kept(database_url).keys()
    with log_of(database_url) as log:
        found = [log.find(each) for each in reports]
    assert all(one is not None and len(one.outcomes) == 1 for one in found)

    with (
        running_server(topics_index, WAYPOST_DATABASE=database_url) as server,
        Client(server.address) as client,
    ):
        assert client.route(CLEAR["music"], wait_for_log=True).durable


def routes_on_and_recovers(
    server: ServerProcess, url: str, *, breaks: Callable[[], None], mends: Callable[[], None]
) -> None:
    """A server whose buffer holds 20 records, through a fault of its database."""
    with Client(server.address, timeout_s=20) as client:
        assert client.route(CLEAR["music"], wait_for_log=True).durable
        breaks()
        assert not client.route(CLEAR["music"], wait_for_log=True).durable
        ask(client, 60)
        until(lambda: bool(status(server).problem))
        broken = status(server)
        assert (broken.waiting, broken.dropped) == (20, 41)
        assert not client.report(ask(client, 1)[0], SpecialistOutcome.ACCEPTED).durable
        mends()
        until(lambda: not status(server).problem and status(server).waiting == 0)
        assert client.route(CLEAR["music"], wait_for_log=True).durable
        mended = status(server)
        assert (mended.written, mended.dropped) == (1 + 20 + 1, 43)
        assert mended.problem == ""
    assert len(kept(url)) == 22
    log = server.log_text()
    assert log.count("the decision log loses records") == 1
    assert log.count("the decision log is written again; 43 records were lost") == 1
    assert "Traceback" not in log


def small(url: str) -> dict[str, str]:
    return {"WAYPOST_DATABASE": url, "WAYPOST_LOG_BUFFER_RECORDS": "20"}


def test_postgresql_may_stop_and_start_again(topics_index: Path) -> None:
    with running_postgres() as postgres:
        url = postgres.new_database()
        with running_server(topics_index, **small(url)) as server:
            routes_on_and_recovers(server, url, breaks=postgres.stop, mends=postgres.start)


def test_a_file_may_be_locked_by_somebody(topics_index: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/waypost.db"
    with running_server(topics_index, **small(url)) as server:
        others: list[sqlite3.Connection] = []

        def lock() -> None:
            others.append(sqlite3.connect(tmp_path / "waypost.db", isolation_level=None))
            others[0].execute("BEGIN IMMEDIATE")

        routes_on_and_recovers(server, url, breaks=lock, mends=lambda: others[0].close())


def test_a_disk_may_be_full(topics_index: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/waypost.db"
    with running_server(topics_index, **small(url)) as server:

        def limit(size: int) -> None:
            resource.prlimit(
                server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)
            )

        routes_on_and_recovers(
            server,
            url,
            breaks=lambda: limit(4096),  # bytes of a file: nothing can be added to any
            mends=lambda: limit(resource.RLIM_INFINITY),
        )


def test_a_database_that_is_not_there_at_the_start_is_used_once_it_is(
    topics_index: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/folder/waypost.db"
    (tmp_path / "folder").write_text("in the way")
    settings = {"WAYPOST_DATABASE": url, "WAYPOST_START_WITHOUT_DATABASE": "true"}
    with running_server(topics_index, **settings) as server, Client(server.address) as client:
        assert not client.route(CLEAR["music"], wait_for_log=True).durable
        assert "cannot be used" in status(server).problem
        (tmp_path / "folder").unlink()
        until(lambda: status(server).written == 1)
        assert client.route(CLEAR["music"], wait_for_log=True).durable
    assert len(kept(url)) == 2


def test_a_server_whose_database_never_answers_stops_in_time(
    topics_index: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").write_text("in the way")
    settings = {
        "WAYPOST_DATABASE": f"sqlite:///{tmp_path}/folder/waypost.db",
        "WAYPOST_START_WITHOUT_DATABASE": "true",
    }
    with running_server(topics_index, **settings) as server, Client(server.address) as client:
        ask(client, 3)
        server.terminate()
        assert server.exit_code() == 0
        assert "has lost 3 records" in server.log_text()


def test_a_wrong_url_stops_a_server_at_once(topics_index: Path) -> None:
    served = waypost(
        "serve", "--index", str(topics_index), WAYPOST_DATABASE="mysql://me:secret@db/x"
    )
    assert served.returncode == 1
    assert served.stderr.startswith("waypost: WAYPOST_DATABASE is 'mysql://me:***@db/x'")
