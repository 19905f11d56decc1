"""What every call passes: bytes that are no message, and errors, become statuses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError

from waypost_server.service.status import status_of, trailers_of

Handler = Callable[[Any, Any], Awaitable[Any]]
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not generic at run time
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
StreamHandler = Callable[[AsyncIterator[Any], Any], AsyncIterator[Any]]
Parse = Callable[[bytes], Any]

_STUBS = "waypost.v1."
_MALFORMED = object()


class StatusInterceptor(grpc.aio.ServerInterceptor):
    """Lets handlers raise core's errors and never see a request that does not parse."""

    def __init__(self) -> None:
        self._wrapped: dict[str, MethodHandler | None] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[MethodHandler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "MethodHandler | None":
        """Wraps our unary calls and our streams; other services' streams pass as they are."""
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None  # and is not kept: anyone can make up names
            self._wrapped[method] = self._wrap(handler, ours=method.startswith(f"/{_STUBS}"))
        return self._wrapped[method]

    def _wrap(self, handler: MethodHandler, *, ours: bool) -> "MethodHandler | None":
        if not _is_written(handler):
            return None  # which gRPC answers with UNIMPLEMENTED
        if handler.stream_stream is not None and ours:
            return grpc.stream_stream_rpc_method_handler(
                _stream_with_status(cast(StreamHandler, handler.stream_stream)),
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


def _is_written(handler: MethodHandler) -> bool:
    """Whether a call is ours; the generated one raises, which would look like a bug."""
    behaviours = (
        handler.unary_unary,
        handler.unary_stream,
        handler.stream_unary,
        handler.stream_stream,
    )
    return not any(b is not None and b.__module__.startswith(_STUBS) for b in behaviours)


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
            return await context.abort(*status_of(error), trailers_of(error))

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
            await context.abort(*status_of(error), trailers_of(error))

    return call


async def _refuse_malformed(request: object, context: Context) -> None:
    if request is _MALFORMED:
        await context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            "the request is not a valid message of this call; strings must be UTF-8",
        )
