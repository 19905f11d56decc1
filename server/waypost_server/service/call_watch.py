"""Lets others watch calls: each as it begins, and the status code that it ends with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Protocol, cast

import grpc

from waypost_server.service.interceptor import Context, Handler, MethodHandler, StreamHandler

_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}

End = Callable[[str], None]
"""Takes the name of the status code that a call ended with."""


class CallWatcher(Protocol):
    """Watches calls, on the event loop: it must be quick, and must not raise."""

    def began(self, method: str, context: Context) -> End:
        """Sees a call begin, in the task that handles it; what is to be told of its end.

        Args:
            method: its full name, without the slash before it.
            context: as its handler gets it.
        """


class WatchInterceptor(grpc.aio.ServerInterceptor):
    """Comes before all others, so that it sees what the caller sees."""

    def __init__(self, watchers: Iterable[CallWatcher]) -> None:
        self._watchers = tuple(watchers)
        self._wrapped: dict[str, MethodHandler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[MethodHandler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "MethodHandler | None":
        """Wraps unary calls and streams of both directions; the others pass as they are."""
        name = handler_call_details.method
        known = self._wrapped.get(name)
        if known is not None:  # what comes after has its own for good, too
            return known
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        made = self._wrapped[name] = self._wrap(name.lstrip("/"), handler)
        return made

    def _wrap(self, method: str, handler: MethodHandler) -> MethodHandler:
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(method, handler.unary_unary),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                self._stream(method, cast(StreamHandler, handler.stream_stream)),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        return handler

    def _unary(self, method: str, handler: Handler) -> Handler:
        async def call(request: object, context: Context) -> object:
            ends = [watcher.began(method, context) for watcher in self._watchers]
            code = "UNKNOWN"
            try:
                response = await handler(request, context)
                code = "OK"
                return response
            except BaseException as error:
                code = _code_of(error, context)
                raise
            finally:
                for end in reversed(ends):
                    end(code)

        return call

    def _stream(self, method: str, handler: StreamHandler) -> StreamHandler:
        async def call(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
            ends = [watcher.began(method, context) for watcher in self._watchers]
            code = "UNKNOWN"
            try:
                async for response in handler(requests, context):
                    yield response
                code = "OK"
            except BaseException as error:
                code = _code_of(error, context)
                raise
            finally:
                for end in reversed(ends):
                    end(code)

        return call


def _code_of(error: BaseException, context: Context) -> str:
    if isinstance(error, grpc.aio.AbortError):
        code: Any = context.code()
        return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, "UNKNOWN")
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        left = context.time_remaining()
        return "CANCELLED" if left is None or left > 0 else "DEADLINE_EXCEEDED"
    return "UNKNOWN"
