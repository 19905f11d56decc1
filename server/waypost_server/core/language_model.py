"""The port to language models: what core asks of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from waypost_server.core.catalog import Model


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a language model is told, and what it is asked."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a language model answered.

    Attributes:
        answer: what JSON knows, fitting the schema.
        input_tokens: that it says it read; 0 where it says nothing of tokens.
        output_tokens: that it says it wrote.
    """

    answer: Any
    input_tokens: int = 0
    output_tokens: int = 0


class LanguageModel(Protocol):
    """Asks any model of the fleet for JSON."""

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        schema: Mapping[str, Any],
        *,
        max_tokens: int,
        timeout_seconds: float,
    ) -> Said:
        """The answer, which fits the schema; one call, never repeated.

        Args:
            model: whom to ask.
            prompt: the question.
            schema: JSON Schema of the answer.
            max_tokens: of the answer at most.
            timeout_seconds: from now to the whole answer.

        Raises:
            ModelTimeoutError: it was not there in time.
            ModelUnreachableError: nobody answers at its address, or not to the end.
            ModelRefusedError: it will not answer, or cannot be asked.
            MalformedAnswerError: what it says does not fit the schema.
        """

    async def close(self) -> None:
        """Ends the connections."""
