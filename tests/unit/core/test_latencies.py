"""The percentile of reported latencies, against numpy's and by a clock that tests turn."""

import numpy as np
import pytest

from waypost_server.core.latencies import HALF_LIFE_SECONDS, STEP, Latencies
from waypost_server.core.report import Attempt, Role


class Clock:
    """Seconds, as a test says."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def latencies(clock: Clock) -> Latencies:
    return Latencies(clock)


def call(ms: int, **fields: object) -> Attempt:
    return Attempt(**({"model": "a", "succeeded": True, "latency_ms": ms} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_99th_percentile_and_a_tenth_too_many_at_most(
    latencies: Latencies, seed: int
) -> None:
    took = np.random.default_rng(seed).lognormal(7, 1, size=2_000).astype(int) + 1
    for ms in took.tolist():
        latencies.hear(call(ms))
    exact = float(np.quantile(took, 0.99, method="inverted_cdf"))
    found = latencies.p99_ms("a")
    assert found is not None
    assert exact <= found * 1.0001 <= exact * STEP * 1.001


def test_of_a_few_calls_nothing_is_known(latencies: Latencies) -> None:
    for _ in range(9):
        latencies.hear(call(100))
    assert latencies.p99_ms("a") is None
    assert latencies.p99_ms("unheard of") is None


def test_only_answers_and_timeouts_count(latencies: Latencies) -> None:
    for _ in range(20):
        latencies.hear(call(50_000, role=Role.JUDGE))
        latencies.hear(call(50_000, succeeded=False, error_kind="rate_limited"))
    assert latencies.p99_ms("a") is None
    for _ in range(20):
        latencies.hear(call(9_000, succeeded=False, error_kind="timeout"))
    assert latencies.p99_ms("a") == pytest.approx(9_000, rel=0.1)


def test_what_was_slow_is_forgotten_and_then_unknown(latencies: Latencies, clock: Clock) -> None:
    for _ in range(40):
        latencies.hear(call(30_000))
    assert latencies.p99_ms("a") == pytest.approx(30_000, rel=0.1)
    clock.now = 1.9 * HALF_LIFE_SECONDS
    assert latencies.p99_ms("a") is not None
    clock.now = 2.1 * HALF_LIFE_SECONDS
    assert latencies.p99_ms("a") is None
    clock.now = 12 * HALF_LIFE_SECONDS
    for _ in range(20):
        latencies.hear(call(100))
    clock.now += 2
    assert latencies.p99_ms("a") == pytest.approx(100, rel=0.11)


def test_years_of_calls_stay_finite_and_bounded(latencies: Latencies, clock: Clock) -> None:
    for day in range(800):
        clock.now = day * 86_400.0
        for _ in range(12):
            latencies.hear(call(2**32 - 1 if day % 2 else 0))
    clock.now += 2
    assert latencies.p99_ms("a") == pytest.approx(STEP**160)
