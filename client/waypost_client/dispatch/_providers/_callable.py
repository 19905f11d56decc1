"""Calls a function of this process instead of a model behind an endpoint."""

import asyncio
import contextlib
import dataclasses
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Self

from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._output._escalation import bounded_reason
from waypost_client.dispatch._providers._pieces import Pieces
from waypost_client.dispatch._providers._provider import ModelRequest, Reply
from waypost_client.dispatch._providers._usage import usage_of

Answered = str | Reply
ModelFunction = Callable[[ModelRequest], Answered | Awaitable[Answered] | AsyncIterator[Answered]]
"""What can stand in for a model. An async generator yields pieces, and a Reply last if it likes."""


class CallableProvider:
    """Implements Provider by a function.

    Args:
        function: an async function, an async generator, or a sync function, which runs in a thread
            and there goes on when its caller is cancelled. What it raises besides ModelError
            becomes a ModelError BROKEN that names its type alone. An answer of over 4 MiB of
            characters is MALFORMED.
    """

    def __init__(self, function: ModelFunction) -> None:
        self._function = function

    async def complete(self, request: ModelRequest) -> Reply:
        """The whole answer at once."""
        reply = Reply(text="")
        async with contextlib.aclosing(self.stream(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reply):
                    reply = piece
        return reply

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Reply, None]:
        """The answer piece by piece, then the Reply, whose text is all pieces."""
        text = Pieces(f"the function of model {request.model.name}")
        reply: Reply | None = None
        streamed = False
        with _Broken(request.model.name):
            result = await self._result(request)
            async with contextlib.aclosing(_pieces(result)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Reply):
                        reply = piece
                        piece = piece.text if not streamed else ""
                    streamed = True
                    if shown := text.take(piece):
                        yield shown
                    if reply is not None:
                        break
        if rest := text.end():
            yield rest
        yield Reply(text=text.text) if reply is None else _fit(reply, text.text)

    async def close(self) -> None:
        """Nothing to end."""

    async def _result(self, request: ModelRequest) -> object:
        call = getattr(self._function, "__call__", None)  # noqa: B004 (an object's own method)
        functions = (self._function, call)
        if any(inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f) for f in functions):
            result: object = self._function(request)
        else:
            result = await asyncio.to_thread(self._function, request)
        return await result if inspect.isawaitable(result) else result


async def _pieces(result: object) -> AsyncGenerator[Answered, None]:
    if not isinstance(result, AsyncIterator):
        yield _checked(result)
        return
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(result, AsyncGenerator):
            await stack.enter_async_context(contextlib.aclosing(result))
        async for piece in result:
            yield _checked(piece)


def _fit(reply: Reply, text: str) -> Reply:
    """The reply as an endpoint's would be, with the text that was shown."""
    usage, reason = reply.usage, reply.escalation
    return dataclasses.replace(
        reply,
        text=text,
        usage=usage
        and usage_of(usage.input_tokens, usage.output_tokens, usage.cached_input_tokens),
        escalation=None if reason is None else bounded_reason(reason),
    )


def _checked(piece: object) -> Answered:
    if isinstance(piece, str | Reply):
        return piece
    raise TypeError(type(piece).__name__)


class _Broken:
    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, ModelError):
            # Not "from error": its text may quote the query.
            message = f"broken: the function of model {self._name} raised {type(error).__name__}"
            raise ModelError(FailureKind.BROKEN, message) from None
