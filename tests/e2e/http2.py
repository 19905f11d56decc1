"""Just enough HTTP/2 to say to a server what no client would."""

import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame; RFC 9113, 4.1."""

    DATA: ClassVar[int] = 0
    HEADERS: ClassVar[int] = 1
    RST_STREAM: ClassVar[int] = 3
    SETTINGS: ClassVar[int] = 4
    PING: ClassVar[int] = 6
    GOAWAY: ClassVar[int] = 7
    WINDOW_UPDATE: ClassVar[int] = 8
    CONTINUATION: ClassVar[int] = 9
    MAX_CONCURRENT_STREAMS: ClassVar[int] = 3

    kind: int
    flags: int = 0
    stream: int = 0
    payload: bytes = b""

    def to_bytes(self) -> bytes:
        head = struct.pack(">I", len(self.payload))[1:]
        return head + struct.pack(">BBI", self.kind, self.flags, self.stream) + self.payload


END_STREAM, END_HEADERS, ACK = 1, 4, 1


def preface() -> bytes:
    """How a client begins."""
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kind=Frame.SETTINGS).to_bytes()


def header_block(headers: Mapping[str, str]) -> bytes:
    """HPACK without its tables: each name and value as it is."""
    return b"".join(b"\x10" + _text(name) + _text(value) for name, value in headers.items())


def call_headers(path: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Those that a call begins with."""
    return {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "waypost",
        "content-type": "application/grpc",
        "te": "trailers",
    } | dict(more or {})


def call_frames(
    path: str, content: bytes, more: Mapping[str, str] | None = None, *, stream: int = 1
) -> Iterator[Frame]:
    """A whole call; `content` has its length before it already."""
    block = header_block(call_headers(path, more))
    yield Frame(kind=Frame.HEADERS, flags=END_HEADERS, stream=stream, payload=block)
    largest = 16_384
    for at in range(0, max(1, len(content)), largest):
        last = at + largest >= len(content)
        piece = content[at : at + largest]
        yield Frame(kind=Frame.DATA, flags=END_STREAM if last else 0, stream=stream, payload=piece)


class Connection:
    """One, on which anything can be said."""

    def __init__(self, opened_socket: socket.socket) -> None:
        self.socket = opened_socket
        self._buffer = b""

    def send(self, frame: Frame) -> None:
        """Says a frame; that nobody listens any more is no error."""
        with suppress(OSError):
            self.socket.sendall(frame.to_bytes())

    def frames(self) -> Iterator[Frame]:
        """What the server says, until it ends or falls silent."""
        while True:
            while len(self._buffer) < 9 or len(self._buffer) < 9 + self._length():
                try:
                    piece = self.socket.recv(65_536)
                except OSError:
                    return
                if not piece:
                    return
                self._buffer += piece
            length = self._length()
            kind, flags, stream = struct.unpack(">BBI", self._buffer[3:9])
            payload, self._buffer = self._buffer[9 : 9 + length], self._buffer[9 + length :]
            yield Frame(kind=kind, flags=flags, stream=stream, payload=payload)

    def settings(self) -> dict[int, int]:
        """The server's first ones."""
        payload = next(frame for frame in self.frames() if frame.kind == Frame.SETTINGS).payload
        pairs = [struct.unpack(">HI", payload[at : at + 6]) for at in range(0, len(payload), 6)]
        return {int(key): int(value) for key, value in pairs}

    def status(self) -> str:
        """The first `grpc-status` that it says, read without HPACK's tables."""
        name = b"grpc-status"
        for frame in self.frames():
            if frame.kind == Frame.HEADERS and name in frame.payload:
                at = frame.payload.index(name) + len(name)
                return frame.payload[at + 1 : at + 1 + frame.payload[at]].decode()
        return ""

    def is_alive(self) -> bool:
        """Whether the server has begun to speak."""
        return any(frame.kind == Frame.SETTINGS for frame in self.frames())

    def _length(self) -> int:
        return int.from_bytes(self._buffer[:3])


@contextmanager
def opened(address: str, *, patience_s: float = 10.0) -> Iterator[Connection]:
    """A connection that has begun as a client's does."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=patience_s) as connection:
        connection.sendall(preface())
        yield Connection(connection)


def _text(text: str) -> bytes:
    content = text.encode()
    if len(content) < 127:
        return bytes([len(content)]) + content
    rest, length = len(content) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 | 0x80])
        rest //= 128
    return length + bytes([rest]) + content
