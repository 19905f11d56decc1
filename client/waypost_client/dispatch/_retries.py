"""When the same call is worth another try, and how soon."""

import random

import tenacity

from waypost_client.dispatch._failures import ModelError

WAIT_S, LONGEST_WAIT_S = 0.1, 2.0
"""Before the first retry, doubled for each further one, with as much jitter; and at most."""

_BACKOFF = tenacity.wait_exponential_jitter(multiplier=WAIT_S, max=LONGEST_WAIT_S, jitter=WAIT_S)

PATIENCE_S = 1.0
"""How long a provider may ask to wait while another model could answer at once."""

SHARE = 0.2
"""Retries that a call pays for: in a long outage they add a fifth to the load, not a multiple."""

RESERVE = 10.0
"""Retries that are there from the beginning, and that can be saved up ten times."""


class RetryBudget:
    """Bounds retries over all queries: a token bucket, after Finagle's RetryBudget."""

    def __init__(self) -> None:
        self._left = RESERVE

    def called(self) -> None:
        """A first call was made."""
        self._left = min(self._left + SHARE, 10 * RESERVE)

    def take(self) -> bool:
        """Whether one more retry may be made; if so, it is taken."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def may_retry(error: ModelError, *, others: bool, idempotent: bool, time_left_s: float) -> bool:
    """Whether the same call is worth another try.

    Args:
        error: what went wrong.
        others: whether another model could answer instead.
        idempotent: whether a call that may have begun may be made again.
        time_left_s: seconds until this model's time is over.
    """
    follows = error.consequence
    if not follows.retry or (follows.began and not idempotent) or time_left_s < 2 * WAIT_S:
        return False
    asked_s = error.retry_after_s or 0.0
    return asked_s < (min(PATIENCE_S, time_left_s) if others else time_left_s)


def wait_before_retry(state: tenacity.RetryCallState) -> float:
    """Seconds: as long as the provider asked, else longer each time; always with some jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked_s = error.retry_after_s if isinstance(error, ModelError) else None
    if asked_s is None:
        return _BACKOFF(state)
    # Callers that were told the same time must not come back all at once.
    return asked_s * random.uniform(1, 1.1)  # noqa: S311  (for no secret)
