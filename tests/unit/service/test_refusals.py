"""What is counted and told of queries that were refused."""

import logging
from collections.abc import Callable

import pytest

from waypost_server.core.errors import OverloadedError, RateLimitedError
from waypost_server.service.refusals import MOST_TENANTS, TELL_SECONDS, Cause, Refusals


class World:
    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.refusals = Refusals(later=lambda seconds, act: self.due.append((seconds, act)))

    def refuse(self, tenant: str, times: int = 1, *, overload: bool = True) -> None:
        error = OverloadedError("full") if overload else RateLimitedError("too many")
        for _ in range(times):
            self.refusals.add(error, tenant)

    def tell(self) -> None:
        (_, act) = self.due.pop()
        act()


def test_they_are_counted_by_cause() -> None:
    world = World()
    assert world.refusals.counts == {Cause.OVERLOAD: 0, Cause.RATE: 0}
    world.refuse("a", 3)
    world.refuse("b", 2, overload=False)
    assert world.refusals.counts == {Cause.OVERLOAD: 3, Cause.RATE: 2}
    assert world.refusals.total == 5


def test_a_line_every_ten_seconds_says_how_many_why_and_whose(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    for tenant, times in (("a", 1), ("b", 5), ("c", 2), ("d", 9)):
        world.refuse(tenant, times)
    world.refuse("e\n", 4, overload=False)
    assert [seconds for seconds, _ in world.due] == [TELL_SECONDS]
    assert caplog.messages == []
    world.tell()
    assert caplog.messages == [
        "queries were refused: 17 for overload (by tenant: 'd' 9, 'b' 5, 'c' 2, ...); "
        "4 for more than a tenant or a token may ask (by tenant: 'e\\n' 4)"
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_nothing_is_said_when_nobody_is_refused_and_each_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.refuse("a", 2)
    world.tell()
    assert world.due == []
    world.refuse("a", 3)
    world.refusals.tell()  # the server ends before it is due
    world.tell()
    assert [record.fields["refused"] for record in caplog.records] == [2, 3]  # type: ignore[attr-defined]


def test_made_up_names_fill_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    for number in range(MOST_TENANTS + 50):
        world.refuse(f"{number} " + "x" * 5_000)
    world.tell()
    (said,) = caplog.messages
    assert said.startswith(
        f"queries were refused: {MOST_TENANTS + 50} for overload (by tenant: '' 50"
    )
    assert len(said) < 400
