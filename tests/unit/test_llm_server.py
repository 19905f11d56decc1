"""The scripted server, where its clients' SDKs do not show it."""

import json
import socket

import pytest

from tests.llm_server import Answer, Call, Cut, CutInTheMiddle, Fails, Hangs, LlmServer


def sent(llm: LlmServer, path: str = "/v1/messages", **body: object) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", llm.port), timeout=5)
    content = json.dumps({"model": "m"} | body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(content)}\r\n\r\n"
    # In two parts, as a slow network would bring it.
    connection.sendall(head.encode()[:20])
    connection.sendall(head.encode()[20:] + content)
    return connection


def drain(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


async def test_closing_ends_a_call_that_hangs() -> None:
    with LlmServer() as llm:
        llm.script("m", Hangs())
        connection = sent(llm)
        await llm.until(lambda: len(llm.calls) == 1)
    with connection:
        assert connection.recv(1) == b""
    assert not llm.calls[0].hung_up


def test_a_script_comes_before_what_is_always_done(llm: LlmServer) -> None:
    def by_number(call: Call) -> Answer | Fails:
        return Fails(503) if call.number == 2 else Answer("ok")

    llm.script("m", Fails(401))
    llm.always("m", by_number)
    statuses = []
    for _ in range(4):
        with sent(llm) as connection:
            statuses.append(connection.recv(4096).split(b" ")[1])
    assert statuses == [b"401", b"200", b"503", b"200"]
    assert [call.number for call in llm.calls_of("m")] == [0, 1, 2, 3]


def test_another_path_is_not_found(llm: LlmServer) -> None:
    with sent(llm, "/v1/models") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 404 ")


async def test_a_client_that_stays_has_not_hung_up(llm: LlmServer) -> None:
    with sent(llm) as connection:
        assert b'"text":"ok"' in connection.recv(4096)
    await llm.until(lambda: llm.calls[0].ended_at is not None)
    assert not llm.calls[0].hung_up


def test_a_reset_is_one(llm: LlmServer) -> None:
    llm.script("m", CutInTheMiddle("one two", after=0, how=Cut.RESET))
    with sent(llm) as connection, pytest.raises(ConnectionResetError):
        drain(connection)


async def test_waiting_has_an_end(llm: LlmServer) -> None:
    with pytest.raises(TimeoutError):
        await llm.until(lambda: False, within_s=0.01)
