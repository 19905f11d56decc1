"""A query and what became of it, for a person and for a program to read."""

from dataclasses import dataclass
from typing import Any

from waypost_client import Contract, WaypostError
from waypost_client.dispatch import (
    Answer,
    Attempt,
    DispatchError,
    Ended,
    FailureKind,
    NoAnswerError,
)
from waypost_client.text import error_text

_ENDED = {
    Ended.ANSWERED: "",
    Ended.BEST_EFFORT: ", which does not pass all checks",
    Ended.CUT_SHORT: ", cut short at its limit of tokens",
    Ended.CLARIFY: "a question back to you",
    Ended.REFUSED: "refused, no model was asked",
    Ended.INCOMPLETE: ", not all of it",
}

NO_KEYS = (
    "set such a variable where this command runs, or edit fleet.yaml and build again: one model "
    "that answers is enough"
)
"""What to do where a key is missing, whose variable the model's line names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A query and what became of it.

    Attributes:
        query: the user's words.
        answer: None when there was an error.
        error: None when there was an answer.
    """

    query: str
    answer: Answer | None = None
    error: WaypostError | None = None

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """The router's decisions, in order; none when it did not decide."""
        if self.answer:
            return self.answer.contracts
        return self.error.contracts if isinstance(self.error, DispatchError) else ()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every call of a model, in order of their ends."""
        if self.answer:
            return self.answer.attempts
        return self.error.attempts if isinstance(self.error, DispatchError) else ()

    def summary(self) -> str:
        """Who answered, on one line; empty without an answer."""
        if not self.answer:
            return ""
        answer = self.answer
        who = (f"by {answer.model}" if answer.model else "") + _ENDED[answer.ended]
        cost = f", ${answer.cost_usd:.4f}" if answer.cost_usd else ""
        contract = answer.contract
        best = contract.candidates[0].route if contract.candidates else answer.route
        of_best = "" if best == answer.route else f" of {best}"
        sure = f"confidence{of_best} {contract.confidence:.2f}"
        return f"{answer.route} ({sure}), {who}, {answer.latency_s:.1f} s{cost}"

    def failure(self, address: str) -> str:
        """Why there is no answer, in a sentence or a line a model; empty with one."""
        if isinstance(self.error, NoAnswerError) and self.error.problems:
            return self._unanswered(self.error.problems)
        if isinstance(self.error, DispatchError):
            return self.error.details
        return error_text(self.error, address) if self.error else ""

    def _unanswered(self, problems: tuple[str, ...]) -> str:
        if len(problems) == 1:
            said = [f"no model answered: {problems[0]}"]
        else:
            said = ["no model answered:", *(f"  {problem}" for problem in problems)]
        if any(
            each.error is FailureKind.NOT_AUTHORISED and not each.was_made for each in self.attempts
        ):
            said.append(NO_KEYS)
        return "\n".join(said)

    def why(self) -> str:
        """Every decision with its rationale, and every call of a model."""
        decisions = [
            f"{each.route}: {each.outcome}, confidence {each.confidence:.2f}\n  {each.rationale}"
            for each in self.contracts
        ]
        calls = [
            f"  {each.started_s:.1f} s  {each.model} for {each.route} ({each.role}): "
            f"{each.error or 'answered'} after {each.latency_s:.1f} s"
            + (f": {each.why.removeprefix(f'{each.error}: ')}" if each.why else "")
            for each in self.attempts
        ]
        steps = [
            f"  step {each.step} for {each.route}: {each.error or 'answered'}"
            for each in (self.answer.steps if self.answer else ())
        ]
        return "\n".join([*decisions, *steps, *calls]) or "the router did not decide"

    def to_json(self) -> dict[str, Any]:
        """For a program; `text` is null and `error` is set when there was no answer."""
        answer = self.answer
        last = self.contracts[-1] if self.contracts else None
        return {
            "query": self.query,
            "text": answer.text if answer else None,
            "ended": answer.ended if answer else None,
            "route": answer.route if answer else None,
            "model": answer.model if answer else None,
            "error": self.error.details if self.error else None,
            "decision_id": last.decision_id if last else None,
            "outcome": last.outcome if last else None,
            "confidence": last.confidence if last else None,
            "rationale": last.rationale if last else None,
            "latency_ms": round(answer.latency_s * 1000) if answer else None,
            "steps": [
                {
                    "step": each.step,
                    "route": each.route,
                    "query": each.query,
                    "text": each.text,
                    "model": each.model,
                    "error": each.error,
                }
                for each in (answer.steps if answer else ())
            ],
            "attempts": [
                {
                    "model": each.model,
                    "route": each.route,
                    "role": each.role,
                    "error": each.error,
                    "why": each.why,
                    "latency_ms": round(each.latency_s * 1000),
                    "cost_usd": each.cost_usd,
                }
                for each in self.attempts
            ],
        }
