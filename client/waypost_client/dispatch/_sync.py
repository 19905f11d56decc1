"""The dispatcher for threads: its event loop runs in a thread of its own."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from waypost_client import Feedback, Tls
from waypost_client.dispatch._answer import Answer
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._dispatcher import NO_DIALOGUE, TIMEOUT_S, Dispatcher
from waypost_client.dispatch._messages import Dialogue
from waypost_client.dispatch._output._validators import Validator
from waypost_client.dispatch._providers._callable import ModelFunction
from waypost_client.dispatch._stream import AnswerStream


class SyncDispatcher:
    """`Dispatcher` without async: the same methods, from any thread.

    with SyncDispatcher("127.0.0.1:50051") as dispatcher:
        print(dispatcher.answer("Why does this test fail only in CI?").text)
    """

    def __init__(
        self,
        router: str,
        *,
        callables: Mapping[str, ModelFunction] | None = None,
        validators: Sequence[Validator] = (),
        key_names: Collection[str] = (),
        timeout_s: float = TIMEOUT_S,
        shadow_log: Path | None = None,
        shadow_texts: bool = False,
        tls: Tls | None = None,
        token: str = "",
        insecure: bool = False,
    ) -> None:
        """Arguments as for `Dispatcher`; starts a thread."""
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            make = partial(
                Dispatcher,
                router,
                callables=callables,
                validators=validators,
                key_names=key_names,
                timeout_s=timeout_s,
                shadow_log=shadow_log,
                shadow_texts=shadow_texts,
                tls=tls,
                token=token,
                insecure=insecure,
            )
            # Inside the loop that it belongs to.
            made = self._portal.call(make)
            self._dispatcher = stack.enter_context(self._portal.wrap_async_context_manager(made))
            self._stack = stack.pop_all()

    @property
    def counts(self) -> Counts:
        """What has happened so far."""
        return self._dispatcher.counts

    def answer(
        self,
        query: str,
        *,
        conversation: Dialogue = NO_DIALOGUE,
        request_id: str = "",
        tenant: str = "",
        metadata: Mapping[str, str] | None = None,
        allowed_routes: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> Answer:
        """As `Dispatcher.answer`."""
        return self._portal.call(
            partial(
                self._dispatcher.answer,
                query,
                conversation=conversation,
                request_id=request_id,
                tenant=tenant,
                metadata=metadata,
                allowed_routes=allowed_routes,
                timeout_s=timeout_s,
            )
        )

    def stream(
        self,
        query: str,
        *,
        conversation: Dialogue = NO_DIALOGUE,
        request_id: str = "",
        tenant: str = "",
        metadata: Mapping[str, str] | None = None,
        allowed_routes: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> "SyncAnswerStream":
        """As `Dispatcher.stream`, for `with` and `for`."""
        stream = self._dispatcher.stream(
            query,
            conversation=conversation,
            request_id=request_id,
            tenant=tenant,
            metadata=metadata,
            allowed_routes=allowed_routes,
            timeout_s=timeout_s,
        )
        return SyncAnswerStream(self._portal, stream)

    def give_feedback(
        self, answer: Answer, feedback: Feedback, *, correct_route: str = "", note: str = ""
    ) -> None:
        """As `Dispatcher.give_feedback`."""
        give = partial(
            self._dispatcher.give_feedback,
            answer,
            feedback,
            correct_route=correct_route,
            note=note,
        )
        self._portal.call(give)

    def close(self) -> None:
        """Sends the last reports, ends the connections and the thread."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class SyncAnswerStream:
    """`AnswerStream` without async."""

    def __init__(self, portal: BlockingPortal, stream: AnswerStream) -> None:
        self._portal = portal
        self._stream = stream
        self._entered: AbstractContextManager[AnswerStream] | None = None

    @property
    def answer(self) -> Answer:
        """The whole answer; raises RuntimeError before the last piece was read."""
        return self._stream.answer

    def __enter__(self) -> Self:
        self._entered = self._portal.wrap_async_context_manager(self._stream)
        self._entered.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._entered:
            self._entered.__exit__(exc_type, exc, traceback)

    def __iter__(self) -> Iterator[str]:
        while (piece := self._portal.call(self._next)) is not None:
            yield piece

    async def _next(self) -> str | None:
        return await anext(self._stream, None)
