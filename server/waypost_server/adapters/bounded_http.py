"""Bounds on what an SDK's HTTP client reads of an endpoint and does for it.

An SDK reads a body whole and makes an object of each value in it, on the event loop: without bounds
an endpoint could fill the memory, or stop the loop and with it every query.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

MAX_BYTES = 1 << 20
"""Of a body: a hundred times the longest answer that is asked for, and a model's thoughts."""

MAX_OBJECTS = 500
"""In a body, which has about twenty: an SDK takes up to 0.1 ms for each."""

MAX_VALUES = 16 * MAX_OBJECTS
"""Texts, lists and commas in a body."""

# A string without an end goes to the end of all, or each quote in it would be looked at again.
_VALUE = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[{,]', re.DOTALL)


class UnfitReplyError(ValueError):
    """A reply is no answer of a model, and is not read."""


class RedirectedElsewhereError(Exception):
    """An endpoint sends its callers to another host or port."""


def guard(http: Any) -> None:  # noqa: ANN401  (httpx's client or httpx2's, lazily imported)
    """Bounds a client, which keeps the proxies, limits and time limits that its SDK gave it."""
    # A packed reply of kilobytes can be gigabytes.
    http.headers["accept-encoding"] = "identity"
    # They would be kept for ever, and sent to other endpoints of the same domain.
    http.cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    http.event_hooks = {"response": [_look_at]}


async def _look_at(response: Any) -> None:  # noqa: ANN401
    """Looks at the head of each reply, redirects among them, and bounds its body."""

    # All that reads a body comes this way; the libraries have no hook of their own there.
    def aiter_raw(chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        return _whole(type(response).aiter_raw(response, chunk_size))

    response.aiter_raw = aiter_raw
    packed = response.headers.get("content-encoding", "").split(",")
    if not {word.strip().casefold() for word in packed} <= {"", "identity"}:
        raise UnfitReplyError("its body is packed")
    if response.has_redirect_location:
        _check_redirect(response.request.url, response.headers["location"])


def _check_redirect(url: Any, location: str) -> None:  # noqa: ANN401
    """Raises RedirectedElsewhereError: the query would go there."""
    to = url.join(location)
    allowed = [(url.scheme, url.host, url.port)]
    if url.scheme == "http" and url.port is None:
        allowed.append(("https", url.host, None))
    if (to.scheme, to.host, to.port) not in allowed:
        raise RedirectedElsewhereError("it sends its callers to another host or port")


async def _whole(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """A body in one piece; raises UnfitReplyError."""
    body = bytearray()
    async with aclosing(parts):
        async for part in parts:
            body += part
            if len(body) > MAX_BYTES:
                raise UnfitReplyError(f"it has over {MAX_BYTES:,} bytes")
    _check_values(body)
    yield bytes(body)


def _check_values(body: bytearray) -> None:
    """Raises UnfitReplyError for more values than an answer has."""
    if _is_short(body):
        return
    objects = 0
    for values, found in enumerate(_VALUE.finditer(body), start=1):
        objects += body[found.start()] == ord("{")
        if objects > MAX_OBJECTS or values > MAX_VALUES:
            raise UnfitReplyError(f"it has over {MAX_OBJECTS:,} objects or {MAX_VALUES:,} values")


def _is_short(body: bytearray) -> bool:
    """Whether there are few values, even if none of these characters is inside a string."""
    if len(body) <= MAX_OBJECTS:
        return True
    values = sum(map(body.count, (b"{", b"[", b",", b'"')))
    return values <= MAX_VALUES and body.count(b"{") <= MAX_OBJECTS
