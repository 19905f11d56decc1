"""Lets others watch calls: each as it begins, and the status code that it ends with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import lru_cache
from inspect import iscoroutine
from typing import Any, Protocol, cast

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from waypost.v1 import admin_pb2, router_pb2
from waypost_server.service.interceptor import Context, Handler, MethodHandler, StreamHandler

_FILES: tuple[Any, ...] = (router_pb2, admin_pb2, health_pb2, reflection_pb2)
KNOWN = frozenset(
    f"{service.full_name}/{method}"
    for file in _FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods_by_name
)
"""Methods that watchers hear of by their names; strangers may make others up."""

UNKNOWN = "unknown"
KEPT = 256
"""Handlers that are kept wrapped: each method's own and the refusals of it."""

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

    def unread(self) -> None:
        """Hears of a call that ended before its request was there, so that none saw it begin."""


class WatchInterceptor(grpc.aio.ServerInterceptor):
    """Comes before all others, so that it sees what the caller sees."""

    def __init__(self, watchers: Iterable[CallWatcher]) -> None:
        self._watchers = tuple(watchers)
        # By handler, since one call of a method may be answered and the next one refused.
        self._wrapped = lru_cache(maxsize=KEPT)(self._wrap)
        # By the task that gRPC has for each call: it ends even where its handler never begins.
        self._unread: set[asyncio.Task[Any]] = set()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[MethodHandler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "MethodHandler | None":
        """Wraps unary calls, our streams and refusals; others' streams pass as they are."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        name = handler_call_details.method.lstrip("/")
        wrapped = self._wrapped(name if name in KNOWN else UNKNOWN, handler)
        task = asyncio.current_task()
        if wrapped is not handler and task:
            self._unread.add(task)
            task.add_done_callback(self._ended)
        return wrapped

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
        if handler.unary_stream is not None and method.startswith("waypost."):
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, cast(StreamHandler, handler.unary_stream)),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        return handler

    def _unary(self, method: str, handler: Handler) -> Handler:
        async def call(request: object, context: Context) -> object:
            ends = self._begin(method, context)
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
            ends = self._begin(method, context)
            code = "UNKNOWN"
            try:
                responses: Any = handler(requests, context)
                if iscoroutine(responses):  # it sends nothing, or by itself
                    await responses
                else:
                    async for response in responses:
                        yield response
                code = "OK"
            except BaseException as error:
                code = _code_of(error, context)
                raise
            finally:
                for end in reversed(ends):
                    end(code)

        return call

    def _begin(self, method: str, context: Context) -> list[End]:
        if task := asyncio.current_task():
            self._unread.discard(task)
        return [watcher.began(method, context) for watcher in self._watchers]

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task not in self._unread:
            return
        self._unread.remove(task)
        for watcher in self._watchers:
            watcher.unread()


def _code_of(error: BaseException, context: Context) -> str:
    if isinstance(error, grpc.aio.AbortError):
        code: Any = context.code()
        return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, "UNKNOWN")
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        left = context.time_remaining()
        return "CANCELLED" if left is None or left > 0 else "DEADLINE_EXCEEDED"
    return "UNKNOWN"
