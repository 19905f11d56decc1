"""What the two wire formats have in common."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from tests.llm_server._behaviours import Answer, Fails
from tests.llm_server._call import Call


class Wire(Protocol):
    """One wire format."""

    dialect: str

    def whole(self, answer: Answer, call: Call) -> dict[str, Any]:
        """The body of an answer that is not streamed."""

    def opening(self, answer: Answer, call: Call) -> bytes:
        """Events before the first piece."""

    def piece(self, answer: Answer, index: int, call: Call) -> bytes:
        """The event of one piece."""

    def closing(self, answer: Answer, call: Call) -> bytes:
        """Events after the last piece."""

    def error(self, failure: Fails) -> dict[str, Any]:
        """The body of an error."""

    def error_event(self, failure: Fails) -> bytes:
        """An error in the middle of a stream."""


def packed(document: Mapping[str, Any]) -> bytes:
    """JSON without blanks."""
    return json.dumps(document, separators=(",", ":")).encode()


OVERFLOWS = {
    "openai": Fails(
        400,
        "context_length_exceeded",
        message="This model's maximum context length is 8 tokens.",
    ),
    "vllm": Fails(
        400,
        "BadRequestError",
        message="This model's maximum context length is 8 tokens. However, you requested 9 tokens.",
    ),
    "llama.cpp": Fails(
        400, "exceed_context_size_error", message="the request exceeds the available context size"
    ),
    "llama-cpp-python": Fails(
        500, "internal_server_error", message="Requested tokens (9) exceed context window of 8"
    ),
    "anthropic": Fails(
        400, "invalid_request_error", message="prompt is too long: 9 tokens > 8 maximum"
    ),
}
"""How each server says that a prompt is too long."""
