"""The circuit breaker, against a clock that the tests turn."""

from hypothesis import given
from hypothesis import strategies as st

from waypost_client import Breaker
from waypost_client.dispatch._breaker import FAILURES, OPEN_MS, CircuitBreaker, Permit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def admitted(breaker: CircuitBreaker) -> Permit:
    permit = breaker.admit()
    assert permit is not None
    return permit


def fails(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.settle(admitted(breaker), well=False)


def test_opens_after_so_many_failures_in_a_row_and_not_one_sooner() -> None:
    breaker = CircuitBreaker(Breaker(failures=3, open_ms=1000), Clock())
    fails(breaker, 2)
    breaker.settle(admitted(breaker), well=True)
    fails(breaker, 2)
    assert breaker.open_for_s == 0
    fails(breaker, 1)
    assert breaker.is_open
    assert breaker.admit() is None
    assert breaker.open_for_s == 1.0


def test_an_end_that_says_nothing_neither_counts_nor_forgives() -> None:
    breaker = CircuitBreaker(Breaker(failures=2, open_ms=1000), Clock())
    fails(breaker, 1)
    breaker.settle(admitted(breaker), well=None)
    fails(breaker, 1)
    assert breaker.is_open


def test_one_probe_at_a_time_goes_when_the_time_is_over() -> None:
    clock = Clock()
    breaker = CircuitBreaker(Breaker(failures=1, open_ms=1000), clock)
    fails(breaker, 1)
    clock.now += 0.999
    assert breaker.admit() is None
    clock.now += 0.001
    probe = admitted(breaker)
    assert probe.probe
    assert [breaker.admit() for _ in range(10)] == [None] * 10
    breaker.settle(probe, well=False)
    assert breaker.admit() is None
    assert breaker.open_for_s == 1.0
    clock.now += 1
    breaker.settle(admitted(breaker), well=True)
    assert not breaker.is_open
    assert breaker.admit() == breaker.admit()


def test_a_probe_that_says_nothing_makes_room_for_the_next() -> None:
    clock = Clock()
    breaker = CircuitBreaker(Breaker(failures=1, open_ms=1000), clock)
    fails(breaker, 1)
    clock.now += 1
    breaker.settle(admitted(breaker), well=None)
    assert admitted(breaker).probe


def test_calls_that_began_before_it_opened_change_nothing_any_more() -> None:
    clock = Clock()
    breaker = CircuitBreaker(Breaker(failures=2, open_ms=1000), clock)
    late = [admitted(breaker) for _ in range(20)]
    fails(breaker, 2)
    clock.now += 0.5
    for i, permit in enumerate(late):
        breaker.settle(permit, well=bool(i % 2))
    assert breaker.is_open
    assert breaker.open_for_s == 0.5


def test_zeros_are_the_defaults_and_a_new_policy_counts_at_once() -> None:
    breaker = CircuitBreaker(Breaker(), Clock())
    fails(breaker, FAILURES - 1)
    assert not breaker.is_open
    breaker.follow(Breaker(failures=1, open_ms=10 * OPEN_MS))
    fails(breaker, 1)
    assert breaker.open_for_s == OPEN_MS / 100


@given(st.lists(st.tuples(st.floats(0, 2), st.sampled_from([True, False, None])), max_size=200))
def test_a_dead_time_has_one_call_at_most(steps: list[tuple[float, bool | None]]) -> None:
    """Whatever happens: between two looks at a clock that stands, an open breaker lets one go."""
    clock = Clock()
    breaker = CircuitBreaker(Breaker(failures=2, open_ms=1000), clock)
    for waited, well in steps:
        clock.now += waited
        was_open = breaker.is_open
        permits = [permit for permit in (breaker.admit() for _ in range(3)) if permit]
        assert len(permits) <= 1 if was_open else len(permits) == 3
        for permit in permits:
            breaker.settle(permit, well=well)
