"""When the same call is worth another try."""

import pytest
import tenacity

from waypost_client.dispatch._failures import CONSEQUENCES, FailureKind, ModelError
from waypost_client.dispatch._retries import (
    RESERVE,
    SHARE,
    RetryBudget,
    may_retry,
    wait_before_retry,
)

K = FailureKind


def retried(
    kind: FailureKind,
    *,
    after: float | None = None,
    others: bool = True,
    idempotent: bool = True,
    left: float = 60,
) -> bool:
    error = ModelError(kind, "", retry_after_s=after)
    return may_retry(error, others=others, idempotent=idempotent, time_left_s=left)


def test_every_failure_has_its_consequence() -> None:
    assert set(CONSEQUENCES) == set(FailureKind)


@pytest.mark.parametrize("kind", FailureKind)
def test_only_what_may_pass_is_tried_again(kind: FailureKind) -> None:
    passing = {K.RATE_LIMITED, K.SERVER_ERROR, K.UNREACHABLE, K.CUT, K.MALFORMED}
    assert retried(kind) is (kind in passing)


@pytest.mark.parametrize("kind", FailureKind)
def test_a_step_with_effects_is_repeated_only_if_it_cannot_have_begun(kind: FailureKind) -> None:
    assert retried(kind, idempotent=False) is (kind in {K.RATE_LIMITED, K.UNREACHABLE})


@pytest.mark.parametrize(
    ("after", "others", "left", "expected"),
    [
        (0.5, True, 60, True),  # soon enough
        (3.0, True, 60, False),  # another model answers sooner
        (3.0, False, 60, True),  # there is no other
        (3.0, False, 2, False),  # too late
        (0.5, True, 0.3, False),  # too late
    ],
)
def test_a_provider_may_say_how_long_to_wait(
    after: float, others: bool, left: float, expected: bool
) -> None:
    assert retried(K.RATE_LIMITED, after=after, others=others, left=left) is expected


def test_retries_are_a_share_of_the_calls_once_the_reserve_is_used() -> None:
    budget = RetryBudget()
    granted = 0
    for _ in range(1_000):
        budget.called()
        granted += budget.take()
    assert granted == pytest.approx(RESERVE + SHARE * 1_000, abs=1)


def test_savings_are_bounded() -> None:
    budget = RetryBudget()
    for _ in range(100_000):
        budget.called()
    assert sum(budget.take() for _ in range(100_000)) == 10 * RESERVE


def waits(attempt: int, *, after: float | None = None) -> list[float]:
    state = tenacity.RetryCallState(tenacity.AsyncRetrying(), None, (), {})
    state.attempt_number = attempt
    error = ModelError(K.RATE_LIMITED, "", retry_after_s=after)
    state.set_exception((type(error), error, None))
    return [wait_before_retry(state) for _ in range(200)]


@pytest.mark.parametrize(
    ("attempt", "after", "least", "most"),
    [
        (1, None, 0.1, 0.2),
        (2, None, 0.2, 0.3),
        (3, None, 0.4, 0.5),
        (9, None, 2.0, 2.0),  # as long as it ever gets
        (1, 1.0, 1.0, 1.1),
        (5, 1.0, 1.0, 1.1),
    ],
)
def test_waits_grow_with_jitter_and_a_provider_that_says_how_long_is_heard(
    attempt: int, after: float | None, least: float, most: float
) -> None:
    found = waits(attempt, after=after)
    assert least <= min(found) <= max(found) <= most
    assert len(set(found)) > 100 or least == most
