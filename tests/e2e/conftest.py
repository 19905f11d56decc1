"""One server and one client for all tests that do not need their own."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.e2e.processes import ServerProcess, running_server
from waypost_client import AdminClient, Client


@pytest.fixture(scope="session")
def server(index_folder: Path) -> Iterator[ServerProcess]:
    """A server; whatever the tests sent it, it ends as it should and has logged no traceback."""
    with running_server(index_folder) as running:
        yield running
        running.terminate()
        assert running.exit_code() == 0
        assert "Traceback" not in running.log_text()


@pytest.fixture(scope="session")
def client(server: ServerProcess) -> Iterator[Client]:
    with Client(server.address, timeout_s=20) as connected:
        yield connected


@pytest.fixture(scope="session")
def admin(server: ServerProcess) -> Iterator[AdminClient]:
    with AdminClient(server.admin_address, timeout_s=20) as connected:
        yield connected


@pytest.fixture(scope="session")
def channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    """For bytes that no client of ours would send."""
    with grpc.insecure_channel(server.address) as opened:
        yield opened


@pytest.fixture(scope="session")
def admin_channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    """The same for the admin port."""
    with grpc.insecure_channel(server.admin_address) as opened:
        yield opened
