"""Decision ids against RFC 9562 as Python's own uuid module reads it."""

import time
import uuid

from waypost_server.service.ids import new_decision_id


def test_an_id_is_a_uuid7_of_this_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    parsed = uuid.UUID(new_decision_id())
    after = time.time_ns() // 1_000_000
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert before <= parsed.int >> 80 <= after


def test_ids_of_later_milliseconds_sort_later() -> None:
    ids = []
    for _ in range(20):
        ids.append(new_decision_id())
        time.sleep(0.0015)
    assert ids == sorted(ids)


def test_ids_made_at_once_differ_and_use_all_their_random_bits() -> None:
    ids = [uuid.UUID(new_decision_id()).int for _ in range(10_000)]
    assert len(set(ids)) == len(ids)
    ever_set, always_set = 0, -1
    for id_ in ids:
        ever_set |= id_
        always_set &= id_
    random_bits = (0xFFF << 64) | ((1 << 62) - 1)
    assert ever_set & random_bits == random_bits
    assert always_set & random_bits == 0
