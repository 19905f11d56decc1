"""Does with one call what a behaviour says."""

import asyncio
import http
import socket
import struct
from collections.abc import Mapping

from tests.llm_server._behaviours import (
    Answer,
    Behaviour,
    ContentFilter,
    ContextOverflow,
    Cut,
    CutInTheMiddle,
    Escalates,
    Fails,
    FailsInTheMiddle,
    Flood,
    Hangs,
    MalformedJson,
    RateLimited,
    Raw,
    SlowFirstToken,
)
from tests.llm_server._call import Call
from tests.llm_server._wire import OVERFLOWS, Wire, packed

_JSON = "application/json"
_AT_ONCE = struct.pack("ii", 1, 0)
"""Lingering for no time is what makes the kernel send a reset."""
_NONE: Mapping[str, str] = {}
_GARBLED = b'{"type":"content_block_delta","choices":[{"delta":'


class Exchange:
    """One call and the connection it came on."""

    def __init__(self, call: Call, wire: Wire, transport: asyncio.Transport) -> None:
        self._call = call
        self._wire = wire
        self._transport = transport
        # One write for all that is due now: a system call a piece would be most of the work.
        self._due = bytearray()

    async def perform(self, behaviour: Behaviour) -> None:
        """Answers, or does not."""
        await self._perform(behaviour)
        self._flush()

    async def _perform(self, behaviour: Behaviour) -> None:
        match behaviour:
            case Answer():
                await self._answer(behaviour)
            case SlowFirstToken(seconds=seconds, text=text):
                await self._answer(Answer(text, first_token_s=seconds))
            case Escalates():
                await self._answer(behaviour.answer)
            case ContentFilter(text=text, as_error=False):
                await self._answer(Answer(text, finish="content_filter"))
            case Raw(body=body, status=status, content_type=kind, headers=headers):
                self._respond(status, body, kind=kind, headers=headers)
            case Flood():
                await self._flood(behaviour)
            case CutInTheMiddle() | MalformedJson() | FailsInTheMiddle() | Hangs():
                await self._break_off(behaviour)
            case _:
                await self._fail(_failure(behaviour, self._wire))

    async def _answer(self, answer: Answer) -> None:
        if self._call.streamed:
            await self._begin(answer, len(answer.parts))
            self._chunk(self._wire.closing(answer, self._call))
            self._chunk(b"")
            return
        await self._pause(answer.first_token_s + answer.piece_s * len(answer.parts))
        self._respond(200, packed(self._wire.whole(answer, self._call)))

    async def _begin(self, answer: Answer, pieces: int) -> None:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        await self._pause(answer.first_token_s)
        self._chunk(self._wire.opening(answer, self._call))
        for index in range(pieces):
            await self._pause(answer.piece_s)
            self._chunk(self._wire.piece(answer, index, self._call))

    async def _break_off(
        self, behaviour: CutInTheMiddle | MalformedJson | FailsInTheMiddle | Hangs
    ) -> None:
        answer = Answer(behaviour.text)
        whole = packed(self._wire.whole(answer, self._call))
        if self._call.streamed and (behaviour.after or not isinstance(behaviour, Hangs)):
            await self._begin(answer, behaviour.after)
        match behaviour:
            case Hangs():
                self._flush()
                await asyncio.Event().wait()
            case MalformedJson() if self._call.streamed:
                self._chunk(b"event: content_block_delta\ndata: " + _GARBLED + b"\n\n")
                self._chunk(b"")
            case MalformedJson():
                self._respond(200, whole[:-5])
            case FailsInTheMiddle(code=code) if self._call.streamed:
                self._chunk(self._wire.error_event(Fails(500, code)))
                self._chunk(b"")
            case FailsInTheMiddle(code=code):
                await self._fail(Fails(500, code))
            case CutInTheMiddle(how=how):
                await self._cut(how, whole)

    async def _cut(self, how: Cut, whole: bytes) -> None:
        if how is Cut.ENDED and self._call.streamed:
            self._chunk(b"")
            return
        if not self._call.streamed:
            self._head(200, {"content-type": _JSON, "content-length": str(len(whole))})
            self._due += whole[: len(whole) // 2]
        self._flush()
        if how is Cut.RESET:
            # What was written shall arrive before the reset overtakes it.
            await asyncio.sleep(0.01)
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self._transport.abort()
        else:
            self._transport.close()

    async def _flood(self, flood: Flood) -> None:
        self._due += flood.head
        while self._call.flooded < flood.most and not self._transport.is_closing():
            self._due += flood.part
            self._call.flooded += len(flood.part)
            self._flush()
            while self._is_written_to():  # noqa: ASYNC110 (a transport tells a protocol alone)
                await asyncio.sleep(0.001)
        if self._transport.is_closing():
            await asyncio.Event().wait()  # the connection's end is at hand, and ends this too
        self._transport.close()

    def _is_written_to(self) -> bool:
        return bool(self._transport.get_write_buffer_size()) and not self._transport.is_closing()

    async def _fail(self, failure: Fails) -> None:
        await self._pause(failure.after_s)
        body = packed(self._wire.error(failure))
        self._respond(failure.status, body, headers=failure.headers)

    def _respond(
        self,
        status: int,
        body: bytes,
        *,
        kind: str = _JSON,
        headers: Mapping[str, str] = _NONE,
    ) -> None:
        fields = {"content-type": kind, "content-length": str(len(body)), **headers}
        self._head(status, fields)
        self._due += body

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        known = http.HTTPStatus._value2member_map_
        phrase = http.HTTPStatus(status).phrase if status in known else "Unknown"
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        self._due += "\r\n".join([*lines, "", ""]).encode()

    def _chunk(self, data: bytes) -> None:
        self._due += b"%x\r\n%b\r\n" % (len(data), data)

    async def _pause(self, seconds: float) -> None:
        if seconds:
            self._flush()
            await asyncio.sleep(seconds)

    def _flush(self) -> None:
        if self._due:
            self._transport.write(bytes(self._due))
            self._due.clear()


def _failure(behaviour: Behaviour, wire: Wire) -> Fails:
    match behaviour:
        case RateLimited(retry_after=after, header=header):
            headers = {} if after is None else {header: str(after)}
            code = "rate_limit_exceeded" if wire.dialect == "openai" else "rate_limit_error"
            return Fails(429, code, headers=headers)
        case ContextOverflow(dialect=dialect):
            return OVERFLOWS[dialect or wire.dialect]
        case ContentFilter():
            return Fails(400, "content_filter", message="The prompt was filtered.")
        case Fails():
            return behaviour
    raise TypeError(behaviour)
