"""Puts an answer together from what comes over the wire, whole or in pieces."""

import json
import math
import sys
from collections.abc import Iterable

from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._provider import ESCALATE, Finish, Reply, Usage

_FILTERED = {"content_filter", "refusal"}
_LENGTH = {"length", "max_tokens", "model_context_window_exceeded"}
"""Why a model stopped, in the words of both protocols; any other word is a usual end."""


class Reader:
    """What came so far.

    Args:
        where: the address that was called, fit to be shown.

    Attributes:
        usage: tokens, as far as they are known.
    """

    def __init__(self, where: str) -> None:
        self.usage: Usage | None = None
        self._where = where
        self._pieces: list[str] = []
        self._names: dict[int, str] = {}
        self._arguments: dict[int, str] = {}
        self._logprobs: list[float] = []
        self._finish: str | None = None

    def text(self, piece: str | None) -> str:
        """Takes a piece of text, and gives it back; empty for none."""
        if piece:
            self._pieces.append(piece)
        return piece or ""

    def tool(self, index: int, name: str | None, arguments: str | None) -> None:
        """Takes a piece of the call of a tool."""
        self._names[index] = self._names.get(index, "") + (name or "")
        self._arguments[index] = self._arguments.get(index, "") + (arguments or "")

    def logprobs(self, logprobs: Iterable[float]) -> None:
        """Takes the logarithms of some tokens' probabilities."""
        self._logprobs.extend(logprobs)

    def finish(self, reason: str | None) -> None:
        """Takes why the model stopped; the first word counts."""
        self._finish = self._finish or reason

    def reply(self) -> Reply:
        """The answer.

        Raises:
            ModelError: CUT: it did not come to its end; CONTENT_FILTER: it was held back.
        """
        if self._finish is None:
            raise ModelError(FailureKind.CUT, f"cut: the answer from {self._where} has no end")
        if self._finish in _FILTERED:
            raise ModelError(FailureKind.CONTENT_FILTER, f"content_filter: from {self._where}")
        return Reply(
            text="".join(self._pieces),
            finish=Finish.LENGTH if self._finish in _LENGTH else Finish.STOP,
            usage=self.usage,
            confidence=_confidence(self._logprobs),
            escalation=self._escalation(),
        )

    def _escalation(self) -> str | None:
        for index, name in self._names.items():
            if name == ESCALATE:
                return _reason(self._arguments[index])
        return None


def _confidence(logprobs: list[float]) -> float | None:
    if not logprobs:
        return None
    mean = math.fsum(logprobs) / len(logprobs)
    # Rounding gives some tokens a probability above one; a hopeless one must not become zero.
    return min(max(math.exp(mean), sys.float_info.min), 1.0)


def _reason(arguments: str) -> str:
    # Small models garble arguments; that the tool was called is what counts.
    try:
        document = json.loads(arguments)
    except ValueError:
        return ""
    return str(document.get("reason", "")) if isinstance(document, dict) else ""
