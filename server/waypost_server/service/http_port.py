"""A small HTTP server in a thread of its own, which answers while the event loop hangs.

It knows GET and HEAD of a few paths, reads no body, and closes each connection after its answer.
Who holds connections keeps nobody out: when all places are taken, a new one takes the oldest's.
Who floods may: so many new ones before a request's answer take its place as well.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar, cast

from waypost_server.service.address import HTTP, cannot_listen

MOST_CONNECTIONS = 32
"""A few probes and a few scrapers; each has one."""

REQUEST_SECONDS = 5.0
"""For a whole request and its answer, so that a slow one keeps no place from others for long."""

MOST_BYTES = 8192
"""Of a request's line and headers."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Mapping[str, str]], Page]
"""Answers a request with these headers, their names in small letters; from a thread of its path's,
so that a page that takes long, as a large scrape does, keeps no probe waiting."""


def json_page(status: HTTPStatus, content: Mapping[str, Any]) -> Page:
    """A page that says this."""
    return Page(status, json.dumps(content).encode() + b"\n")


class HttpPort:
    """Listens until it is closed."""

    def __init__(
        self, address: str, pages: Mapping[str, Answer], *, shares_port: bool = False
    ) -> None:
        """Listens at once.

        Args:
            address: HOST:PORT; port 0 picks a free one.
            pages: what answers for each path.
            shares_port: whether other processes listen there too.

        Raises:
            SettingsError: the address cannot be listened on.
        """
        self._pages = pages
        self._answering = {path: ThreadPoolExecutor(1, f"http {path}") for path in pages}
        self._open: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()
        host, _, port = address.rpartition(":")
        try:
            self._server = self._do(
                asyncio.start_server(
                    self._connected,
                    host.strip("[]"),
                    int(port),
                    reuse_port=shares_port,
                    limit=MOST_BYTES,
                )
            )
        except (OSError, UnicodeError):  # the latter from names that no resolver takes
            self._stop()
            raise cannot_listen(address, HTTP) from None
        self.address = f"{host}:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        """Listens no more; answers under way are cut off."""
        self._do(self._end())
        self._stop()

    def _do(self, what: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for pool in self._answering.values():
            pool.shutdown(cancel_futures=True)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        if len(self._open) >= MOST_CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.cancel()
        self._open[task] = None
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                page, with_body = await self._page(await _head(reader))
                writer.write(_written(page, with_body=with_body))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the peer went, is too slow, or gives its place to another
        finally:
            self._open.pop(task, None)
            writer.transport.abort()

    async def _page(self, head: str) -> tuple[Page, bool]:
        """The answer to a request, and whether its body is wanted."""
        line, *lines = head.split("\r\n")
        method, target, protocol = (*line.split(" "), "", "")[:3]
        if not protocol.startswith("HTTP/1."):
            return json_page(
                HTTPStatus.BAD_REQUEST, {"error": "this is no request of HTTP/1"}
            ), True
        path = target.partition("?")[0]
        answer = self._pages.get(path)
        if answer is None:
            known = sorted(self._pages)
            return json_page(HTTPStatus.NOT_FOUND, {"paths": known}), method != "HEAD"
        if method not in ("GET", "HEAD"):
            page = json_page(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "send GET or HEAD"})
            return Page(page.status, page.body, headers={"Allow": "GET, HEAD"}), True
        try:
            page = await self._loop.run_in_executor(self._answering[path], answer, _headers(lines))
        except Exception:  # noqa: BLE001  (a bug of ours ends one answer)
            _log.exception("%s cannot be answered", path)
            page = json_page(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "see the server's log"})
        return page, method == "GET"


async def _head(reader: asyncio.StreamReader) -> str:
    """A request's line and headers; what is no request of HTTP, as it came."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        head = error.partial
    except asyncio.LimitOverrunError:
        head = b""
    return head.decode("latin-1")


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name}


def _written(page: Page, *, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.content_type}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in page.headers.items()),
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1") + (page.body if with_body else b"")
