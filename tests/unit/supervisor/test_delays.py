from waypost_server.supervisor.delays import Delays


def test_a_process_that_fails_at_once_is_started_ever_more_rarely_to_a_bound() -> None:
    delays = Delays()
    assert [delays.after(0.1) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_one_that_has_served_for_long_is_started_again_at_once() -> None:
    delays = Delays()
    assert [delays.after(lived) for lived in (1, 1, 59.9, 60, 1)] == [0.5, 1, 2, 0.5, 1]
