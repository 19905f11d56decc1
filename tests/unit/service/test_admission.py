"""Who gets in, and what the others are told."""

from collections import Counter
from contextlib import ExitStack

import pytest

from waypost_server.core.errors import OverloadedError
from waypost_server.service.admission import (
    DEGRADED_AFTER_SECONDS,
    LONGEST_RETRY_SECONDS,
    SHED_NS,
    Admission,
    Room,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def admission(clock: Clock, *, draw: float = 0.0, degrades: bool = False) -> Admission:
    return Admission(threads=1, capacity=12, degrades=degrades, clock=clock, draw=lambda: draw)


def told(refuser: Admission) -> int:
    error = refuser.refusal()
    assert isinstance(error, OverloadedError)
    assert error.retry_after_s is not None
    milliseconds = round(error.retry_after_s * 1e3)
    assert str(error).endswith(f"try again in {milliseconds} ms")
    return milliseconds


class Crowd:
    """Tenants that ask and never have enough."""

    def __init__(self, gate: Admission) -> None:
        self.gate = gate
        self.places = ExitStack()
        self.of: Counter[str] = Counter()

    def ask(self, tenant: str) -> bool:
        room = self.gate.room_for(tenant, self.of.total())
        if room is Room.NONE:
            return False
        self.places.enter_context(self.gate.place(tenant, room))
        self.of[tenant] += 1
        return True


def test_a_tenant_alone_has_all_the_room_and_no_more(clock: Clock) -> None:
    crowd = Crowd(admission(clock))
    assert [crowd.ask("flood") for _ in range(13)] == [True] * 12 + [False]


def test_who_has_less_than_its_share_gets_in_though_another_has_taken_all_the_room(
    clock: Clock,
) -> None:
    crowd = Crowd(admission(clock))
    assert [crowd.ask("flood") for _ in range(13)] == [True] * 12 + [False]
    assert crowd.gate.limit == 6  # there is overload
    assert [crowd.ask("quiet") for _ in range(4)] == [True] * 3 + [False]
    assert not crowd.ask("flood")
    assert [crowd.ask("third") for _ in range(3)] == [True] * 2 + [False]


def test_a_place_is_free_again_when_its_query_ends(clock: Clock) -> None:
    crowd = Crowd(admission(clock))
    assert [crowd.ask(tenant) for tenant in ["flood"] * 13 + ["quiet"]][-2:] == [False, True]
    crowd.places.close()
    crowd.of.clear()
    assert [crowd.ask("quiet") for _ in range(7)] == [True] * 6 + [False]


def test_made_up_tenants_get_no_more_than_the_limit_beyond_it(clock: Clock) -> None:
    crowd = Crowd(admission(clock))
    for number in range(1_000):
        crowd.ask(f"tenant {number}")
    assert crowd.of.total() <= 2 * 12
    crowd.places.close()
    assert crowd.gate.room_for("one more", 0) is Room.FREE


def test_the_more_are_refused_the_later_they_may_come_again(clock: Clock) -> None:
    gate = admission(clock)
    gate.room_for("", 0)
    gate.room_for("", 99)
    few = told(gate)
    for _ in range(9):
        gate.room_for("", 99)
    assert (few, told(gate)) == (100, 1_000)
    for _ in range(1_000):
        gate.room_for("", 99)
    assert told(gate) == LONGEST_RETRY_SECONDS / 2 * 1e3
    clock.now += 5
    gate.room_for("", 0)
    gate.room_for("", 99)
    assert told(gate) == 100  # what was long ago does not count


def test_they_do_not_all_come_again_at_once(clock: Clock) -> None:
    assert [told(admission(clock, draw=draw)) for draw in (0.0, 0.5, 0.999)] == [100, 150, 200]


def test_quality_is_given_up_only_after_a_while_of_overload_and_only_if_wanted(
    clock: Clock,
) -> None:
    gates = [admission(clock, degrades=degrades) for degrades in (True, False)]
    for gate in gates:
        gate.room_for("", 99)
        assert not gate.is_degraded
    for _ in range(20):
        clock.now += DEGRADED_AFTER_SECONDS / 10
        for gate in gates:
            gate.room_for("", 99)
    assert [gate.is_degraded for gate in gates] == [True, False]
    clock.now += 1.1  # nobody was refused
    assert [gate.is_degraded for gate in gates] == [False, False]


def test_what_waited_too_long_is_shed_under_overload_alone(clock: Clock) -> None:
    gate = admission(clock)
    assert not gate.sheds(10 * SHED_NS)
    gate.room_for("", 99)
    assert [gate.sheds(waited) for waited in (SHED_NS, SHED_NS + 1)] == [False, True]


def test_other_settings_are_taken_up(clock: Clock) -> None:
    gate = admission(clock)
    gate.set(capacity=3, delay_ms=5, patience_ms=500, degrades=True)
    assert gate.limit == 3
    rooms = [gate.room_for("", under_way) for under_way in (2, 3)]
    assert rooms == [Room.FREE, Room.NONE]


def test_an_event_loop_that_lags_is_a_wait_like_any_other(clock: Clock) -> None:
    gate = admission(clock)
    overloaded = []
    for seconds in (0.49, 0.51):
        gate.lagged(seconds)
        overloaded.append(gate.is_overloaded)
    assert overloaded == [False, True]
    assert gate.limit < 12
