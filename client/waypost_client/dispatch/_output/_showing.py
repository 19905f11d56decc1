"""A stream on its way to the user: what must not be seen is stopped before it is seen."""

from collections.abc import Awaitable, Callable

from waypost_client.dispatch._case import Case
from waypost_client.dispatch._output._acceptance import Accepted, blocked_by, empty, escalated
from waypost_client.dispatch._output._escalation import EscalationFilter
from waypost_client.dispatch._output._guard_filter import GuardFilter
from waypost_client.dispatch._providers._provider import Reply

Sink = Callable[[str], Awaitable[None]]
"""Takes what the user sees next."""


class LiveShow:
    """Shows an answer as it comes; escalation and guard look at it first."""

    def __init__(self, sink: Sink, case: Case) -> None:
        self._sink = sink
        self._case = case
        self._escalation = EscalationFilter()
        self._guard = GuardFilter(case.ref.policy.guard, case.guard_context)
        self._shown: list[str] = []

    @property
    def has_shown(self) -> bool:
        """Whether the user has seen any of it."""
        return bool(self._shown)

    async def feed(self, piece: str) -> None:
        """Takes the next piece; raises ModelError when nothing more may be shown."""
        await self._show(self._guard.feed(self._escalation.feed(piece)))

    async def finish(self, reply: Reply) -> Accepted:
        """Shows the rest; raises ModelError when it may not be shown."""
        if reply.escalation is not None:
            raise escalated(reply.escalation, self._case)
        rest, reason = self._escalation.finish()
        if reason is not None:
            raise escalated(reason, self._case)
        await self._show(self._guard.feed(rest))
        last, findings = self._guard.finish()
        await self._show(last)
        if not self._shown:
            raise empty()
        return Accepted("".join(self._shown), findings)

    async def _show(self, text: str) -> None:
        if self._guard.blocked:
            raise blocked_by(self._guard.finish()[1])
        if text:
            self._shown.append(text)
            await self._sink(text)
