"""The probabilities of an answer's tokens, which may be many, apart from the rest of it."""

import json
from typing import Any, cast


class Tokens:
    """An answer in OpenAI's words, taken apart.

    Args:
        document: a JSON document.

    Raises:
        ValueError: it is no such answer, or tells no probabilities as such an answer does.
    """

    def __init__(self, document: bytes | bytearray) -> None:
        try:
            self._answer = json.loads(document)
            self._choice = cast(dict[str, Any], self._answer["choices"][0])
            tokens = self._choice["logprobs"]["content"]
            self._logprobs = [token["logprob"] for token in tokens]
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise ValueError("it tells no probabilities") from error
        if not all(isinstance(logprob, int | float) for logprob in self._logprobs):
            raise ValueError("a probability is no number")

    def __len__(self) -> int:
        return len(self._logprobs)

    def rest(self) -> bytes:
        """The answer without them."""
        return self._with(None)

    def thinned(self) -> bytes:
        """The answer with them, and nothing else of its tokens: nobody reads it."""
        return self._with({"content": [{"logprob": logprob} for logprob in self._logprobs]})

    def _with(self, logprobs: dict[str, Any] | None) -> bytes:
        self._choice["logprobs"] = logprobs
        return json.dumps(self._answer).encode()
