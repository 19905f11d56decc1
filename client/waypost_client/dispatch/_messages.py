"""The one message format: what a dialogue and a prompt are, whatever the provider calls them."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said."""

    role: Role
    text: str


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
