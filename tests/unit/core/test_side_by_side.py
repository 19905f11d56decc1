import threading

import pytest

from waypost_server.core.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_jobs_whichever_ends_first() -> None:
    later = threading.Event()

    def first() -> int:
        assert later.wait(10)
        return 1

    def second() -> int:
        later.set()
        return 2

    assert side_by_side([second, first]) == [2, 1]
    assert side_by_side([lambda i=i: i * i for i in range(40)]) == [i * i for i in range(40)]  # type: ignore[misc]
    assert side_by_side([]) == []


def test_what_a_job_raises_is_raised() -> None:
    def wrong() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        side_by_side([lambda: 1, wrong])
