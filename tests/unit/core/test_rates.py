import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.errors import RateLimitedError
from waypost_server.core.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def takes(rates: Rates, whose: str = "a", *, rate: float = 2.0, burst: float = 3.0) -> bool:
    try:
        rates.take(whose, rate=rate, burst=burst)
    except RateLimitedError:
        return False
    return True


def test_a_bucket_holds_a_burst_and_fills_at_its_rate() -> None:
    clock = Clock()
    rates = Rates(clock)
    assert [takes(rates) for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.5
    assert [takes(rates) for _ in range(2)] == [True, False]
    clock.now += 100
    assert [takes(rates) for _ in range(4)] == [True, True, True, False]


def test_who_is_refused_is_told_when_it_is_welcome_and_is_welcome_then() -> None:
    clock = Clock()
    rates = Rates(clock)
    rates.take("the tenant 'a'", rate=4, burst=1)
    with pytest.raises(RateLimitedError) as refused:
        rates.take("the tenant 'a'", rate=4, burst=1)
    assert refused.value.retry_after_s == pytest.approx(0.25)
    assert str(refused.value) == (
        "the tenant 'a' may ask 4 queries a second, 1 at once; try again in 0.25 s"
    )
    clock.now += 0.25
    rates.take("the tenant 'a'", rate=4, burst=1)


def test_one_does_not_spend_what_is_anothers() -> None:
    rates = Rates(Clock())
    assert [takes(rates, whose, burst=1) for whose in ("a", "b", "a")] == [True, True, False]


def test_without_a_rate_there_is_no_limit_and_nothing_to_remember() -> None:
    rates = Rates(Clock())
    assert all(takes(rates, str(i), rate=0) for i in range(100))
    assert len(rates) == 0


def test_only_so_many_are_remembered() -> None:
    rates = Rates(Clock(), most=10)
    assert all(takes(rates, str(i), burst=1) for i in range(1_000))
    assert len(rates) == 10
    assert not takes(rates, "999", burst=1)
    assert takes(rates, "0", burst=1)


@given(
    gaps=st.lists(st.floats(0, 2), max_size=200),
    rate=st.floats(0.1, 100),
    burst=st.floats(1, 50),
)
def test_nobody_gets_more_than_a_burst_and_what_has_come_in(
    gaps: list[float], rate: float, burst: float
) -> None:
    clock = Clock()
    rates = Rates(clock)
    taken = 0
    for gap in gaps:
        clock.now += gap
        taken += takes(rates, rate=rate, burst=burst)
        assert taken <= burst + rate * (clock.now - 1_000.0) + 1e-3
