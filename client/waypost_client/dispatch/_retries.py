"""When the same call is worth another try, and how soon."""

from waypost_client.dispatch._failures import ModelError

WAIT_S, LONGEST_WAIT_S = 0.1, 2.0
"""Before the first retry, doubled for each further one, with as much jitter; and at most."""

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


def wait_before_retry(
    error: ModelError, *, others: bool, idempotent: bool, time_left_s: float
) -> float | bool:
    """How long to wait before the same call again.

    Args:
        error: what went wrong.
        others: whether another model could answer instead.
        idempotent: whether a call that may have begun may be made again.
        time_left_s: seconds until this model's time is over.

    Returns:
        Seconds; True for the usual wait; False for no retry.
    """
    follows = error.consequence
    if not follows.retry or (follows.began and not idempotent):
        return False
    if error.retry_after_s is None:
        return True
    patience = min(PATIENCE_S, time_left_s) if others else time_left_s
    return error.retry_after_s if error.retry_after_s < patience else False
