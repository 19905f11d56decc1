"""TLS on both ports: who is let in, and how certificates are replaced while the server runs."""

import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.certificates import DAY, Authority, Pair
from tests.e2e.processes import ServerProcess, running_server, waypost
from waypost_client import AdminClient, AsyncClient, Client, Tls, UnavailableError
from waypost_client.dispatch import Dispatcher

QUERY = "why does this test hang"
PATIENCE_S = 15.0


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@contextmanager
def tls_server(index: Path, pair: Pair, folder: Path, **settings: str) -> Iterator[ServerProcess]:
    certificate, key = pair.write(folder)
    with running_server(
        index, WAYPOST_TLS_CERT=str(certificate), WAYPOST_TLS_KEY=str(key), **settings
    ) as server:
        yield server
        server.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log_text()


def shown(address: str) -> bytes:
    """The certificate that a new connection sees."""
    host, port = address.rsplit(":", 1)
    return ssl.get_server_certificate((host, int(port)), timeout=10).encode()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.05)


def answered(server: ServerProcess, tls: Tls | None) -> list[bool]:
    """Whether each port answers a client's call, and its health check."""

    def routes() -> bool:
        with Client(server.address, tls=tls, timeout_s=5) as client:
            return bool(client.route(QUERY).rationale)

    def operates() -> bool:
        with AdminClient(server.admin_address, tls=tls, timeout_s=5) as admin:
            return admin.status().state == "SERVING"

    ports = (server.address, server.admin_address)
    asked: list[Callable[[], bool]] = [routes, operates]
    asked += [partial(is_well, port, tls) for port in ports]
    return [_succeeds(ask) for ask in asked]


def answers(server: ServerProcess, tls: Tls | None) -> bool:
    """Whether both ports do."""
    return all(answered(server, tls))


def refuses(server: ServerProcess, tls: Tls | None) -> bool:
    """Whether neither port does."""
    return not any(answered(server, tls))


def is_well(address: str, tls: Tls | None) -> bool:
    """What a health check hears."""
    with ExitStack() as stack:
        channel = stack.enter_context(
            grpc.insecure_channel(address)
            if tls is None
            else grpc.secure_channel(address, credentials_of(tls))
        )
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def credentials_of(tls: Tls) -> grpc.ChannelCredentials:
    """As gRPC takes them."""
    roots, key, certificate = (
        None if path is None else Path(path).read_bytes() for path in (tls.ca, tls.key, tls.cert)
    )
    return grpc.ssl_channel_credentials(roots, key, certificate)


def _succeeds(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except (UnavailableError, grpc.RpcError):
        return False


async def test_both_ports_speak_tls_and_nothing_else(
    index_folder: Path, tmp_path: Path, authority: Authority
) -> None:
    ca = authority.write(tmp_path)
    other = Authority("another").write(tmp_path, "other.pem")
    pair = authority.issue()
    with tls_server(index_folder, pair, tmp_path) as server:
        assert shown(server.address) == shown(server.admin_address) == pair.certificate
        assert answers(server, Tls(ca=ca))
        assert refuses(server, Tls(ca=other))
        assert refuses(server, None)
        async with AsyncClient(server.address, tls=Tls(ca=str(ca)), timeout_s=5) as client:
            assert (await client.route(QUERY)).rationale
        async with Dispatcher(server.address, tls=Tls(ca=ca)) as dispatcher:
            assert dispatcher.counts.answers == 0
        asked = waypost("ask", QUERY, "--address", server.address, "--ca", str(ca))
        assert asked.returncode == 0, asked.stderr
        listed = waypost("routes", WAYPOST_ADDRESS=server.address, WAYPOST_CA=str(ca))
        assert listed.returncode == 0, listed.stderr


def test_with_a_client_ca_only_its_clients_are_let_in(
    index_folder: Path, tmp_path: Path, authority: Authority
) -> None:
    ca, clients = authority.write(tmp_path), Authority("of clients")
    roots = clients.write(tmp_path, "clients.pem")
    ours = Tls(ca=ca, cert=(mine := clients.issue("me").write(tmp_path, "me"))[0], key=mine[1])
    stranger = authority.issue("stranger").write(tmp_path, "stranger")
    old = clients.issue("old", ends_in_s=-60).write(tmp_path, "old")
    with tls_server(
        index_folder, authority.issue(), tmp_path, WAYPOST_TLS_CLIENT_CA=str(roots)
    ) as server:
        assert answers(server, ours)
        assert refuses(server, Tls(ca=ca))
        assert refuses(server, Tls(ca=ca, cert=stranger[0], key=stranger[1]))
        assert refuses(server, Tls(ca=ca, cert=old[0], key=old[1]))


def test_a_new_certificate_is_shown_without_a_restart_and_a_broken_one_never(
    index_folder: Path, tmp_path: Path, authority: Authority
) -> None:
    tls = Tls(ca=authority.write(tmp_path))
    first, second, third = (authority.issue(name) for name in ("one", "two", "three"))
    with (
        tls_server(index_folder, first, tmp_path) as server,
        Client(server.address, tls=tls, timeout_s=5) as lasting,
    ):
        before = lasting.route(QUERY)
        second.write(tmp_path)
        until(lambda: shown(server.address) == second.certificate)
        assert shown(server.admin_address) == second.certificate
        assert answers(server, tls)

        refused = {
            "damaged": Pair(third.certificate, b"-----BEGIN PRIVATE KEY-----\nnone\n"),
            "not the key of": Pair(third.certificate, authority.issue().key),
            "it ended on": authority.issue(ends_in_s=-60),
            "it begins to hold on": authority.issue(begins_in_s=DAY),
            "BEGIN CERTIFICATE": Pair(b"nothing", third.key),
        }
        for reason, pair in refused.items():
            pair.write(tmp_path)
            server.process.send_signal(signal.SIGHUP)
            until(lambda reason=reason: reason in server.log_text())  # type: ignore[misc]
            assert shown(server.address) == second.certificate
        os.rename(tmp_path / "server.key", tmp_path / "away.key")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "No such file" in server.log_text())
        assert answers(server, tls)

        third.write(tmp_path)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: shown(server.address) == third.certificate)
        assert lasting.route(QUERY).route == before.route
        assert third.key.decode() not in server.log_text()


