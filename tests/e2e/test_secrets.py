"""What is secret stays so, in all that a server says to anybody."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.certificates import Authority
from tests.e2e.processes import environment, running_server, waypost
from tests.e2e.test_tokens import make_token
from waypost.v1 import admin_pb2, router_pb2
from waypost_client import AdminClient, Client, Tls, WaypostError

QUERY = "wherefore did Eleanor Vance resign from Project Nightingale"
METADATA = "patient-4711-blood-group"
TENANT = "acme-confidential"
DB_LOGIN = "correct-horse-battery"


def words_of(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9-]{6,}", text)


def test_nothing_secret_is_said_to_anybody(index_folder: Path, tmp_path: Path) -> None:
    """Every output of a server, and every answer, after calls that succeed and calls that fail."""
    authority = Authority()
    pair = authority.issue()
    certificate, key = pair.write(tmp_path)
    tls = Tls(ca=authority.write(tmp_path))
    file = tmp_path / "tokens.toml"
    caller, admin = (
        make_token(file, "c", "--role", "caller", "--tenant", TENANT),
        make_token(file, "a", "--role", "admin"),
    )
    stranger = "waypost_" + "12ab" * 16
    said: list[str] = []
    with running_server(
        index_folder,
        WAYPOST_LOG_LEVEL="debug",
        WAYPOST_TLS_CERT=str(certificate),
        WAYPOST_TLS_KEY=str(key),
        WAYPOST_TOKENS=str(file),
    ) as server:
        for token in (caller, admin, stranger, ""):
            said += _answers(server.address, server.admin_address, tls, token)
        server.terminate()
        assert server.exit_code() == 0
        log = server.log_text()
    hashes = re.findall("[0-9a-f]{64}", file.read_text("utf-8"))
    keys = [line for line in pair.key.decode().splitlines() if len(line) > 30]
    everywhere = [caller, admin, stranger, *hashes, *keys, DB_LOGIN]
    for secret in everywhere:
        assert secret not in log
        assert not [answer for answer in said if secret in answer]
    for private in (*words_of(QUERY), METADATA):
        assert private not in log, private
    # What a caller sends, the caller alone may find in an answer.
    to_others = [answer for answer in said if answer.startswith("admin ")]
    for private in (*words_of(QUERY), METADATA):
        assert not [answer for answer in to_others if private in answer]


def _answers(address: str, admin_address: str, tls: Tls, token: str) -> Iterator[str]:
    """All that both ports say, as text."""
    metadata = [("authorization", f"Bearer {token}")]
    with Client(address, tls=tls, token=token, timeout_s=20) as client:
        for tenant in ("", "other"):
            for text in (QUERY, f"{QUERY} \x00", QUERY * 1_000, " "):
                query = router_pb2.RouteQueryRequest(
                    text=text, tenant=tenant, metadata={"note": METADATA}, explain=True
                )
                batch = router_pb2.RouteQueriesRequest(queries=[query])
                yield _said(lambda q=query: client.router.RouteQuery(q))
                yield _said(lambda b=batch: client.router.RouteQueries(b))
        yield _said(lambda: client.routes())
        yield _said(lambda: client.specialist("debugging"))
        yield _said(lambda: client.specialist(QUERY))
        yield _said(lambda: client.contract_schema())
    with AdminClient(admin_address, tls=tls, token=token, timeout_s=20) as admin:
        yield f"admin {_said(lambda: admin.stub.GetStatus(admin_pb2.GetStatusRequest()))}"
        yield f"admin {_said(lambda: admin.index_versions())}"
    credentials = grpc.ssl_channel_credentials(Path(str(tls.ca)).read_bytes())
    with grpc.secure_channel(address, credentials) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_by_filename="waypost/v1/router.proto"),
        ]
        yield _said(lambda: list(stub.ServerReflectionInfo(iter(asked), metadata=metadata)))


def _said(call: Any) -> str:  # noqa: ANN401  (any call)
    try:
        return str(call())
    except (WaypostError, grpc.RpcError) as error:
        return str(error)


@pytest.mark.parametrize("url", ["postgresql://waypost:{}@127.0.0.1:1/db", "mysql://u:{}@h/db"])
def test_the_databases_password_is_in_no_output(
    index_folder: Path, url: str, tmp_path: Path
) -> None:
    settings = {"WAYPOST_DATABASE": url.format(DB_LOGIN), "WAYPOST_LOG_LEVEL": "debug"}
    shown = waypost("config", "show", "--origin", **settings)
    assert shown.returncode == 0, shown.stderr
    assert ":***@" in shown.stdout
    wrong = waypost("serve", "--index", str(tmp_path), WAYPOST_WORKERS="none", **settings)
    outputs = [shown.stdout, shown.stderr, wrong.stdout, wrong.stderr]
    assert not [output for output in outputs if DB_LOGIN in output]


def test_no_file_that_a_server_keeps_has_a_querys_text(index_folder: Path, tmp_path: Path) -> None:
    """Unless somebody switches that on."""
    database = tmp_path / "waypost.db"
    with running_server(index_folder, WAYPOST_DATABASE=f"sqlite:///{database}") as server:
        with Client(server.address, timeout_s=20) as client:
            decision = client.route(QUERY, metadata={"note": METADATA}).decision_id
        server.terminate()
        assert server.exit_code() == 0
    private = [*words_of(QUERY), METADATA]
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert not [word for word in private if word.encode() in content], file
    with sqlite3.connect(database) as connection:
        dumped = "\n".join(connection.iterdump())
        assert decision in dumped  # it was kept
        assert not [word for word in private if word in dumped]


def test_a_clients_token_is_in_no_repr_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    token = "waypost_" + "34cd" * 16
    with caplog.at_level(logging.DEBUG), Client("127.0.0.1:1", token=token) as client:
        with pytest.raises(WaypostError) as caught:
            client.route(QUERY)
        assert token not in repr(client) + repr(caught.value) + str(caught.value) + caplog.text
    assert "WAYPOST_TOKEN" not in environment()
