"""Compared with the plainest way to take turns: a list that is searched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.fair_queue import FairQueue

STEPS = st.lists(st.one_of(st.sampled_from("abc"), st.none()), max_size=60)
"""Somebody who comes, or None: the next one is served."""


class TakingTurns:
    """Serves whoever was served longest ago, or came first of those who never were."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, int]] = []
        self.since: dict[str, int] = {}
        self.now = 0

    def put(self, who: str, item: int) -> None:
        self.now += 1
        if who not in [one for one, _ in self.waiting]:
            self.since[who] = self.now
        self.waiting.append((who, item))

    def get(self) -> int:
        self.now += 1
        place = min(range(len(self.waiting)), key=lambda i: (self.since[self.waiting[i][0]], i))
        who, item = self.waiting.pop(place)
        self.since[who] = self.now
        return item


@given(STEPS)
def test_it_serves_as_the_plainest_way_does(steps: list[str | None]) -> None:
    queue, plain = FairQueue[int](), TakingTurns()
    for number, who in enumerate(steps):
        if who is not None:
            queue.put(who, number)
            plain.put(who, number)
        elif plain.waiting:
            assert queue.get() == plain.get()
        assert len(queue) == len(plain.waiting)
    assert [queue.get() for _ in range(len(queue))] == [plain.get() for _ in plain.waiting[:]]


@given(st.integers(1, 40), st.integers(1, 5))
def test_a_flood_does_not_delay_others_by_more_than_a_turn_each(flood: int, quiet: int) -> None:
    queue = FairQueue[str]()
    for _ in range(flood):
        queue.put("flood", "flood")
    for number in range(quiet):
        queue.put(f"quiet {number}", "quiet")
    served = [queue.get() for _ in range(flood + quiet)]
    assert served[: quiet + 1].count("quiet") == quiet


def test_an_empty_queue_says_so() -> None:
    with pytest.raises(IndexError, match="nobody waits"):
        FairQueue[int]().get()
