"""A dialogue with the specialists, one query at a time."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self
from uuid import uuid4

from anyio.from_thread import start_blocking_portal

from waypost_client import WaypostError
from waypost_client._turn import Turn
from waypost_client.dispatch import Answer, Dialogue, Dispatcher
from waypost_client.way import DIRECT, Way

WINDING_UP_S = 2.0
"""For a cancelled call to end before the next line is read."""


class Talk:
    """Keeps what was said; a context manager.

    The dispatcher's event loop runs in a thread of its own: reports go out while the user types,
    and Ctrl-C, which Python gives to the main thread, ends the wait for an answer and no more.
    """

    def __init__(self, address: str, way: Way = DIRECT) -> None:
        """Connects to the router at `address` at the first query; raises as `Dispatcher` does."""
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            # Inside the loop that it belongs to; it loads what it needs while the user types.
            made = self._portal.call(partial(Dispatcher, address, **way.options()))
            self._dispatcher = stack.enter_context(self._portal.wrap_async_context_manager(made))
            self._stack = stack.pop_all()
        self._dialogue = Dialogue(session_id=uuid4().hex)

    def ask(self, query: str, show: Callable[[str], None]) -> Turn:
        """One query.

        Args:
            query: the user's words.
            show: is called with each piece of the answer, from another thread.

        Raises:
            KeyboardInterrupt: the user pressed Ctrl-C; the call of the model has been cancelled,
                and the query is no part of the dialogue.
        """
        ended = threading.Event()
        call = self._portal.start_task_soon(self._stream, query, show, ended)
        try:
            answer = call.result()
        except WaypostError as error:
            return Turn(query=query, error=error)
        except KeyboardInterrupt:
            call.cancel()
            ended.wait(WINDING_UP_S)
            raise
        if answer.text:
            self._dialogue = self._dialogue.then(query, answer.text, route=answer.route)
        return Turn(query=query, answer=answer)

    async def _stream(
        self, query: str, show: Callable[[str], None], ended: threading.Event
    ) -> Answer:
        try:
            async with self._dispatcher.stream(query, conversation=self._dialogue) as pieces:
                async for piece in pieces:
                    show(piece)
            return pieces.answer
        finally:
            ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
