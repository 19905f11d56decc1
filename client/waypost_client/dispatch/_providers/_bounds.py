"""Bounds on the bytes of a reply, before an SDK makes anything of them.

SDKs read bodies whole and lines to their end, however long, and make an object of each value in
them, on the event loop: without bounds an endpoint could fill the memory, or stop the loop and with
it every deadline.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator

MAX_BYTES = 16 << 20
"""Of a body, or of one event of a stream: the longest answer in the longest UTF-8."""

MAX_STREAM_BYTES = 256 << 20
"""Of a stream, which nobody keeps: a million tokens, each in an event of its own."""

MAX_LINES = 100
"""Of one event. It has two; an SDK that puts lines together copies all of them for each."""

MAX_OBJECTS = 500
"""Of a body, or of one event, which have about twenty: an SDK takes up to 0.5 ms for each."""

MAX_TOKENS = 16_384
"""Objects where the probabilities of tokens are asked for: a token is one. Long answers that are
not streamed have some thousands."""

VALUES_EACH = 16
"""Texts, lists and commas for each object: a token with its probability has some fifteen."""

_BLANK = (b"\n\n", b"\r\r", b"\r\n\r\n")
"""What ends an event, for every SDK alike."""

_BETWEEN = re.compile(b"|".join(_BLANK))

# A string without an end goes to the end of all, or each quote in it would be looked at again.
_VALUE = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[{,]', re.DOTALL)
_OBJECT = ord("{")


class OverlongReplyError(ValueError):
    """A reply is longer, or has more in it, than any model's answer."""


async def whole(parts: AsyncIterator[bytes], max_objects: int) -> AsyncGenerator[bytes, None]:
    """A body in one piece, with so many objects in it; raises OverlongReplyError."""
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > MAX_BYTES:
            raise OverlongReplyError(f"a body of over {MAX_BYTES:,} bytes")
    _check(body, max_objects)
    yield bytes(body)


async def in_events(parts: AsyncIterator[bytes], max_objects: int) -> AsyncGenerator[bytes, None]:
    """A stream of server-sent events, only whole ones at a time, with so many objects in each.

    Raises:
        OverlongReplyError: one of them, or all, are longer than they may be.
    """
    held, left = bytearray(), MAX_STREAM_BYTES
    async for part in parts:
        left -= len(part)
        if left < 0:
            raise OverlongReplyError(f"a stream of over {MAX_STREAM_BYTES:,} bytes")
        # What ends an event may be cut.
        looked_at = max(0, len(held) - 3)
        held += part
        if end := _end_of_events(held, looked_at):
            events = bytes(held[:end])
            del held[:end]
            _check_events(events, max_objects)
            yield events
        if len(held) > MAX_BYTES:
            raise OverlongReplyError(f"an event of over {MAX_BYTES:,} bytes")
    if held:
        _check_events(held, max_objects)
        yield bytes(held)


def _end_of_events(held: bytearray, start: int) -> int:
    """Where the last whole event ends; 0 for nowhere."""
    found = ((held.rfind(blank, start), len(blank)) for blank in _BLANK)
    return max((at + length for at, length in found if at >= 0), default=0)


def _check_events(events: bytes | bytearray, max_objects: int) -> None:
    if _lines(events) <= MAX_LINES and _is_short(events, max_objects):
        return
    for event in _BETWEEN.split(events):
        if _lines(event) > MAX_LINES:
            raise OverlongReplyError(f"an event of over {MAX_LINES} lines")
        _check(event, max_objects)


def _check(document: bytes | bytearray, max_objects: int) -> None:
    """Raises OverlongReplyError for more values than an answer has."""
    if _is_short(document, max_objects):
        return
    objects = 0
    for values, found in enumerate(_VALUE.finditer(document), start=1):
        objects += document[found.start()] == _OBJECT
        if objects > max_objects or values > VALUES_EACH * max_objects:
            raise OverlongReplyError(f"over {max_objects:,} objects, or {VALUES_EACH} values each")


def _lines(events: bytes | bytearray) -> int:
    return events.count(b"\n") + events.count(b"\r")


def _is_short(document: bytes | bytearray, max_objects: int) -> bool:
    """Whether there are few values, even if none of these characters is inside a string."""
    if len(document) <= max_objects:
        return True
    values = sum(map(document.count, (b"{", b"[", b",", b'"')))
    return values <= VALUES_EACH * max_objects and document.count(b"{") <= max_objects
