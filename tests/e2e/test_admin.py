"""What operators ask, at a port of their own."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from tests.e2e.processes import ServerProcess
from waypost_client import (
    AdminClient,
    AsyncAdminClient,
    Client,
    NotImplementedByServerError,
    UnavailableError,
)
from waypost_client.admin_commands import status


def test_status_is_told_to_people_and_to_programs(
    server: ServerProcess, admin: AdminClient
) -> None:
    found = admin.status()
    assert found.started_at < datetime.now(UTC)
    page = CliRunner().invoke(status, ["--admin", server.admin_address])
    assert page.exit_code == 0, page.output
    assert page.output.startswith("state         serving\n")
    assert f"index         {server.index_version}: " in page.output
    told = CliRunner().invoke(
        status, ["--json"], env={"WAYPOST_ADMIN_ADDRESS": server.admin_address}
    )
    content = json.loads(told.output)
    assert content["index_version"] == server.index_version
    assert content["started_at"] == str(found.started_at)
    assert content["models"] == []


def test_nobody_at_the_admin_port_is_said_in_a_sentence() -> None:
    ended = CliRunner().invoke(status, ["--admin", "127.0.0.1:1"])
    assert ended.exit_code == 1
    assert "no server answers at 127.0.0.1:1" in ended.output
    assert "with --admin HOST:PORT" in ended.output


def test_callers_calls_are_not_on_the_operators_port(server: ServerProcess) -> None:
    with (
        Client(server.admin_address) as client,
        pytest.raises((NotImplementedByServerError, UnavailableError)),
    ):
        client.route("why does it stop")


async def test_builds_fail_as_other_calls_do(server: ServerProcess, admin: AdminClient) -> None:
    """Whatever a server cannot do, a stream says with the same errors."""
    nowhere = "127.0.0.1:1"
    with AdminClient(nowhere) as client, pytest.raises(UnavailableError):
        list(client.build(dry_run=True, timeout_s=5))
    async with AsyncAdminClient(nowhere) as other:
        with pytest.raises(UnavailableError):
            async for _ in other.build(dry_run=True, timeout_s=5):
                pass
