"""Which requests wait for which."""

import pytest

from waypost_server.core.dependencies import dependencies


def test_what_comes_then_waits_for_all_before_it() -> None:
    requests = ["review this", "explain the trade-offs", "write the docs", "call mum"]
    assert dependencies(requests, [False, False, True, False]) == ((), (), (0, 1), ())


@pytest.mark.parametrize(
    "request_",
    [
        "send it to mum",
        "put them on my list",
        "explain their trade-offs",
        "write down the results",
        "translate that",
        "fix those bugs",
    ],
)
def test_what_speaks_of_it_waits_for_the_one_before(request_: str) -> None:
    requests = ["play jazz", "order pizza", request_]
    assert dependencies(requests, [False] * 3) == ((), (), (1,))


@pytest.mark.parametrize(
    "request_",
    [
        "what time is it",
        "will it rain",
        "when it is late, wake me",
        "tell me that joke about cats",
        "explain this",
        "split item",
        "order pizza",
    ],
)
def test_what_does_not_can_start_at_once(request_: str) -> None:
    assert dependencies(["play jazz", request_], [False, False]) == ((), ())


def test_the_first_waits_for_nobody() -> None:
    assert dependencies(["send it to mum"], [True]) == ((),)
