"""What a caller asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from waypost_client import Conversation
from waypost_client.dispatch._messages import Dialogue


class RouterArguments(TypedDict):
    """What `AsyncClient.route` is told beside the text."""

    request_id: str
    conversation: Conversation
    tenant: str
    metadata: Mapping[str, str]
    allowed_routes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query and its circumstances.

    Attributes:
        text: the query.
        dialogue: what was said before.
        request_id: the caller's own id, for the logs.
        tenant: on whose behalf.
        metadata: facts that the router's rules may use.
        allowed_routes: routes that may be chosen; empty for all.
    """

    text: str
    dialogue: Dialogue = field(default_factory=Dialogue)
    request_id: str = ""
    tenant: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    allowed_routes: tuple[str, ...] = ()

    def for_router(self) -> RouterArguments:
        """What the router is told beside the text."""
        return RouterArguments(
            request_id=self.request_id,
            conversation=self.dialogue.for_router(),
            tenant=self.tenant,
            metadata=self.metadata,
            allowed_routes=self.allowed_routes,
        )
