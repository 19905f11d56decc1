"""What a query's way needs of a router; `AsyncClient` and `Specialists` have it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from waypost_client import Contract, Conversation, Specialist


class Router(Protocol):
    """Decides where queries go. Both methods raise WaypostError when it cannot."""

    async def route(
        self,
        text: str,
        *,
        request_id: str,
        conversation: Conversation,
        tenant: str,
        metadata: Mapping[str, str],
        allowed_routes: tuple[str, ...],
        timeout_s: float,
    ) -> Contract:
        """Where a query goes."""

    async def reroute(
        self,
        text: str,
        *,
        decision_id: str,
        rejected_routes: Sequence[str],
        rejection_reason: str,
        request_id: str,
        conversation: Conversation,
        tenant: str,
        metadata: Mapping[str, str],
        allowed_routes: tuple[str, ...],
        timeout_s: float,
    ) -> Contract:
        """Where else it goes."""


class Prompts(Protocol):
    """Knows specialists. Both methods raise WaypostError when it cannot."""

    async def prompt(self, route: str, prompt_sha256: str) -> str:
        """The system prompt with this hash."""

    async def specialist(self, route: str) -> Specialist:
        """A route's specialist as it is now."""
