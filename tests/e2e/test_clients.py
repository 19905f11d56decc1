"""Both clients, and a client-only install, get the same answers."""

import dataclasses
import json
import subprocess
import sys

import pytest

from tests.contract.test_thin_client import CLIENT_ONLY
from tests.e2e.processes import ServerProcess, environment
from tests.e2e.test_route_query import QUERIES, without_circumstances
from waypost_client import (
    AdminClient,
    AsyncAdminClient,
    AsyncClient,
    Client,
    Contract,
    NotFoundError,
    WaypostError,
)

ASK = f"""{CLIENT_ONLY}
import waypost_client
with waypost_client.Client(sys.argv[1], timeout_s=20) as client:
    print(client.route(sys.argv[2]).to_json())
"""


@pytest.mark.parametrize("text", QUERIES)
async def test_both_clients_get_equal_contracts(
    client: Client, server: ServerProcess, text: str
) -> None:
    options = {"max_candidates": 2, "explain": True, "allowed_routes": ("debugging", "docs_lookup")}
    async with AsyncClient(server.address, timeout_s=20) as other:
        lone = await other.route(text, **options)  # type: ignore[arg-type]
        (in_batch,) = await other.route_many([text])
    assert without_circumstances(lone) == without_circumstances(client.route(text, **options))  # type: ignore[arg-type]
    assert isinstance(in_batch, Contract)
    assert without_circumstances(in_batch) == without_circumstances(client.route(text))


async def test_both_clients_get_equal_answers_to_all_other_calls(
    client: Client, admin: AdminClient, server: ServerProcess
) -> None:
    async with AsyncClient(server.address, timeout_s=20) as other:
        assert await other.routes() == client.routes()
        assert await other.specialist("debugging") == client.specialist("debugging")
        assert await other.contract_schema() == client.contract_schema()
    async with AsyncAdminClient(server.admin_address, timeout_s=20) as operator:
        theirs, ours = await operator.status(), admin.status()
    assert dataclasses.replace(theirs, resident_bytes=0) == dataclasses.replace(
        ours, resident_bytes=0
    )


async def test_both_clients_raise_the_same_errors(client: Client, server: ServerProcess) -> None:
    with pytest.raises(NotFoundError) as from_client:
        client.specialist("poetry")
    async with AsyncClient(server.address, timeout_s=20) as other:
        with pytest.raises(NotFoundError) as from_other:
            await other.specialist("poetry")
        errors = await other.route_many([" "])
    assert str(from_other.value) == str(from_client.value)
    assert list(map(_said, errors)) == list(map(_said, client.route_many([" "])))


def test_a_client_only_install_routes_a_query(client: Client, server: ServerProcess) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK, server.address, QUERIES[0]],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["route"] == client.route(QUERIES[0]).route


def _said(result: Contract | WaypostError) -> tuple[type, str]:
    return type(result), str(result)
