"""What the dispatcher asks of a provider; an adapter answers with one SDK."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from waypost_client import Model, Sampling
from waypost_client.dispatch._messages import Prompt

ESCALATE = "escalate"
"""Name of the tool by which a specialist says that a query is not its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call.

    Attributes:
        model: whom to call.
        prompt: what it is given.
        sampling: how it samples.
        effort: how much it should think: low, medium or high; None for its default.
        json_schema: a JSON Schema document that the answer must fit; empty for free text. It is
            enforced where the model has the feature "json_schema".
        may_escalate: whether the tool ESCALATE is offered, where the model has the feature "tools".
        wants_confidence: whether the tokens' probabilities are wanted, where the model has the
            feature "logprobs".
        connect_timeout_s: how long a connection may take; None for as long as the call.
    """

    model: Model
    prompt: Prompt
    sampling: Sampling
    effort: str | None = None
    json_schema: str = ""
    may_escalate: bool = False
    wants_confidence: bool = False
    connect_timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call; `cached_input_tokens` are among the input tokens."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0


class Finish(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered.

    Attributes:
        text: the whole answer.
        finish: why it stopped.
        usage: tokens; None when the provider does not say.
        confidence: geometric mean of its tokens' probabilities, in (0, 1]; None for unknown.
        escalation: why the query is not its own, when it called the tool ESCALATE; else None.
    """

    text: str
    finish: Finish = Finish.STOP
    usage: Usage | None = None
    confidence: float | None = None
    escalation: str | None = None


class Provider(Protocol):
    """Calls models that speak one protocol. For one event loop.

    Both calls raise ModelError and nothing else on purpose; a provider never retries, and never
    waits longer than it is let: the caller cancels.
    """

    async def complete(self, request: ModelRequest) -> Reply:
        """The whole answer at once."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | Reply, None]:
        """The answer piece by piece, then the Reply, whose text is all pieces."""

    async def close(self) -> None:
        """Ends the connections."""
