"""Requests and connections that no client of ours would make, drawn from a seed."""

import gzip
import os
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.e2e.http2 import END_HEADERS, Frame, call_frames, call_headers, header_block, preface
from waypost.v1 import admin_pb2, router_pb2
from waypost_server.service.ids import new_decision_id

METHODS: Sequence[MethodDescriptor] = (
    *router_pb2.DESCRIPTOR.services_by_name["RouterService"].methods,
    *admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods,
)

SURROGATE, STAND_IN = b"\xed\xa0\x80", "\ue000"
"""UTF-8 has no surrogates, and protobuf takes none: another character keeps the place."""

STRINGS = (
    "", " ", "why does this test hang", "debugging", "docs_lookup", "poetry", "\x00", "\u202e",
    "a\u0301" * 50, "\U0001f600" * 30, STAND_IN, f"a{STAND_IN}b", "x" * 33_000, "y" * 600,
    "../../etc/passwd", "'; DROP TABLE decisions; --", "${jndi:ldap://x}", "{}" * 40, "%s%n",
)  # fmt: skip
FLOATS = (0.0, -0.0, 0.5, -1.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"))
WHOLES = (0, 1, 2, 31, 127, 255, 65_535, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)
MOST_ITEMS = 300
DEEPEST = 5


class Fuzzer:
    """What comes next depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  (to be drawn again, not to be secret)

    def request(self, method: MethodDescriptor) -> bytes:
        """A message of a call, valid or not."""
        kind = self.random.random()
        if kind < 0.05:
            return self.random.randbytes(self.random.randrange(300))
        content = self._message(method.input_type, 0).SerializePartialToString()
        content = content.replace(STAND_IN.encode(), SURROGATE)
        return self._damaged(content) if kind < 0.45 else content

    def conversation(self) -> bytes:
        """What a connection says, as bytes."""
        return self.random.choice(_CONVERSATIONS)(self)

    def _message(self, descriptor: Descriptor, depth: int) -> Message:
        message = GetMessageClass(descriptor)()
        share = self.random.choice((0.2, 0.6, 1.0))
        for field in descriptor.fields:
            if self.random.random() < share:
                self._fill(message, field, depth)
        return message

    def _fill(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        value: Any = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            for i in range(self._count()):
                value[f"{self._string()[:40]}{i}"] = self._string()
        elif field.message_type and depth < DEEPEST:
            if field.is_repeated:
                value.extend(
                    self._message(field.message_type, depth + 1) for _ in range(self._count(8))
                )
            else:
                value.CopyFrom(self._message(field.message_type, depth + 1))
        elif not field.message_type and field.is_repeated:
            value.extend(self._scalar(field) for _ in range(self._count()))
        elif not field.message_type:
            setattr(message, field.name, self._scalar(field))

    def _scalar(self, field: FieldDescriptor) -> Any:  # noqa: ANN401  (as the field has it)
        if field.name == "decision_id" and self.random.random() < 0.8:
            return new_decision_id()
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._string()
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self.random.randbytes(20)
        if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return self.random.choice(FLOATS)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self.random.random() < 0.5
        whole = self.random.choice(WHOLES)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self.random.choice((-1, 0, 1, 2, 3, 99, 2**31 - 1, -(2**31)))
        bits = 32 if "32" in _NAMES[field.type] else 64
        return whole % 2**bits if "UINT" in _NAMES[field.type] else whole % 2 ** (bits - 1)

    def _string(self) -> str:
        drawn = self.random.random()
        if drawn < 0.7:
            return self.random.choice(STRINGS)
        return "".join(chr(self.random.choice((97, 32, 228, 0x4E2D))) for _ in range(40))

    def _count(self, most: int = MOST_ITEMS) -> int:
        return min(most, self.random.choice((0, 1, 2, 3, 33, 257, MOST_ITEMS)))

    def _damaged(self, content: bytes) -> bytes:
        damaged = bytearray(content)
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(damaged) + 1)
            how = self.random.randrange(6)
            if how == 0:
                del damaged[at:]
            elif how == 1:
                damaged[at:at] = self.random.randbytes(self.random.randrange(1, 20))
            elif how == 2:
                damaged += _unknown_field(self.random.randrange(1, 2**29), b"?" * 9)
            elif how == 3:
                damaged += _nested(self.random.choice((10, 99, 101, 5_000)))
            elif how == 4:
                damaged += bytes(damaged[:4_000])
            elif at < len(damaged):
                damaged[at] ^= 1 << self.random.randrange(8)
        return bytes(damaged)

    # What a connection may say.

    def noise(self) -> bytes:
        """Bytes."""
        return self.random.randbytes(self.random.randrange(1, 2_000))

    def broken_preface(self) -> bytes:
        """Almost the beginning of HTTP/2."""
        said = bytearray(preface())
        said[self.random.randrange(len(said))] ^= 1 << self.random.randrange(8)
        return bytes(said)

    def other_protocol(self) -> bytes:
        """HTTP/1.1, TLS, a proxy's greeting."""
        return self.random.choice(
            (
                b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + self.random.randbytes(100),
                b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
                b"",
            )
        )

    def noisy_frames(self) -> bytes:
        """Frames of every kind, with anything in them."""
        return preface() + b"".join(
            Frame(
                kind=self.random.randrange(12),
                flags=self.random.randrange(256),
                stream=self.random.choice((0, 1, 2, 3, 2**31 - 1)),
                payload=self.random.randbytes(self.random.randrange(60)),
            ).to_bytes()
            for _ in range(self.random.randrange(1, 20))
        )

    def many_settings(self) -> bytes:
        """A flood of settings, most of them extreme."""
        one = Frame(
            kind=Frame.SETTINGS,
            payload=b"".join(
                struct.pack(">HI", self.random.randrange(1, 10), self.random.choice((0, 2**32 - 1)))
                for _ in range(6)
            ),
        )
        return preface() + one.to_bytes() * self.random.choice((1, 100, 1_000))

    def many_headers(self) -> bytes:
        """Headers that are too large, or too many, or never end."""
        more = {f"x-{i}": "v" * 200 for i in range(self.random.choice((10, 100, 400)))}
        block = header_block(call_headers("/waypost.v1.RouterService/RouteQuery", more))
        first, rest = block[:16_000], block[16_000:]
        flags = 0 if rest or self.random.random() < 0.5 else END_HEADERS
        said = Frame(kind=Frame.HEADERS, flags=flags, stream=1, payload=first).to_bytes()
        for at in range(0, len(rest), 16_000):
            piece = rest[at : at + 16_000]
            said += Frame(kind=Frame.CONTINUATION, stream=1, payload=piece).to_bytes()
        return preface() + said

    def resets(self) -> bytes:
        """Calls that are taken back as soon as they are made."""
        block = header_block(call_headers("/waypost.v1.RouterService/RouteQuery"))
        return preface() + b"".join(
            Frame(kind=Frame.HEADERS, flags=END_HEADERS, stream=stream, payload=block).to_bytes()
            + Frame(kind=Frame.RST_STREAM, stream=stream, payload=b"\0\0\0\x08").to_bytes()
            for stream in range(1, 2 * self.random.choice((1, 10, 40)), 2)
        )

    def odd_call(self) -> bytes:
        """A call whose length, compression or path is not what it should be."""
        method = self.random.choice(METHODS[:8])
        content = self.request(method)[:50_000]
        length = self.random.choice((len(content), 0, len(content) + 9, 2**32 - 1))
        flag = self.random.choice((0, 1, 7))
        if flag == 1 and self.random.random() < 0.5:
            content = gzip.compress(content)
        path = self.random.choice(
            (f"/waypost.v1.RouterService/{method.name}", "/", "//", "x", "/a/b/c", "/\xff")
        )
        headers = {"grpc-encoding": self.random.choice(("gzip", "identity", "deflate", "poetry"))}
        headers["grpc-timeout"] = self.random.choice(("1S", "0n", "-1S", "99999999H", "soon"))
        frames = call_frames(path, struct.pack(">BI", flag, length) + content, headers)
        return preface() + b"".join(frame.to_bytes() for frame in frames)

    def half_a_call(self) -> bytes:
        """A call that stops somewhere, as when its caller dies."""
        said = self.odd_call()
        return said[: self.random.randrange(len(said))]


_CONVERSATIONS: Sequence[Callable[[Fuzzer], bytes]] = (
    Fuzzer.noise,
    Fuzzer.broken_preface,
    Fuzzer.other_protocol,
    Fuzzer.noisy_frames,
    Fuzzer.many_settings,
    Fuzzer.many_headers,
    Fuzzer.resets,
    Fuzzer.odd_call,
    Fuzzer.half_a_call,
)

_NAMES = {
    getattr(FieldDescriptor, name): name for name in dir(FieldDescriptor) if name[:5] == "TYPE_"
}


def requests_wanted(otherwise: int) -> int:
    """How many requests to make: FUZZ_REQUESTS, which CONTRIBUTING.md explains."""
    return int(os.environ.get("FUZZ_REQUESTS", otherwise))


def _unknown_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _nested(depth: int) -> bytes:
    """A field in a field, and so on: protobuf gives up at 100."""
    content = b""
    for _ in range(depth):
        content = b"\x1a" + _varint(len(content)) + content
    return content


def _varint(number: int) -> bytes:
    said = b""
    while number > 127:
        said += bytes([number & 127 | 128])
        number >>= 7
    return said + bytes([number])
