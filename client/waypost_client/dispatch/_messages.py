"""The one message format: what a dialogue and a prompt are, whatever the provider calls them."""

from dataclasses import dataclass, replace
from enum import StrEnum

from waypost_client import Conversation
from waypost_client._types import RECENT_TURNS


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """What was said before a query.

    Attributes:
        messages: oldest first, without the query.
        session_id: your own id of the dialogue; empty for none.
        previous_route: where the last query went; empty for the first.
    """

    messages: tuple[Message, ...] = ()
    session_id: str = ""
    previous_route: str = ""

    def then(self, query: str, answer: str, *, route: str) -> "Dialogue":
        """The dialogue after one more query and its answer, by the specialist of `route`."""
        said = (Message(Role.USER, query), Message(Role.ASSISTANT, answer))
        return replace(self, messages=(*self.messages, *said), previous_route=route)

    def for_router(self) -> Conversation:
        """What the router is told of it."""
        turns = [message.text for message in self.messages if message.role is Role.USER]
        return Conversation(
            session_id=self.session_id,
            previous_route=self.previous_route,
            recent_user_turns=tuple(turns[-RECENT_TURNS:]),
        )


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given; the parts that never change come first, so that providers cache them.

    Attributes:
        static: the specialist's system prompt: the same bytes in every call.
        params: what was extracted from this query, as text; empty for nothing.
        messages: the dialogue, the query last.
        cache_key: the same for all calls that share `static`.
    """

    static: str
    params: str
    messages: tuple[Message, ...]
    cache_key: str
