"""Bounds on the bytes of a reply, before an SDK makes anything of them.

SDKs read bodies whole and lines to their end, however long, and make an object of each value in
them, on the event loop: without bounds an endpoint could fill the memory, or stop the loop and with
it every deadline.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator

from waypost_client.dispatch._providers._tokens import Tokens

MAX_BYTES = 16 << 20
"""Of a body, or of one event of a stream: the longest answer in the longest UTF-8."""

MAX_STREAM_BYTES = 256 << 20
"""Of a stream, which nobody keeps: a million tokens, each in an event of its own."""

MAX_LINES = 100
"""Of one event. It has two; an SDK that puts lines together copies all of them for each."""

MAX_OBJECTS = 500
"""Of a body, or of one event, which have about twenty: an SDK takes up to 0.5 ms for each."""

MAX_TOKENS = 65_536
"""In a body, or in an event, where their probabilities are asked for."""

MAX_TOKEN_OBJECTS = 2 * MAX_TOKENS
"""Objects there, more than MAX_OBJECTS of them only for tokens, of which an SDK sees next to
nothing: a token is one, and the likeliest in its place another."""

VALUES_EACH = 16
"""Texts, lists and commas for each object. A token of five bytes, each a value, needs as many;
tokens of twenty bytes twice as many, so that half as many tokens have room."""

_BLANK = (b"\n\n", b"\r\r", b"\r\n\r\n")
"""What ends an event, for every SDK alike."""

_BETWEEN = re.compile(b"(" + b"|".join(_BLANK) + b")")
_DATA = b"data:"

# A string without an end goes to the end of all, or each quote in it would be looked at again.
_VALUE = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[{,]', re.DOTALL)
_OBJECT = ord("{")


class OverlongReplyError(ValueError):
    """A reply is longer, or has more in it, than any model's answer."""


async def whole(parts: AsyncIterator[bytes], max_objects: int) -> AsyncGenerator[bytes, None]:
    """A body in one piece, with so many objects in it; raises OverlongReplyError.

    More than MAX_OBJECTS may be of tokens alone, of which their probabilities are left.
    """
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > MAX_BYTES:
            raise OverlongReplyError(f"a body of over {MAX_BYTES:,} bytes")
    yield bytes(_fit(body, max_objects))


async def in_events(parts: AsyncIterator[bytes], max_objects: int) -> AsyncGenerator[bytes, None]:
    """A stream of server-sent events, only whole ones at a time, each bounded as a body is.

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
            yield _fit_events(events, max_objects)
        if len(held) > MAX_BYTES:
            raise OverlongReplyError(f"an event of over {MAX_BYTES:,} bytes")
    if held:
        yield _fit_events(bytes(held), max_objects)


def _end_of_events(held: bytearray, start: int) -> int:
    """Where the last whole event ends; 0 for nowhere."""
    found = ((held.rfind(blank, start), len(blank)) for blank in _BLANK)
    return max((at + length for at, length in found if at >= 0), default=0)


def _fit_events(events: bytes, max_objects: int) -> bytes:
    """The events as an SDK may see them; as they came, if they are short."""
    if _lines(events) <= MAX_LINES and _is_short(events, MAX_OBJECTS):
        return events
    return b"".join(
        _fit_event(piece, max_objects) if not at % 2 else piece
        for at, piece in enumerate(_BETWEEN.split(events))
    )


def _fit_event(event: bytes, max_objects: int) -> bytes:
    if _lines(event) > MAX_LINES:
        raise OverlongReplyError(f"an event of over {MAX_LINES} lines")
    if not event.startswith(_DATA):
        return bytes(_fit(event, MAX_OBJECTS))
    return _DATA + _fit(event[len(_DATA) :], max_objects)


def _fit(document: bytes | bytearray, max_objects: int) -> bytes | bytearray:
    """The document as an SDK may see it; raises OverlongReplyError."""
    if _is_short(document, MAX_OBJECTS):
        return document
    _check(document, max_objects)
    if max_objects <= MAX_OBJECTS:
        return document
    try:
        tokens = Tokens(document)
    except ValueError:
        _check(document, MAX_OBJECTS)
        return document
    if len(tokens) > MAX_TOKENS:
        raise OverlongReplyError(f"over {MAX_TOKENS:,} tokens")
    _check(tokens.rest(), MAX_OBJECTS)
    return tokens.thinned()


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
