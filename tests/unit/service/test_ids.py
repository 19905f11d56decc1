"""Decision ids against RFC 9562 as Python's own uuid module reads it."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise

from hypothesis import given
from hypothesis import strategies as st

from waypost_server.service.ids import Ids, new_decision_id

MILLISECOND = 1_000_000
NOW = 1_800_000_000_000
"""Milliseconds since 1970, in 2027."""


def test_an_id_is_a_uuid7_of_this_millisecond() -> None:
    ids = Ids()
    before = time.time_ns() // MILLISECOND
    parsed = uuid.UUID(ids.new())
    after = time.time_ns() // MILLISECOND
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert before <= parsed.int >> 80 <= after


@given(jumps=st.lists(st.integers(-(2**37), 2**37), max_size=50))
def test_whatever_the_clock_does_each_id_is_a_uuid7_and_later_than_the_one_before(
    jumps: list[int],
) -> None:
    clock = iter([NOW * MILLISECOND, *((NOW + jump) * MILLISECOND for jump in jumps)])
    ids = Ids(lambda: next(clock))
    made = [ids.new() for _ in range(len(jumps) + 1)]
    assert all(first < second for first, second in pairwise(made))
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {
        (7, uuid.RFC_4122)
    }


def test_an_id_has_the_clocks_time_as_soon_as_the_clock_is_ahead_of_the_last_one() -> None:
    milliseconds = iter([NOW, NOW - 5_000, NOW - 1, NOW + 1])
    ids = Ids(lambda: next(milliseconds) * MILLISECOND)
    times = [uuid.UUID(ids.new()).int >> 80 for _ in range(4)]
    assert times == [NOW, NOW, NOW, NOW + 1]


def test_ids_of_one_millisecond_stay_in_it_and_cannot_be_counted_on() -> None:
    ids = Ids(lambda: NOW * MILLISECOND)
    made = [uuid.UUID(ids.new()).int for _ in range(10_000)]
    # One in 2**40 times the first one's random bits leave no room.
    assert {one >> 80 for one in made} == {NOW}
    steps = [second - first for first, second in pairwise(made)]
    assert len(set(steps)) > 9_900


def test_ids_use_all_their_random_bits() -> None:
    milliseconds = count(NOW)
    ids = Ids(lambda: next(milliseconds) * MILLISECOND)
    ever_set, always_set = 0, -1
    for _ in range(200):
        one = uuid.UUID(ids.new()).int
        ever_set |= one
        always_set &= one
    random_bits = (0xFFF << 64) | ((1 << 62) - 1)
    assert ever_set & random_bits == random_bits
    assert always_set & random_bits == 0


def test_threads_get_ids_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_decision_id(), range(20_000)))
    assert len(set(made)) == len(made)
