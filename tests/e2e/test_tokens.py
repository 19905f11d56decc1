"""Tokens: who gets in where, for which tenant, and how often."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.e2e.processes import ServerProcess, running_server, waypost
from waypost.v1 import router_pb2
from waypost_client import (
    AdminClient,
    AsyncAdminClient,
    AsyncClient,
    AuthenticationError,
    Client,
    OverloadedError,
    PermissionDeniedError,
    SpecialistOutcome,
)
from waypost_client.admin_commands import status
from waypost_server.commands.token import token as token_command
from waypost_server.service.auth import WHO
from waypost_server.service.ids import new_decision_id

QUERY = "why does this test hang"
PATIENCE_S = 15.0
DAY_S = 24 * 60 * 60


def make_token(file: Path, name: str, *options: str) -> str:
    """A token, made as an operator makes one."""
    made = CliRunner().invoke(token_command, ["new", name, *options, "--tokens", str(file)])
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


@dataclass(frozen=True)
class Guarded:
    """A server that asks for tokens, and some of them."""

    server: ServerProcess
    file: Path
    caller: str
    acme: str
    admin: str
    slow: str


@pytest.fixture(scope="module")
def guarded(index_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    file = tmp_path_factory.mktemp("tokens") / "tokens.toml"
    tokens = {
        "caller": make_token(file, "caller", "--role", "caller"),
        "acme": make_token(file, "of-acme", "--role", "caller", "--tenant", "acme"),
        "admin": make_token(file, "ops", "--role", "admin"),
        "slow": make_token(file, "slow", "--role", "caller", "--rate", "0.1"),
    }
    # Watched, too: who watches calls must not let anybody past who is refused.
    watched = {"WAYPOST_HTTP_ADDRESS": "127.0.0.1:0"}
    with running_server(index_folder, WAYPOST_TOKENS=str(file), **watched) as server:
        yield Guarded(server, file, **tokens)
        server.terminate()
        assert server.exit_code() == 0
        log = server.log_text()
        assert "Traceback" not in log
        assert not [token for token in tokens.values() if token in log]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.05)


def is_opened_by(server: ServerProcess, token: str) -> bool:
    with Client(server.address, token=token, timeout_s=10) as client:
        try:
            return bool(client.routes())
        except AuthenticationError:
            return False


def test_a_token_opens_every_call_of_its_role(guarded: Guarded) -> None:
    for token in (guarded.caller, guarded.acme, guarded.admin):
        with Client(guarded.server.address, token=token, timeout_s=10) as client:
            decision = client.route(QUERY).decision_id
            client.report(decision, SpecialistOutcome.ACCEPTED)
            assert len(client.route_many([QUERY, QUERY])) == 2
            assert client.routes().routes
    with AdminClient(guarded.server.admin_address, token=guarded.admin, timeout_s=10) as admin:
        assert admin.status().state == "SERVING"


async def test_the_asynchronous_clients_send_it_too(guarded: Guarded) -> None:
    async with (
        AsyncClient(guarded.server.address, token=guarded.caller, timeout_s=10) as client,
        AsyncAdminClient(guarded.server.admin_address, token=guarded.admin, timeout_s=10) as admin,
    ):
        assert (await client.route(QUERY)).rationale
        assert (await admin.status()).state == "SERVING"
        requests = [
            router_pb2.StreamQueriesRequest(
                query=router_pb2.RouteQueryRequest(text=QUERY, request_id=str(i))
            )
            for i in range(3)
        ]
        stream = client.router.StreamQueries(iter(requests))
        assert {response.request_id async for response in stream} == {"0", "1", "2"}


def test_no_token_an_unknown_one_and_one_that_has_ended_are_told_the_same(
    guarded: Guarded,
) -> None:
    ended = make_token(guarded.file, "brief", "--role", "caller", "--days", "0.00001")
    other = "waypost_" + "0" * 64
    until(lambda: "the tokens are taken up" in guarded.server.log_text())
    for token in ("", other, other[:-1], "x" * 10_000, ended):
        with (
            Client(guarded.server.address, token=token, timeout_s=10) as client,
            pytest.raises(AuthenticationError) as from_callers_port,
        ):
            client.routes()
        with (
            AdminClient(guarded.server.admin_address, token=token, timeout_s=10) as admin,
            pytest.raises(AuthenticationError) as from_operators_port,
        ):
            admin.status()
        said = f"UNAUTHENTICATED: {WHO}"
        assert str(from_callers_port.value) == str(from_operators_port.value) == said


@pytest.mark.parametrize(
    "metadata",
    [
        (("authorization", "waypost_1"),),
        (("authorization", "Basic {token}"),),
        (("authorization", "Bearer"),),
        (("authorization", ""),),
        (("authorization-bin", b"Bearer {token}"),),
        (("authorization", "Bearer {token}"), ("authorization", "Bearer {token}")),
        (("token", "{token}"),),
    ],
)
def test_a_token_counts_in_its_place_alone(
    guarded: Guarded, metadata: tuple[tuple[str, str | bytes], ...]
) -> None:
    sent = [
        (key, value.replace("{token}", guarded.caller) if isinstance(value, str) else value)
        for key, value in metadata
    ]
    assert code_of(guarded.server.address, "RouteQuery", sent) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_case_does_not_matter(guarded: Guarded, scheme: str) -> None:
    sent = [("authorization", f"{scheme} {guarded.caller}")]
    assert code_of(guarded.server.address, "ListRoutes", sent) is grpc.StatusCode.OK


def test_a_callers_token_opens_no_call_of_operators(guarded: Guarded) -> None:
    for token in (guarded.caller, guarded.acme):
        with (
            AdminClient(guarded.server.admin_address, token=token, timeout_s=10) as admin,
            pytest.raises(PermissionDeniedError, match="a token with the role admin"),
        ):
            admin.status()


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"x" * 200_000])
@pytest.mark.parametrize(
    "method", ["RouteQuery", "StreamQueries", "GetStatus", "BuildIndex", "Poetry"]
)
def test_nothing_that_a_stranger_sends_is_parsed(
    guarded: Guarded, method: str, content: bytes
) -> None:
    """Otherwise malformed messages, and calls that do not exist, would have other answers."""
    for address in (guarded.server.address, guarded.server.admin_address):
        code = code_of(address, method, [], content)
        assert code is grpc.StatusCode.UNAUTHENTICATED


def test_health_is_told_to_everybody_and_reflection_to_callers_alone(guarded: Guarded) -> None:
    for address, token in (
        (guarded.server.address, guarded.caller),
        (guarded.server.admin_address, guarded.admin),
    ):
        with grpc.insecure_channel(address) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            serving = health_pb2.HealthCheckResponse.SERVING
            assert health.Check(health_pb2.HealthCheckRequest()).status == serving
            watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=10)
            assert next(watch).status == serving
            watch.cancel()
            reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            ask = reflection_pb2.ServerReflectionRequest(list_services="")
            with pytest.raises(grpc.RpcError) as caught:
                list(reflection.ServerReflectionInfo(iter([ask]), timeout=10))
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            metadata = [("authorization", f"Bearer {token}")]
            told = reflection.ServerReflectionInfo(iter([ask]), timeout=10, metadata=metadata)
            assert len(list(told)) == 1


def test_a_bound_token_speaks_for_its_tenant_alone(guarded: Guarded) -> None:
    with Client(guarded.server.address, token=guarded.acme, timeout_s=10) as client:
        client.route(QUERY)
        client.route(QUERY, tenant="acme")
        said = "the token 'of-acme' may not speak for the tenant 'other'"
        with pytest.raises(PermissionDeniedError, match=said):
            client.route(QUERY, tenant="other")
        with pytest.raises(PermissionDeniedError, match=said):
            client.reroute(
                QUERY,
                decision_id=new_decision_id(),
                rejected_routes=["debugging"],
                tenant="other",
            )
        tenants = ["", "other", "acme"]
        queries = [
            router_pb2.RouteQueryRequest(text=QUERY, tenant=tenant, request_id=str(i))
            for i, tenant in enumerate(tenants)
        ]
        batch = client.router.RouteQueries(router_pb2.RouteQueriesRequest(queries=queries))
        codes = [result.error.code for result in batch.results]
        assert codes == [0, grpc.StatusCode.PERMISSION_DENIED.value[0], 0]
        stream = client.router.StreamQueries(
            iter([router_pb2.StreamQueriesRequest(query=query) for query in queries])
        )
        assert {each.request_id: each.result.error.code for each in stream} == {
            "0": 0,
            "1": grpc.StatusCode.PERMISSION_DENIED.value[0],
            "2": 0,
        }
    with Client(guarded.server.address, token=guarded.caller, timeout_s=10) as client:
        client.route(QUERY, tenant="other")


def test_a_token_may_have_a_rate_of_its_own(guarded: Guarded) -> None:
    with Client(guarded.server.address, token=guarded.slow, timeout_s=10) as client:
        first, second = client.route_many([QUERY, QUERY])
        assert not isinstance(first, OverloadedError)
        assert isinstance(second, OverloadedError)
        request = router_pb2.RouteQueryRequest(text=QUERY)
        with pytest.raises(grpc.RpcError) as caught:
            client.router.RouteQuery(request, timeout=10)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "the token 'slow' may ask 0.1 queries a second" in str(caught.value.details())
    hints = {each.key: str(each.value) for each in caught.value.trailing_metadata()}
    assert 0 < int(hints["retry-after-ms"]) <= 10_000
    assert hints["grpc-retry-pushback-ms"] == hints["retry-after-ms"]


def test_commands_take_the_token_from_the_environment(guarded: Guarded, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{guarded.caller}\n", "utf-8")
    for said in ({"WAYPOST_TOKEN": guarded.caller}, {"WAYPOST_TOKEN_FILE": str(file)}):
        asked = waypost("ask", QUERY, "--address", guarded.server.address, "--json", **said)
        assert asked.returncode == 0, asked.stderr
        assert guarded.caller not in asked.stdout + asked.stderr
    refused = waypost("routes", "--address", guarded.server.address)
    assert (refused.returncode, WHO in refused.stderr) == (1, True)
    shown = CliRunner().invoke(
        status, ["--admin", guarded.server.admin_address], env={"WAYPOST_TOKEN": guarded.admin}
    )
    assert shown.exit_code == 0, shown.output
    for host in ("203.0.113.1:1", "router.example:1"):
        clear = waypost("routes", "--address", host, WAYPOST_TOKEN=guarded.caller)
        assert (clear.returncode, "in the clear" in clear.stderr) == (1, True)
        assert guarded.caller not in clear.stderr


def test_a_token_ends_under_a_running_server(index_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    lasting = make_token(file, "lasting", "--role", "caller")
    with running_server(index_folder, WAYPOST_TOKENS=str(file)) as server:
        brief = make_token(file, "brief", "--role", "caller", "--days", str(10 / DAY_S))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: is_opened_by(server, brief))
        until(lambda: not is_opened_by(server, brief))
        assert is_opened_by(server, lasting)


def test_tokens_are_taken_up_and_revoked_while_the_server_runs(
    guarded: Guarded, index_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tokens.toml"
    first = make_token(file, "first", "--role", "caller")
    with running_server(index_folder, WAYPOST_TOKENS=str(file)) as server:
        opens = partial(is_opened_by, server)
        second = make_token(file, "second", "--role", "caller")
        until(lambda: opens(second))
        good = file.read_bytes()
        for broken in (b"no TOML", b"[[token]]\nname = 'a'\n", good + b"colour = 'red'\n"):
            file.write_bytes(broken)
            count = server.log_text().count("the tokens stay as they are")
            server.process.send_signal(signal.SIGHUP)
            until(lambda n=count: server.log_text().count("the tokens stay as they are") > n)  # type: ignore[misc]
            assert opens(first)
        file.write_bytes(good)
        revoked = CliRunner().invoke(token_command, ["revoke", "first", "--tokens", str(file)])
        assert revoked.exit_code == 0, revoked.output
        server.process.send_signal(signal.SIGHUP)
        until(lambda: not opens(first))
        assert opens(second)
        sha = good.decode().split('sha256 = "')[1][:64]
        assert sha not in server.log_text()


def test_a_rate_for_each_tenant_is_taken_up_while_the_server_runs(
    index_folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "waypost.toml"
    config.write_text("tenant_rate = 0.01\ntenant_burst = 3\n", "utf-8")
    with (
        running_server(index_folder, WAYPOST_CONFIG=str(config)) as server,
        Client(server.address, timeout_s=10) as client,
    ):
        kinds = [type(each) for each in client.route_many([QUERY] * 5)]
        assert kinds.count(OverloadedError) == 2
        with pytest.raises(OverloadedError, match="the tenant '' may ask"):
            client.route(QUERY)
        client.route(QUERY, tenant="another")
        config.write_text("tenant_rate = 0\n", "utf-8")
        server.process.send_signal(signal.SIGHUP)
        until(
            lambda: "WAYPOST_TENANT_RATE is taken up: 0.0, before it was 0.01" in server.log_text()
        )
        client.route(QUERY)
        server.terminate()
        assert server.exit_code() == 0
        assert (
            "queries were refused: 3 for more than a tenant or a token may ask (by tenant: '' 3)"
            in server.log_text()
        )


def test_the_list_shows_no_hash(guarded: Guarded) -> None:
    listed = CliRunner().invoke(token_command, ["list", "--tokens", str(guarded.file)])
    assert "of-acme: caller, tenant acme\n" in listed.output
    assert "ops: admin\n" in listed.output
    assert "slow: caller, 0.1 queries/s\n" in listed.output
    as_json = CliRunner().invoke(token_command, ["list", "--json", "--tokens", str(guarded.file)])
    rows = json.loads(as_json.output)
    assert {row["name"] for row in rows} >= {"caller", "of-acme", "ops", "slow"}
    assert not re.search("[0-9a-f]{32}", listed.output + as_json.output)


def code_of(
    address: str, method: str, metadata: list[tuple[str, Any]], content: bytes = b""
) -> grpc.StatusCode:
    service = "AdminService" if method in ("GetStatus", "BuildIndex") else "RouterService"
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(f"/waypost.v1.{service}/{method}")
        try:
            call(content, timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK
