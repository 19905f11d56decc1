"""The HTTP port, asked in bytes."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http import HTTPStatus

import pytest

from waypost_server.core.errors import SettingsError
from waypost_server.service import http_port
from waypost_server.service.http_port import HttpPort, Page, json_page


def _broken(headers: object) -> Page:
    raise RuntimeError("a secret")


@pytest.fixture
def port() -> Iterator[HttpPort]:
    pages = {
        "/page": lambda headers: Page(HTTPStatus.OK, b"hello", headers.get("accept", "text/none")),
        "/no": lambda headers: json_page(HTTPStatus.SERVICE_UNAVAILABLE, {"passes": False}),
        "/broken": _broken,
    }
    opened = HttpPort("127.0.0.1:0", pages)
    yield opened
    opened.close()


def ask(port: HttpPort, method: str, path: str, **headers: str) -> tuple[int, bytes, str | None]:
    connection = http.client.HTTPConnection(port.address, timeout=20)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    answer = response.status, response.read(), response.getheader("Allow")
    connection.close()
    return answer


def raw(port: HttpPort, request: bytes) -> bytes:
    host, _, number = port.address.rpartition(":")
    with socket.create_connection((host, int(number)), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


def test_get_head_and_what_is_neither(port: HttpPort) -> None:
    assert ask(port, "GET", "/page?x=1") == (200, b"hello", None)
    assert ask(port, "HEAD", "/page") == (200, b"", None)
    assert ask(port, "GET", "/no") == (503, b'{"passes": false}\n', None)
    status, body, allow = ask(port, "POST", "/page")
    assert (status, body, allow) == (405, b'{"error": "send GET or HEAD"}\n', "GET, HEAD")
    assert ask(port, "GET", "/nowhere")[0] == 404
    assert ask(port, "HEAD", "/nowhere") == (404, b"", None)
    assert ask(port, "GET", "/../page")[0] == 404


def test_head_says_how_long_the_body_would_be(port: HttpPort) -> None:
    answer = raw(port, b"HEAD /page HTTP/1.1\r\nAccept: text/x\r\n\r\n")
    assert b"\r\nContent-Length: 5\r\n" in answer
    assert b"\r\nContent-Type: text/x\r\n" in answer
    assert answer.endswith(b"\r\nConnection: close\r\n\r\n")


NO_REQUESTS = [b"", b"\r\n\r\n", b"GET", b"GET /page\r\n\r\n", b"\x16\x03\x01" * 20]


@pytest.mark.parametrize("request_", NO_REQUESTS)
def test_what_is_no_request_is_refused(port: HttpPort, request_: bytes) -> None:
    assert raw(port, request_).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_request_without_an_end_is_read_no_further(port: HttpPort) -> None:
    with suppress(ConnectionError):  # or it is told, when it has sent all before that
        assert raw(port, b"GET /" + b"a" * 200_000).startswith(b"HTTP/1.1 400 ")
    assert ask(port, "GET", "/page")[0] == 200


def test_a_bug_of_ours_ends_one_answer_and_tells_nothing(port: HttpPort) -> None:
    status, body, _ = ask(port, "GET", "/broken")
    assert (status, body) == (500, b'{"error": "see the server\'s log"}\n')
    assert ask(port, "GET", "/page")[0] == 200


async def test_it_answers_while_the_event_loop_hangs(port: HttpPort) -> None:
    assert ask(port, "GET", "/page") == (200, b"hello", None)  # a call that holds up the loop


def test_a_slow_request_is_cut_off(port: HttpPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_port, "REQUEST_SECONDS", 0.2)
    host, _, number = port.address.rpartition(":")
    with socket.create_connection((host, int(number)), timeout=20) as connection:
        connection.sendall(b"GET /page HTTP/1.1\r\n")
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_more_connections_than_may_be_are_turned_away(
    port: HttpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_port, "MOST_CONNECTIONS", 3)
    host, _, number = port.address.rpartition(":")
    with ExitStack() as opened:
        for _ in range(3):
            idle = opened.enter_context(socket.create_connection((host, int(number)), timeout=20))
            idle.sendall(b"GET /page")
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            ask(port, "GET", "/page")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            assert ask(port, "GET", "/page")[0] == 200
            return
        except (ConnectionResetError, http.client.RemoteDisconnected):
            time.sleep(0.02)
    pytest.fail("the places of those who left are not free again")


def test_a_port_that_is_taken_is_named(port: HttpPort) -> None:
    with pytest.raises(SettingsError, match=f"WAYPOST_HTTP_ADDRESS is '{port.address}'"):
        HttpPort(port.address, {})
    with pytest.raises(SettingsError, match="cannot listen there"):
        HttpPort("no.such.host.invalid:0", {})
