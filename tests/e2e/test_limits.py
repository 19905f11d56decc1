"""What one caller can take of a server: messages, metadata, streams, connections."""

import gzip
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.http2 import (
    ACK,
    END_HEADERS,
    Frame,
    call_frames,
    call_headers,
    header_block,
    opened,
)
from tests.e2e.processes import ServerProcess, running_server, waypost
from waypost.v1 import router_pb2
from waypost_client import Client, InvalidRequestError

ROUTE_QUERY = "/waypost.v1.RouterService/RouteQuery"
QUERY = "why does this test hang"
PATIENCE_S = 25.0


@pytest.fixture(scope="module")
def small(index_folder: Path) -> Iterator[ServerProcess]:
    """A server with little room."""
    with running_server(
        index_folder,
        WAYPOST_MAX_MESSAGE_BYTES="1048576",
        WAYPOST_MAX_CONNECTIONS="8",
        WAYPOST_MAX_STREAMS="4",
        WAYPOST_MAX_METADATA_BYTES="4096",
    ) as server:
        yield server
        server.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log_text()


@pytest.fixture(scope="module", autouse=True)
def silent(server: ServerProcess) -> Iterator[threading.Thread]:
    """Ends with a connection that says nothing, while other tests run."""

    def wait() -> None:
        host, port = server.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
            while connection.recv(4096):  # the server's own settings
                pass

    waiting = threading.Thread(target=wait)
    waiting.start()
    yield waiting
    waiting.join()


def resident(server: ServerProcess) -> int:
    pages = Path(f"/proc/{server.process.pid}/statm").read_text("ascii").split()[1]
    return int(pages) * 4096


def test_a_message_that_is_too_large_once_inflated_is_refused(small: ServerProcess) -> None:
    """A kilobyte of it fills a megabyte."""
    bomb = gzip.compress(bytes(56 << 20))
    assert len(bomb) < 65_000  # so much may be sent before the server asks for more
    before = resident(small)
    with opened(small.address) as connection:
        headers = {"grpc-encoding": "gzip"}
        for frame in call_frames(ROUTE_QUERY, struct.pack(">BI", 1, len(bomb)) + bomb, headers):
            connection.send(frame)
        assert connection.status() == str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
    assert resident(small) - before < 24 << 20
    with Client(small.address, timeout_s=10) as client:
        client.route(QUERY)


def test_metadata_beyond_the_limit_ends_the_call_and_not_the_server(small: ServerProcess) -> None:
    request = router_pb2.RouteQueryRequest(text=QUERY)
    with Client(small.address, timeout_s=10) as client:
        client.router.RouteQuery(request, metadata=(("x-note", "n" * 2_000),))
        with pytest.raises(grpc.RpcError) as caught:
            client.router.RouteQuery(request, metadata=(("x-note", "n" * 5_000),))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        client.route(QUERY)


def test_a_connection_has_so_many_calls_under_way_at_most(small: ServerProcess) -> None:
    with opened(small.address) as connection:
        settings = connection.settings()
    assert settings[Frame.MAX_CONCURRENT_STREAMS] == 4
    with Client(small.address, timeout_s=20) as client:
        calls = [
            client.router.RouteQuery.future(router_pb2.RouteQueryRequest(text=f"{QUERY} {i}"))
            for i in range(40)
        ]
        codes = {call.code() for call in calls}
        assert grpc.StatusCode.OK in codes
        assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}


def test_a_client_that_does_not_care_for_the_limit_has_no_more(small: ServerProcess) -> None:
    """Calls that are begun and not ended stay under way for as long as the caller likes."""
    block = header_block(call_headers(ROUTE_QUERY))
    streams = range(1, 81, 2)
    with opened(small.address, patience_s=2.0) as connection:
        connection.send(Frame(kind=Frame.SETTINGS, flags=ACK))
        for stream in streams:
            connection.send(
                Frame(kind=Frame.HEADERS, flags=END_HEADERS, stream=stream, payload=block)
            )
        ended = {frame.stream for frame in connection.frames() if frame.kind == Frame.RST_STREAM}
    assert len(set(streams) - ended) == 4
    with Client(small.address, timeout_s=20) as client:
        client.route(QUERY)


def test_connections_beyond_the_limit_are_closed_and_the_others_kept(small: ServerProcess) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(Client(small.address, timeout_s=20))
        client.route(QUERY)
        kept = 0
        for _ in range(20):
            connection = stack.enter_context(opened(small.address))
            kept += connection.is_alive()
        assert kept == 7
        client.route(QUERY)
    with Client(small.address, timeout_s=20) as client:
        deadline = time.monotonic() + 15
        while True:
            try:
                client.route(QUERY)
                break
            except Exception:  # noqa: BLE001  (the last ones are being closed)
                assert time.monotonic() < deadline


def test_of_a_thousand_turns_the_last_are_read(client: Client) -> None:
    turns = [f"turn {i}" for i in range(1_000)]
    conversation = router_pb2.Conversation(recent_user_turns=turns)
    request = router_pb2.RouteQueryRequest(text=QUERY, conversation=conversation)
    assert client.router.RouteQuery(request).contract.rationale
    conversation.recent_user_turns[-1] = "t" * 40_000
    request = router_pb2.RouteQueryRequest(text=QUERY, conversation=conversation)
    with pytest.raises(grpc.RpcError, match="a recent user turn is 40,000 bytes"):
        client.router.RouteQuery(request)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"allowed_routes": ["r"] * 1_000_000}, "allowed_routes has 1,000,000 items"),
        ({"metadata": {str(i): "" for i in range(200_000)}}, "metadata has 200,000 entries"),
    ],
)
def test_fields_that_are_repeated_too_often_are_refused_unread(
    client: Client, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        client.route(QUERY, **fields, timeout_s=20)


@pytest.mark.parametrize("setting", ["WAYPOST_ADDRESS", "WAYPOST_ADMIN_ADDRESS"])
def test_beyond_loopback_a_server_asks_for_tls_and_tokens(index_folder: Path, setting: str) -> None:
    settings = {"WAYPOST_ADDRESS": "127.0.0.1:0"} | {setting: "0.0.0.0:0"}
    ended = waypost("serve", "--index", str(index_folder), **settings)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"waypost: {setting} is '0.0.0.0:0', which other machines can reach: set "
        "WAYPOST_TLS_CERT and WAYPOST_TLS_KEY and WAYPOST_TOKENS, or listen on 127.0.0.1; "
        "--insecure or WAYPOST_INSECURE=true does without, where something else keeps strangers "
        "out\n"
    )
    several = waypost("serve", "--index", str(index_folder), WAYPOST_PROCESSES="2", **settings)
    said = re.sub(r"0\.0\.0\.0:\d+", "0.0.0.0:0", several.stderr)  # the port is held by then
    assert (several.returncode, said) == (1, ended.stderr)


def test_a_ping_flood_ends_the_connection(server: ServerProcess) -> None:
    with opened(server.address) as connection:
        ping = Frame(kind=Frame.PING, payload=bytes(8))
        for _ in range(200):
            connection.send(ping)
        assert Frame.GOAWAY in [frame.kind for frame in connection.frames()]


def test_a_connection_that_says_nothing_is_closed(silent: threading.Thread) -> None:
    silent.join(PATIENCE_S)
    assert not silent.is_alive()
