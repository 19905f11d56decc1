"""The server: takes calls, looks up what to do with them, remembers them."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from tests.llm_server._anthropic import AnthropicWire
from tests.llm_server._behaviours import Answer, Behaviour
from tests.llm_server._call import Call
from tests.llm_server._exchange import Exchange
from tests.llm_server._openai import OpenAIWire
from tests.llm_server._wire import Wire

_WIRES: dict[str, Wire] = {"/v1/chat/completions": OpenAIWire(), "/v1/messages": AnthropicWire()}
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_POLL_S = 0.002


class LlmServer:
    """Answers calls of models by name, on a port of its own.

    Attributes:
        calls: all that came, in order.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._scripts: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self._always: dict[str, Behaviour | Callable[[Call], Behaviour]] = {}
        self._counts: Counter[str] = Counter()
        self._connections: set[_Connection] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def script(self, model: str, *behaviours: Behaviour) -> None:
        """What the next calls of a model meet, one each."""
        self._scripts[model].extend(behaviours)

    def always(self, model: str, behaviour: Behaviour | Callable[[Call], Behaviour]) -> None:
        """What all calls of a model meet when its script is at its end."""
        self._always[model] = behaviour

    def calls_of(self, model: str) -> list[Call]:
        """The calls of a model."""
        return [call for call in self.calls if call.model == model]

    async def until(self, condition: Callable[[], bool], *, within_s: float = 5.0) -> None:
        """Waits for something that the server sees.

        Raises:
            TimeoutError: it did not come.
        """
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 (another thread makes it come true)
                await asyncio.sleep(_POLL_S)

    @property
    def openai_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def anthropic_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        # A burst of connections must not wait for a SYN to be sent again.
        listener = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", 0, backlog=4096
        )
        self.port: int = listener.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        listener.close()
        while self._connections:
            for connection in self._connections:
                connection.transport.abort()
            await asyncio.sleep(0)

    def _take(self, path: str, headers: dict[str, str], raw: bytes) -> tuple[Call, Behaviour]:
        body = json.loads(raw)
        model = str(body["model"])
        call = Call(
            number=self._counts[model],
            path=path,
            headers=headers,
            raw=raw,
            body=body,
            began_at=time.monotonic(),
        )
        self._counts[model] += 1
        self.calls.append(call)
        script = self._scripts[model]
        behaviour = script.popleft() if script else self._always.get(model, Answer())
        return call, behaviour(call) if callable(behaviour) else behaviour


class _Connection(asyncio.Protocol):
    """One connection; its requests come one after the other."""

    transport: asyncio.Transport

    def __init__(self, server: LlmServer) -> None:
        self._server = server
        self._buffer = b""
        self._call: Call | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._connections.discard(self)
        if self._call:
            self._call.hung_up = not self._server._stop.is_set()
            self._call.ended_at = time.monotonic()
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        path = request.split(" ")[1]
        if path in _WIRES:
            self._task = asyncio.create_task(self._serve(path, headers, rest[:length]))
        else:
            self.transport.write(_NOT_FOUND)

    async def _serve(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        call, behaviour = self._server._take(path, headers, raw)
        self._call = call
        try:
            await Exchange(call, _WIRES[path], self.transport).perform(behaviour)
        except Exception:
            # A mistake in a test's script; its client shall not wait for ever.
            self.transport.abort()
            raise
        self._call = None
        self._task = None
        call.ended_at = time.monotonic()
        self._next()


@contextlib.contextmanager
def refused_url() -> Iterator[str]:
    """An address where nobody listens, and nobody else can begin to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
