"""When a model is left alone, by a clock of the test."""

from waypost_server.core.circuit_breaker import CircuitBreaker
from waypost_server.core.policy import Breaker

POLICY = Breaker(failures=3, open_ms=10_000)


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.breaker = CircuitBreaker(lambda: self.now)

    def call(self, *, well: bool | None) -> bool:
        """Whether the call was let through."""
        permit = self.breaker.admit(POLICY)
        if permit:
            self.breaker.settle(permit, POLICY, well=well)
        return permit is not None


def opened() -> World:
    world = World()
    for _ in range(3):
        assert world.call(well=False)
    return world


def test_so_many_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    world = World()
    for well in (False, False, True, False, False):
        assert world.call(well=well)
    assert not world.breaker.is_open
    assert [world.call(well=well) for well in (False, True)] == [True, False]
    assert opened().breaker.is_open


def test_after_a_while_one_probe_goes_and_closes_it() -> None:
    world = opened()
    world.now += 9.9
    assert not world.call(well=True)
    world.now += 0.1
    probe = world.breaker.admit(POLICY)
    assert probe is not None
    assert world.breaker.admit(POLICY) is None  # one alone
    world.breaker.settle(probe, POLICY, well=True)
    assert not world.breaker.is_open
    assert world.call(well=False)
    assert world.call(well=False)  # it counts anew


def test_a_probe_that_fails_opens_it_for_as_long_again() -> None:
    world = opened()
    world.now += 10
    assert world.call(well=False)
    world.now += 9.9
    assert not world.call(well=True)
    world.now += 0.1
    assert world.call(well=True)
    assert not world.breaker.is_open


def test_a_probe_whose_caller_went_away_lets_another_one_go() -> None:
    world = opened()
    world.now += 10
    assert world.call(well=None)
    assert world.breaker.is_open
    assert world.call(well=True)
    assert not world.breaker.is_open


def test_a_call_that_began_before_it_opened_changes_nothing() -> None:
    world = World()
    late = world.breaker.admit(POLICY)
    assert late is not None
    for _ in range(3):
        world.call(well=False)
    world.breaker.settle(late, POLICY, well=True)
    assert world.breaker.is_open


def test_what_does_not_show_counts_neither_way() -> None:
    world = World()
    for well in (False, False, None, None, None):
        assert world.call(well=well)
    assert not world.breaker.is_open
    world.call(well=False)
    assert world.breaker.is_open
