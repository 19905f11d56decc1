"""What calling with an SDK is like, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from typing import Any, Generic, TypeVar

from waypost_client import Model
from waypost_client._tracing import TRACEPARENT, traceparent
from waypost_client.dispatch._providers._bounds import MAX_OBJECTS, MAX_TOKEN_OBJECTS
from waypost_client.dispatch._providers._endpoint import api_key, shown
from waypost_client.dispatch._providers._http import guarded, max_objects, read_events
from waypost_client.dispatch._providers._provider import ModelRequest, Reply
from waypost_client.dispatch._providers._reading import Reader
from waypost_client.dispatch._providers._sdk_errors import SdkErrors
from waypost_client.dispatch._recent import Recent

Client = TypeVar("Client", bound=Any)
"""The SDK's own; the SDKs have no type in common."""

CLIENTS = 256
"""Endpoints whose clients are kept; one more is made in a millisecond."""


class SdkProvider(ABC, Generic[Client]):
    """Implements Provider; an SDK adds how to connect, to send and to read.

    Attributes:
        public_url: where its protocol's own provider listens.
        tells_logprobs: whether its protocol knows the probabilities of tokens.
    """

    public_url: str
    tells_logprobs = False

    def __init__(self, http: Any) -> None:  # noqa: ANN401  (as above)
        """`http` serves all endpoints: each of its own would read the certificates, for 60 ms."""
        self._http = guarded(http)
        self._clients: Recent[Client] = Recent(CLIENTS)

    async def complete(self, request: ModelRequest) -> Reply:
        """The whole answer at once."""
        where = self._where(request.model)
        reader = Reader(where)
        with SdkErrors(where):
            self._read(await self._asked(request, streamed=False), reader)
            return reader.reply()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Reply, None]:
        """The answer piece by piece, then the Reply, whose text is all pieces."""
        where = self._where(request.model)
        reader = Reader(where)
        with SdkErrors(where):
            async with await self._asked(request, streamed=True) as events:
                async for event in events:
                    if piece := self._read_event(event, reader):
                        yield piece
            if rest := reader.rest():
                yield rest
            yield reader.reply()

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.aclose()

    async def _asked(self, request: ModelRequest, *, streamed: bool) -> Any:  # noqa: ANN401
        """As `_send`, its answer bounded."""
        wants_logprobs = request.wants_confidence and "logprobs" in request.model.features
        many = self.tells_logprobs and wants_logprobs
        before = max_objects.set(MAX_TOKEN_OBJECTS if many else MAX_OBJECTS)
        try:
            answer = await self._send(request, streamed=streamed)
            if streamed:
                read_events(answer.response)
        finally:
            max_objects.reset(before)
        return answer

    def _client(self, model: Model) -> Client:
        key = api_key(model)
        client = self._clients.of(
            (model.base_url, model.api_key_env),
            lambda: self._connect(model, model.base_url or self.public_url, key),
        )
        client.api_key = key  # it may be another one by now
        return client

    def _headers(self) -> dict[str, str] | None:
        """What a call is sent beside the SDK's own headers: the trace that it belongs to."""
        parent = traceparent()
        return {TRACEPARENT: parent} if parent else None

    def _where(self, model: Model) -> str:
        return shown(model.base_url or self.public_url)

    @abstractmethod
    def _connect(self, model: Model, url: str, key: str) -> Client:
        """The SDK's client for an endpoint; it must not retry, and not tell what is not its own."""

    @abstractmethod
    async def _send(self, request: ModelRequest, *, streamed: bool) -> Any:  # noqa: ANN401
        """The SDK's answer, or its stream of events."""

    @abstractmethod
    def _read(self, answer: Any, reader: Reader) -> None:  # noqa: ANN401
        """Gives a whole answer to the reader."""

    @abstractmethod
    def _read_event(self, event: Any, reader: Reader) -> str:  # noqa: ANN401
        """Gives an event to the reader; what may be shown of it, which may be nothing."""
