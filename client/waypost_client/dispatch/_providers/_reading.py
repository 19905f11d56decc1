"""Puts an answer together from what comes over the wire, whole or in pieces."""

import math
import sys
from collections.abc import Iterable

from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._output._escalation import reason_in
from waypost_client.dispatch._providers._pieces import Pieces
from waypost_client.dispatch._providers._provider import ESCALATE, Finish, Reply, Usage

_FILTERED = {"content_filter", "refusal"}
_LENGTH = {"length", "max_tokens", "model_context_window_exceeded"}
"""Why a model stopped, in the words of both protocols; any other word is a usual end."""

_TOOL = 100
"""Characters that each tool counts for besides its own: what is kept of it takes as many bytes."""


class Reader:
    """What came so far, in 4 MiB of characters at most: more raises a ModelError MALFORMED.

    Args:
        where: the address that was called, fit to be shown.

    Attributes:
        usage: tokens, as far as they are known.
    """

    def __init__(self, where: str) -> None:
        self.usage: Usage | None = None
        self._where = where
        self._pieces = Pieces(where)
        self._names: dict[int, list[str]] = {}
        self._arguments: dict[int, list[str]] = {}
        self._logprobs: list[float] = []
        self._finish: str | None = None

    def text(self, piece: str | None) -> str:
        """Takes a piece of text; gives what may be shown of it, which may be nothing."""
        return self._pieces.take(piece) if piece else ""

    def rest(self) -> str:
        """Ends the text; gives what has not been shown of it."""
        return self._pieces.end()

    def tool(self, index: int, name: str | None, arguments: str | None) -> None:
        """Takes a piece of the call of a tool."""
        if index not in self._names:
            self._pieces.count(_TOOL)
        for pieces, piece in ((self._names, name or ""), (self._arguments, arguments or "")):
            self._pieces.count(len(piece) + 1)
            pieces.setdefault(index, []).append(piece)

    def logprobs(self, logprobs: Iterable[float]) -> None:
        """Takes the logarithms of some tokens' probabilities."""
        before = len(self._logprobs)
        self._logprobs.extend(logprobs)
        self._pieces.count(len(self._logprobs) - before)

    def finish(self, reason: str | None) -> None:
        """Takes why the model stopped; the first word counts."""
        self._finish = self._finish or reason

    def reply(self) -> Reply:
        """The answer.

        Raises:
            ModelError: CUT: it did not come to its end; CONTENT_FILTER: it was held back.
        """
        self.rest()
        if self._finish is None:
            raise ModelError(FailureKind.CUT, f"cut: the answer from {self._where} has no end")
        if self._finish in _FILTERED:
            raise ModelError(FailureKind.CONTENT_FILTER, f"content_filter: from {self._where}")
        return Reply(
            text=self._pieces.text,
            finish=Finish.LENGTH if self._finish in _LENGTH else Finish.STOP,
            usage=self.usage,
            confidence=_confidence(self._logprobs),
            escalation=self._escalation(),
        )

    def _escalation(self) -> str | None:
        for index, name in self._names.items():
            if "".join(name) == ESCALATE:
                return reason_in("".join(self._arguments[index]))
        return None


def _confidence(logprobs: list[float]) -> float | None:
    if not logprobs:
        return None
    mean = math.fsum(logprobs) / len(logprobs)
    if math.isnan(mean):
        return None
    # Rounding gives some tokens a probability above one; a hopeless one must not become zero.
    return max(math.exp(min(mean, 0.0)), sys.float_info.min)
