"""Settings of a server that runs."""

import signal
import time
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, running_server
from waypost_client import Client

PATIENCE_SECONDS = 20.0


def until_logged(server: ServerProcess, wanted: str, times: int = 1) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server.log_text().count(wanted) < times:
        assert time.monotonic() < deadline, f"{wanted!r} is not in {server.log_text()}"
        time.sleep(0.02)


@pytest.mark.parametrize("processes", [1, 2])
def test_sighup_takes_up_what_can_be_taken_up(
    index_folder: Path, tmp_path: Path, processes: int
) -> None:
    file = tmp_path / "waypost.toml"
    file.write_text(f'log_level = "info"\nprocesses = {processes}\nworkers = 1\n')
    with running_server(index_folder, WAYPOST_CONFIG=str(file)) as server:
        file.write_text(f'log_level = "debug"\nprocesses = {processes}\nworkers = 2\n')
        server.process.send_signal(signal.SIGHUP)
        until_logged(server, "WAYPOST_LOG_LEVEL is taken up", processes)
        until_logged(server, "WAYPOST_WORKERS changed: restart the server for it", processes)
        file.write_text("worker = 3\n")
        server.process.send_signal(signal.SIGHUP)
        until_logged(server, "the settings stay as they are", processes)
        assert "did you mean workers?" in server.log_text()
        with Client(server.address, timeout_s=20) as client:
            assert client.route("why does this test fail").route
        server.terminate()
        assert server.exit_code() == 0
