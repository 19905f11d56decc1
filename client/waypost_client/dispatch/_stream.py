"""An answer as it comes."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from waypost_client.dispatch._answer import Answer
from waypost_client.dispatch._output._showing import Sink

AHEAD = 64
"""Pieces that a model may be ahead of whoever reads them; then it waits."""


class AnswerStream:
    """Yields an answer's pieces, then has the whole `answer`.

    Use it as an async context manager: leaving it early ends the call of the model. Iterating
    raises what `Dispatcher.answer` would raise.
    """

    def __init__(self, run: Callable[[Sink], Awaitable[Answer]]) -> None:
        self._run = run
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue(AHEAD)
        self._task: asyncio.Task[None] | None = None
        self._answer: Answer | None = None
        self._error: Exception | None = None

    @property
    def answer(self) -> Answer:
        """The whole answer; raises RuntimeError before the last piece was read."""
        if self._answer is None:
            raise RuntimeError("the stream has not ended with an answer; read all its pieces first")
        return self._answer

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while not self._pieces.empty():
            self._pieces.get_nowait()
        self._pieces.put_nowait(None)  # whoever still waits for a piece waits no more

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._task is None:
            raise RuntimeError("use `async with dispatcher.stream(...) as pieces`")
        piece = await self._pieces.get()
        if piece is not None:
            return piece
        self._pieces.put_nowait(None)  # whoever asks again hears the same
        if self._error:
            raise self._error
        raise StopAsyncIteration

    async def _work(self) -> None:
        try:
            self._answer = await self._run(self._pieces.put)
        except Exception as error:  # noqa: BLE001  (it is raised where the pieces are read)
            self._error = error
        await self._pieces.put(None)
