"""What an SDK's HTTP client may do for an endpoint: read a bounded reply, at the address it has."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from contextvars import ContextVar
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

from waypost_client.dispatch._providers._bounds import MAX_OBJECTS, in_events, whole

Bytes = AsyncGenerator[bytes, None]
Bound = Callable[[Bytes], Bytes]

max_objects: ContextVar[int] = ContextVar("max_objects", default=MAX_OBJECTS)
"""Of the reply to the call that is being made; SDKs hand nothing else through to their client."""


class EncodedReplyError(ValueError):
    """A reply is packed, though none was asked for."""


class RedirectedElsewhereError(Exception):
    """An endpoint sends its callers to another host or port."""


def guarded(http: Any) -> Any:  # noqa: ANN401  (httpx's client or httpx2's)
    """The client, which keeps the proxies, limits and time limits that its SDK gave it."""
    # A packed reply of kilobytes can be gigabytes.
    http.headers["accept-encoding"] = "identity"
    # They would be kept for ever, and sent to other endpoints of the same domain.
    http.cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    http.event_hooks = {"response": [_look_at]}
    return http


def read_events(response: Any) -> None:  # noqa: ANN401  (as above)
    """Lets a reply be a stream of events, which may be longer than a body."""
    _bound(response, partial(in_events, max_objects=max_objects.get()))


async def _look_at(response: Any) -> None:  # noqa: ANN401
    """Looks at the head of each reply, redirects among them, and bounds its body."""
    _bound(response, partial(whole, max_objects=max_objects.get()))
    packed = response.headers.get("content-encoding", "").split(",")
    if not {word.strip().casefold() for word in packed} <= {"", "identity"}:
        raise EncodedReplyError("its body is packed")
    if response.has_redirect_location:
        _check_redirect(response.request.url, response.headers["location"])


def _check_redirect(url: Any, location: str) -> None:  # noqa: ANN401
    """Raises RedirectedElsewhereError: the query would go there, and a key that is no bearer's."""
    to = url.join(location)
    allowed = [(url.scheme, url.host, url.port)]
    if url.scheme == "http" and url.port is None:
        allowed.append(("https", url.host, None))
    if (to.scheme, to.host, to.port) not in allowed:
        raise RedirectedElsewhereError("it sends its callers to another host or port")


def _bound(response: Any, bound: Bound) -> None:  # noqa: ANN401
    # All that reads a body comes this way; the libraries have no hook of their own there.
    def aiter_raw(chunk_size: int | None = None) -> Bytes:
        return _bounded(type(response).aiter_raw(response, chunk_size), bound)

    response.aiter_raw = aiter_raw


async def _bounded(parts: Bytes, bound: Bound) -> Bytes:
    async with aclosing(parts), aclosing(bound(parts)) as pieces:
        async for piece in pieces:
            yield piece
