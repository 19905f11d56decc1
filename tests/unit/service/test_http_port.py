"""The HTTP port, asked in bytes."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus

import pytest

from waypost_server.core.errors import SettingsError
from waypost_server.service import http_port
from waypost_server.service.http_port import HttpPort, Page, json_page

gate, begun = threading.Event(), threading.Event()
"""What the slow page waits for, and that somebody has asked for it."""

asked: list[object] = []
"""One for each time that it was."""


def _broken(headers: object) -> Page:
    raise RuntimeError("a secret")


def _slow(headers: object) -> Page:
    asked.append(headers)
    begun.set()
    assert gate.wait(20)
    return Page(HTTPStatus.OK, b"at last")


@pytest.fixture
def port() -> Iterator[HttpPort]:
    begun.clear()
    pages = {
        "/page": lambda headers: Page(HTTPStatus.OK, b"hello", headers.get("accept", "text/none")),
        "/no": lambda headers: json_page(HTTPStatus.SERVICE_UNAVAILABLE, {"passes": False}),
        "/broken": _broken,
        "/slow": _slow,
        "/large": lambda headers: Page(HTTPStatus.OK, bytes(20_000_000)),
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
    with suppress(OSError):  # or it is told, when it has sent all before that
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


@contextmanager
def connected(port: HttpPort, *said: bytes) -> Iterator[list[socket.socket]]:
    """Connections one after the other, each of which has said something and waits."""
    host, _, number = port.address.rpartition(":")
    with ExitStack() as opened:
        held = []
        for words in said:
            one = opened.enter_context(socket.create_connection((host, int(number)), timeout=20))
            one.sendall(words)
            held.append(one)
        yield held


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not closed it."""
    connection.settimeout(0.2)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def test_who_holds_all_connections_keeps_no_probe_out(
    port: HttpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_port, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(http_port, "REQUEST_SECONDS", 60.0)
    with connected(port, b"", b"G", b"GET /page HTTP/1.1\r\nX: y") as held:
        assert ask(port, "GET", "/page")[0] == 200
        assert [is_open(one) for one in held] == [False, True, True]
        assert ask(port, "GET", "/page")[0] == 200  # in the place of the one that has left


def test_a_scrape_that_gives_way_is_not_made(
    port: HttpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_port, "MOST_CONNECTIONS", 2)
    gate.clear()
    asked.clear()
    try:
        with connected(port, *[b"GET /slow HTTP/1.1\r\n\r\n"] * 20):
            assert begun.wait(20)
            assert ask(port, "GET", "/page")[0] == 200
    finally:
        gate.set()
    assert ask(port, "GET", "/slow")[0] == 200
    assert len(asked) <= 4  # the first, the last, and those that were there when the gate opened


def test_who_asks_for_much_and_reads_nothing_keeps_no_probe_out(
    port: HttpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_port, "MOST_CONNECTIONS", 2)
    monkeypatch.setattr(http_port, "REQUEST_SECONDS", 60.0)
    with connected(port, *[b"GET /large HTTP/1.1\r\n\r\n"] * 4):
        assert ask(port, "GET", "/page")[0] == 200


def test_a_page_that_takes_long_keeps_no_other_waiting(port: HttpPort) -> None:
    gate.clear()
    try:
        with connected(port, *[b"GET /slow HTTP/1.1\r\n\r\n"] * 3):
            assert begun.wait(20)
            assert ask(port, "GET", "/page")[0] == 200
    finally:
        gate.set()


def test_a_second_request_on_a_connection_is_not_answered(port: HttpPort) -> None:
    answer = raw(port, b"GET /page HTTP/1.1\r\n\r\n" * 50)
    assert answer.count(b"HTTP/1.1 200 OK") == 1


def test_a_port_that_is_taken_is_named(port: HttpPort) -> None:
    with pytest.raises(SettingsError, match=f"WAYPOST_HTTP_ADDRESS is '{port.address}'"):
        HttpPort(port.address, {})
    with pytest.raises(SettingsError, match="cannot listen there"):
        HttpPort("no.such.host.invalid:0", {})