def test_a_certificate_that_ends_while_the_server_runs_is_refused_and_replaced_later(
    index_folder: Path, tmp_path: Path, authority: Authority
) -> None:
    tls = Tls(ca=authority.write(tmp_path))
    ends_in_s = 20.0  # before, the server starts and five questions are asked
    began = time.monotonic()
    with tls_server(index_folder, authority.issue(ends_in_s=ends_in_s), tmp_path) as server:
        assert answers(server, tls)
        assert "the certificate ends on" in server.log_text()
        with Client(server.address, tls=tls, timeout_s=5) as lasting:
            lasting.route(QUERY)
            time.sleep(max(0.0, began + ends_in_s + 1 - time.monotonic()))
            with pytest.raises(UnavailableError, match="certificate has expired"):
                Client(server.address, tls=tls, timeout_s=5, connections=2).routes()
            lasting.route(QUERY)  # on the connection that it has
            until(lambda: "callers refuse it; replace it" in server.log_text())
            authority.issue().write(tmp_path)
            until(lambda: answers(server, tls))


@pytest.mark.parametrize(
    ("ends_in_s", "begins_in_s", "said"),
    [(-60, -DAY, "it ended on "), (2 * DAY, DAY, "it begins to hold on ")],
)
def test_no_server_starts_with_a_certificate_that_does_not_hold(
    tmp_path: Path, authority: Authority, ends_in_s: float, begins_in_s: float, said: str
) -> None:
    pair = authority.issue(begins_in_s=begins_in_s, ends_in_s=ends_in_s)
    certificate, key = pair.write(tmp_path)
    files = {"WAYPOST_TLS_CERT": str(certificate), "WAYPOST_TLS_KEY": str(key)}
    ended = waypost("serve", "--index", str(tmp_path), "--address", "127.0.0.1:0", **files)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"waypost: WAYPOST_TLS_CERT is '{certificate}': {said}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"WAYPOST_TLS_CERT": "x"}, "set both WAYPOST_TLS_CERT and WAYPOST_TLS_KEY, or neither"),
        ({"WAYPOST_TLS_CLIENT_CA": "x"}, "set WAYPOST_TLS_CERT and WAYPOST_TLS_KEY too"),
        (
            {"WAYPOST_TLS_CERT": "no.pem", "WAYPOST_TLS_KEY": "no.key"},
            "WAYPOST_TLS_CERT is 'no.pem': No such file or directory",
        ),
    ],
)
def test_half_of_what_tls_takes_is_named(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    ended = waypost("serve", "--index", str(tmp_path), "--address", "127.0.0.1:0", **settings)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_a_key_that_everybody_may_read_is_warned_of(
    index_folder: Path, tmp_path: Path, authority: Authority
) -> None:
    authority.issue().write(tmp_path)
    (tmp_path / "server.key").chmod(0o644)
    with tls_server(index_folder, authority.issue(), tmp_path) as server:
        assert f"'{tmp_path / 'server.key'}', which everybody may read" in server.log_text()
