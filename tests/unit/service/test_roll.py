"""Who lives, by signs of life."""

import pytest

from waypost_server.core.shared_state import Peer, Process
from waypost_server.service.roll import FORGOTTEN_SECONDS, SILENT_SECONDS, Roll


def peer(name: str, *, beat: float, silent: float = 0.0) -> Peer:
    process = Process(process_id=name, host="box", pid=1)
    return Peer(process=process, revision=1, beat=beat, silent_seconds=silent)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def silence(roll: Roll, *peers: Peer) -> dict[str, float]:
    return {found.process.process_id: seconds for found, seconds in roll.silence(peers)}


def test_silence_is_counted_from_the_last_sign_by_the_own_clock() -> None:
    clock = Clock()
    roll = Roll(clock)
    assert silence(roll, peer("a", beat=1.0, silent=2.0)) == {"a": 2.0}
    clock.now += 3
    assert silence(roll, peer("a", beat=1.0, silent=5.0)) == {"a": 5.0}
    clock.now += 1
    assert silence(roll, peer("a", beat=2.0, silent=0.5)) == {"a": 0.0}


@pytest.mark.parametrize("jump", [-1e9, 3_600.0, 1e9])
def test_a_jump_of_the_shared_clock_makes_nobody_dead(jump: float) -> None:
    clock = Clock()
    roll = Roll(clock)
    silence(roll, peer("a", beat=1.0))
    clock.now += 1
    assert silence(roll, peer("a", beat=1.0, silent=1.0 + jump)) == {"a": 1.0}


def test_a_stranger_is_believed_unless_its_clock_is_ahead() -> None:
    roll = Roll(Clock())
    seen = silence(roll, peer("old", beat=1.0, silent=50.0), peer("ahead", beat=9e9, silent=-9e9))
    assert seen == {"old": 50.0, "ahead": 0.0}


def test_who_is_silent_for_long_is_forgotten_and_comes_back_with_a_sign() -> None:
    clock = Clock()
    roll = Roll(clock)
    silence(roll, peer("a", beat=1.0))
    clock.now += FORGOTTEN_SECONDS
    assert silence(roll, peer("a", beat=1.0)) == {"a": FORGOTTEN_SECONDS}
    clock.now += 0.1
    assert silence(roll, peer("a", beat=1.0)) == {}
    assert silence(roll, peer("a", beat=2.0)) == {"a": 0.0}
    assert SILENT_SECONDS < FORGOTTEN_SECONDS
