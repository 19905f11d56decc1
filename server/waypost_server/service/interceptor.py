"""What every call passes: bytes that are no message, and errors, become statuses."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from inspect import iscoroutinefunction
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError

from waypost_server.service.retry_hints import hints_of
from waypost_server.service.status import status_of

Handler = Callable[[Any, Any], Awaitable[Any]]
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not generic at run time
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
StreamHandler = Callable[[AsyncIterator[Any], Any], AsyncIterator[Any]]
AnswersHandler = Callable[[Any, Any], AsyncGenerator[Any, None]]
Parse = Callable[[bytes], Any]

_MALFORMED = object()


class StatusInterceptor(grpc.aio.ServerInterceptor):
    """Lets handlers raise core's errors and never see a request that does not parse."""

    def __init__(self) -> None:
        self._wrapped: dict[str, MethodHandler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[MethodHandler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "MethodHandler | None":
        """Wraps calls and streams, of the standard services too: gRPC logs what does not parse."""
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None  # and is not kept: anyone can make up names
            self._wrapped[method] = self._wrap(handler)
        return self._wrapped[method]

    def _wrap(self, handler: MethodHandler) -> MethodHandler:
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                _stream_with_status(cast(StreamHandler, handler.stream_stream)),
                request_deserializer=_tolerant(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                _sent_with_status(handler.unary_stream),
                request_deserializer=_tolerant(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        if handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _with_status(handler.unary_unary),
            request_deserializer=_tolerant(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


def _tolerant(parse: Parse | None) -> Parse:
    """Marks what does not parse: gRPC would answer INTERNAL, though the fault is the caller's."""
    if parse is None:
        raise TypeError("generated handlers always parse")

    def parse_or_mark(content: bytes) -> object:
        try:
            return parse(content)
        except DecodeError:
            return _MALFORMED

    return parse_or_mark


def _with_status(handler: Handler) -> Handler:
    async def call(request: object, context: grpc.aio.ServicerContext[Any, Any]) -> object:
        await _refuse_malformed(request, context)
        try:
            return await handler(request, context)
        except grpc.aio.AbortError:  # how grpc.aio itself ends a call
            raise
        except Exception as error:  # noqa: BLE001  (the last line of defence; status_of logs it)
            return await context.abort(*status_of(error), hints_of(error))

    return call


def _stream_with_status(handler: StreamHandler) -> StreamHandler:
    async def checked(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        async for request in requests:
            await _refuse_malformed(request, context)
            yield request

    async def call(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        try:
            async for response in handler(checked(requests, context), context):
                yield response
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001  (as above)
            await context.abort(*status_of(error), hints_of(error))

    return call


def _sent_with_status(handler: Callable[..., Any]) -> Callable[..., Any]:
    if iscoroutinefunction(handler):  # it writes its answers by itself, as Health's does
        return _with_status(cast(Handler, handler))
    return _answers_with_status(cast(AnswersHandler, handler))


def _answers_with_status(handler: AnswersHandler) -> AnswersHandler:
    async def call(request: object, context: Context) -> AsyncGenerator[Any, None]:
        await _refuse_malformed(request, context)
        try:
            # So that a call that is cancelled ends what it began, at once.
            async with aclosing(handler(request, context)) as responses:
                async for response in responses:
                    yield response
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001  (as above)
            await context.abort(*status_of(error), hints_of(error))

    return call


async def _refuse_malformed(request: object, context: Context) -> None:
    if request is _MALFORMED:
        await context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            "the request is not a valid message of this call; strings must be UTF-8",
        )
