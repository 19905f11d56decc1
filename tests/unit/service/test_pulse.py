"""Whether a server lives, is ready and has started, by a clock of the test."""

from pathlib import Path

import pytest

from waypost_server.service.pulse import (
    STUCK_SECONDS,
    Phase,
    Pulse,
    Pulses,
    has_started,
    is_ready,
)
from waypost_server.service.share import Share
from waypost_server.supervisor.common import CommonFolder


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("phases", "ready", "started"),
    [
        ([], False, False),
        ([Phase.STARTING], False, False),
        ([Phase.SERVING], True, True),
        ([Phase.DRAINING], False, True),
        ([Phase.STARTING, Phase.SERVING], True, True),
        ([Phase.DRAINING, Phase.STARTING], False, True),
    ],
)
def test_any_process_that_serves_makes_the_server_ready(
    phases: list[Phase], ready: bool, started: bool
) -> None:
    pulses = [Pulse(phase, 0.0) for phase in phases]
    assert (is_ready(pulses), has_started(pulses)) == (ready, started)


def test_a_loop_that_hangs_is_no_life_until_it_turns_again() -> None:
    clock = Clock()
    pulses = Pulses(clock=clock)
    clock.now += STUCK_SECONDS
    assert pulses.live()
    clock.now += 0.1
    assert not pulses.live()
    pulses.beat()
    assert pulses.live()


def test_one_process_that_hangs_is_seen_by_the_others_until_it_is_gone(tmp_path: Path) -> None:
    clock = Clock()
    first, second = (Pulses(Share(tmp_path, place), clock) for place in range(2))
    second.enter(Phase.SERVING)
    assert sorted(pulse.phase for pulse in first.all()) == [Phase.STARTING, Phase.SERVING]
    clock.now += STUCK_SECONDS + 1
    first.beat()
    assert not first.live()
    CommonFolder(tmp_path).forget(1)
    assert first.live()
    assert [pulse.phase for pulse in first.all()] == [Phase.STARTING]
    for pulses in (first, second):
        pulses.close()


def test_a_pulse_that_cannot_be_read_counts_for_nothing(tmp_path: Path) -> None:
    pulses = Pulses(Share(tmp_path, 0))
    (tmp_path / "pulse_1").write_bytes(b"")
    (tmp_path / "pulse_2").mkdir()
    assert len(pulses.all()) == 1
    pulses.close()


def test_what_a_dead_process_was_is_forgotten_and_what_it_counted_is_not(tmp_path: Path) -> None:
    for name in ("gauge_livesum_1.db", "gauge_livemax_1.db", "gauge_livesum_11.db", "pulse_1"):
        (tmp_path / name).touch()
    for name in ("counter_1.db", "histogram_1.db"):
        (tmp_path / name).touch()
    CommonFolder(tmp_path).forget(1)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"counter_1.db", "histogram_1.db", "gauge_livesum_11.db"}
