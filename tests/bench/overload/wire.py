"""gRPC calls as HTTP/2 frames, written and read with as little work as there can be.

A generator on gRPC's own client takes as much processor time a call as the server it is to flood,
and both share the machine. Of HTTP/2 this speaks what such calls take, and nothing else.
"""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK, END_STREAM, END_HEADERS = 0x1, 0x1, 0x4
FRAME = struct.Struct(">BHBBI")
LARGEST_WINDOW = 2**31 - 1

STATUS = b"grpc-status"
BROKEN = 99
"""In place of a status: the stream or its connection ended without one."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return FRAME.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def header_block(method: str, authority: str, timeout_ms: int) -> bytes:
    """The headers of a call, in HPACK without its dynamic table: the same for each call."""

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    return b"".join(
        [
            b"\x83\x86",  # :method POST, :scheme http, of HPACK's static table
            b"\x04" + text(method),
            b"\x01" + text(authority),
            b"\x0f\x10" + text("application/grpc"),
            b"\x00" + text("te") + text("trailers"),
            b"\x00" + text("grpc-timeout") + text(f"{timeout_ms}m"),
        ]
    )


def status_in(block: bytes) -> int:
    """The status in a block of trailers: gRPC writes its name and value in plain letters."""
    at = block.find(STATUS)
    if at < 0:
        return BROKEN
    length = block[at + len(STATUS)]
    return int(block[at + len(STATUS) + 1 :][:length])


class Connection:
    """One connection with many calls under way; not thread-safe."""

    def __init__(self, address: str, method: str, *, timeout_ms: int) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._headers = header_block(method, address, timeout_ms)
        self._next = 1
        self._numbers: dict[int, int] = {}
        self._received = b""
        self.is_closed = False
        # No dynamic table, no pushes, and windows so large that nobody waits for one.
        settings = struct.pack(">HIHIHI", 1, 0, 2, 0, 4, LARGEST_WINDOW)
        self._unsent = b"".join(
            [
                PREFACE,
                frame(SETTINGS, 0, 0, settings),
                frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGEST_WINDOW - 65_535)),
            ]
        )

    @property
    def open_calls(self) -> int:
        """Calls that have not ended."""
        return len(self._numbers)

    @property
    def wants_to_send(self) -> bool:
        """Whether the socket was full."""
        return bool(self._unsent)

    def ask(self, number: int, message: bytes) -> None:
        """Begins a call; `send` sends it."""
        stream, self._next = self._next, self._next + 2
        self._numbers[stream] = number
        body = struct.pack(">BI", 0, len(message)) + message
        self._unsent += frame(HEADERS, END_HEADERS, stream, self._headers) + frame(
            DATA, END_STREAM, stream, body
        )

    def send(self) -> None:
        """Sends what the socket takes."""
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return
        except ConnectionError:
            self._unsent = b""

    def receive(self) -> list[tuple[int, int]]:
        """The calls that have ended: their numbers, each with its status."""
        try:
            found = self.socket.recv(1 << 20)
        except BlockingIOError:
            return []
        except ConnectionError:
            found = b""
        if not found:
            self.is_closed = True
            ended = [(number, BROKEN) for number in self._numbers.values()]
            self._numbers.clear()
            return ended
        return self._read(self._received + found)

    def _read(self, content: bytes) -> list[tuple[int, int]]:
        ended: list[tuple[int, int]] = []
        at = 0
        while at + 9 <= len(content):
            high, low, kind, flags, stream = FRAME.unpack_from(content, at)
            end = at + 9 + (high << 16 | low)
            if end > len(content):
                break
            if kind == HEADERS and flags & END_STREAM:
                self._end(ended, stream, status_in(content[at + 9 : end]))
            elif kind == RST_STREAM:
                self._end(ended, stream, BROKEN)
            elif kind == PING and not flags & ACK:
                self._unsent += frame(PING, ACK, 0, content[at + 9 : end])
            elif kind == SETTINGS and not flags & ACK:
                self._unsent += frame(SETTINGS, ACK, 0)
            at = end
        self._received = content[at:]
        return ended

    def _end(self, ended: list[tuple[int, int]], stream: int, status: int) -> None:
        number = self._numbers.pop(stream, None)
        if number is not None:
            ended.append((number, status))

    def close(self) -> None:
        """Ends it."""
        self.socket.close()
