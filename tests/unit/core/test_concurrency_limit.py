"""The limit, put before a simulated server whose queue and time are known exactly."""

from collections import deque
from statistics import fmean

import pytest

from waypost_server.core.concurrency_limit import CALM_SECONDS, ConcurrencyLimit

TARGET, GRACE = 0.02, 0.5
STEP = 0.001


class Simulation:
    """One server, `per_second` queries offered evenly, each answered in `service` seconds."""

    def __init__(self, *, most: int = 500, least: int = 2) -> None:
        self.now = 0.0
        self.limit = ConcurrencyLimit(
            least=least,
            most=most,
            target_seconds=TARGET,
            grace_seconds=GRACE,
            clock=lambda: self.now,
        )
        self.queue: deque[float] = deque()
        self.free_at = 0.0
        self.waits: list[float] = []
        self.refused = 0
        self._owed = 0.0

    def run(
        self, seconds: float, *, per_second: float, service: float, foresees: bool = False
    ) -> None:
        self.waits, self.refused = [], 0
        if foresees:
            self.limit.paced(service)
        ends = self.now + seconds
        while self.now < ends:
            self.now += STEP
            self._owed += per_second * STEP
            while self._owed >= 1:
                self._owed -= 1
                self._arrive()
            while self.queue and self.free_at <= self.now:
                wait = self.now - self.queue.popleft()
                self.free_at = max(self.free_at, self.now - STEP) + service
                self.waits.append(wait)
                self.limit.waited(wait, under_way=len(self.queue) + 1)

    def _arrive(self) -> None:
        if len(self.queue) + (self.free_at > self.now) >= self.limit.in_time:
            self.refused += 1
            self.limit.refused()
        else:
            self.queue.append(self.now)


def test_who_can_be_served_is_never_refused() -> None:
    world = Simulation()
    world.run(10, per_second=300, service=0.002)
    assert world.refused == 0
    assert world.limit.limit == 500


def test_a_burst_that_passes_is_served_whole() -> None:
    world = Simulation()
    world.run(0.1, per_second=2_000, service=0.002)  # 200 at once, gone after 0.3 s more
    world.run(2, per_second=0, service=0.002)
    assert world.refused == 0
    assert not world.limit.is_tight


def test_of_a_burst_too_long_to_be_served_in_time_the_rest_alone_is_refused() -> None:
    world = Simulation()
    world.run(0.08, per_second=5_000, service=0.002, foresees=True)
    taken = 400 - world.refused
    assert taken == pytest.approx(GRACE / 0.002 + 0.08 / 0.002, abs=5)
    world.run(2, per_second=0, service=0.002)
    assert max(world.waits) <= GRACE
    assert not world.limit.is_tight


def test_a_flood_is_noticed_before_anybody_has_waited() -> None:
    seen, unseen = Simulation(most=5_000), Simulation(most=5_000)
    for world, foresees in ((seen, True), (unseen, False)):
        world.run(0.3, per_second=5_000, service=0.002, foresees=foresees)
    assert (seen.limit.is_tight, unseen.limit.is_tight) == (True, False)
    seen.run(5, per_second=5_000, service=0.002)
    assert max(seen.waits) <= GRACE


@pytest.mark.parametrize("times", [1.5, 10, 100])
@pytest.mark.parametrize("service", [0.001, 0.004])
def test_under_overload_waits_come_to_the_target_and_the_server_stays_busy(
    times: float, service: float
) -> None:
    world = Simulation()
    world.run(5, per_second=times / service, service=service)
    world.run(20, per_second=times / service, service=service)
    assert world.limit.is_tight
    assert fmean(world.waits) == pytest.approx(TARGET, rel=0.25)
    assert len(world.waits) == pytest.approx(20 / service, rel=0.02)


def test_it_follows_a_server_that_becomes_slower_and_faster_again() -> None:
    world = Simulation()
    world.run(5, per_second=5_000, service=0.001)
    fast = world.limit.limit
    world.run(5, per_second=5_000, service=0.004)
    slow = world.limit.limit
    world.run(10, per_second=5_000, service=0.001)
    assert slow == pytest.approx(fast / 4, rel=0.4)
    assert world.limit.limit == pytest.approx(fast, rel=0.3)


def test_it_is_as_before_soon_after_the_overload_has_ended() -> None:
    world = Simulation()
    world.run(10, per_second=5_000, service=0.002)
    assert world.limit.limit < 50
    world.run(CALM_SECONDS + 0.1, per_second=100, service=0.002)
    assert (world.limit.limit, world.limit.is_tight) == (500, False)
    assert world.limit.overloaded_seconds == 0


def test_it_keeps_within_its_bounds() -> None:
    world = Simulation(most=10, least=4)
    world.run(5, per_second=1_000, service=0.1)  # the target would take fewer than one
    assert world.limit.limit == 4
    assert world.limit.is_tight
    assert world.limit.overloaded_seconds == pytest.approx(5, abs=0.2)


def test_other_bounds_are_taken_up_at_once() -> None:
    world = Simulation()
    world.run(5, per_second=5_000, service=0.002)
    world.limit.set(most=7, target_seconds=TARGET, grace_seconds=GRACE)
    assert (world.limit.limit, world.limit.is_tight) == (7, False)
