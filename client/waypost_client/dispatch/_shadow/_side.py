"""How a query ended, as the record of a shadow run has it."""

from collections import Counter
from collections.abc import Sequence

from waypost_client import Contract, WaypostError
from waypost_client.dispatch._answer import Answer, DispatchError, Ended, RejectedError
from waypost_client.dispatch._ledger import Ledger
from waypost_client.shadow import ShadowOutcome, ShadowSide

Result = Answer | BaseException
"""What a query ends with."""

_OUTCOMES = {
    Ended.ANSWERED: ShadowOutcome.ANSWERED,
    Ended.BEST_EFFORT: ShadowOutcome.BEST_EFFORT,
    Ended.CUT_SHORT: ShadowOutcome.ANSWERED,
    Ended.CLARIFY: ShadowOutcome.CLARIFY,
    Ended.REFUSED: ShadowOutcome.REFUSED,
}


class LeftOutError(Exception):
    """The candidate may not run on this query; its text is a word that says why."""


def side_of(result: Result, contracts: Sequence[Contract], ledger: Ledger) -> ShadowSide:
    """What is kept of an end that came now.

    Args:
        result: the answer, or the error.
        contracts: the decisions that led there, in order.
        ledger: the query's account.
    """
    answer = result if isinstance(result, Answer) else None
    usages = [attempt.usage for attempt in ledger.attempts if attempt.usage]
    return ShadowSide(
        route=_route(answer, contracts),
        outcome=_outcome(result),
        model=answer.model if answer else "",
        latency_s=round(ledger.clock() - ledger.arrived, 6),
        errors=_errors(result, ledger),
        input_tokens=sum(usage.input_tokens for usage in usages) if usages else None,
        output_tokens=sum(usage.output_tokens for usage in usages) if usages else None,
        cost_usd=sum(attempt.cost_usd for attempt in ledger.attempts),
        calls=ledger.calls,
        characters=len(answer.text) if answer else 0,
        findings=Counter(finding.kind.value for finding in answer.findings) if answer else {},
    )


def text_of(result: Result) -> str | None:
    """The answer's text; None when there is no answer."""
    return result.text if isinstance(result, Answer) else None


def _route(answer: Answer | None, contracts: Sequence[Contract]) -> str:
    if answer:
        return answer.route
    return contracts[-1].route if contracts else ""


def _outcome(result: Result) -> ShadowOutcome:
    if isinstance(result, Answer):
        fell_back = result.route != result.contract.route
        return ShadowOutcome.FALLBACK if fell_back else _OUTCOMES[result.ended]
    if isinstance(result, RejectedError):
        return ShadowOutcome.REJECTED
    if isinstance(result, LeftOutError):
        return ShadowOutcome.LEFT_OUT
    return ShadowOutcome.FAILED if isinstance(result, Exception) else ShadowOutcome.CANCELLED


def _errors(result: Result, ledger: Ledger) -> tuple[str, ...]:
    """The kinds of errors; never their texts, which may quote a prompt or an answer."""
    kinds = dict.fromkeys(str(attempt.error) for attempt in ledger.attempts if attempt.error)
    if isinstance(result, LeftOutError):
        return (str(result),)
    if isinstance(result, WaypostError):
        if not kinds or not isinstance(result, DispatchError):
            kinds[result.code.name.lower()] = None
    elif isinstance(result, Exception):
        kinds[type(result).__name__] = None
    return tuple(kinds)
