"""What a query's way needs of a router."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from waypost_client import AsyncClient, Contract, Specialist
from waypost_client.dispatch._question import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """That specialists rejected a query.

    Attributes:
        decision_id: the decision that led to the last of them.
        routes: theirs, in order.
        reason: of the last one, as the contract carries it.
    """

    decision_id: str
    routes: Sequence[str]
    reason: str


class Router(Protocol):
    """Decides where queries go."""

    async def decide(
        self, question: Question, *, timeout_s: float, after: Rejection | None = None
    ) -> Contract:
        """Where a query goes; where else, `after` it was rejected.

        Raises:
            WaypostError: it cannot decide.
        """


class ClientsRouter:
    """The router that a client talks to."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def decide(
        self, question: Question, *, timeout_s: float, after: Rejection | None = None
    ) -> Contract:
        """Asks it."""
        told = question.for_router()
        if after is None:
            return await self._client.route(question.text, **told, timeout_s=timeout_s)
        return await self._client.reroute(
            question.text,
            decision_id=after.decision_id,
            rejected_routes=after.routes,
            rejection_reason=after.reason,
            **told,
            timeout_s=timeout_s,
        )


class Prompts(Protocol):
    """Knows specialists. Both methods raise WaypostError when it cannot."""

    async def prompt(self, route: str, prompt_sha256: str) -> str:
        """The system prompt with this hash."""

    async def specialist(self, route: str) -> Specialist:
        """A route's specialist as it is now."""
