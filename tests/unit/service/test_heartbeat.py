"""The loop's regular work."""

import logging

import pytest

from tests.exposed import Exposed
from waypost_server.core import metric_names as names
from waypost_server.service.gauges import Gauges
from waypost_server.service.heartbeat import Heartbeat
from waypost_server.service.instruments import Instruments
from waypost_server.service.pulse import Pulses
from waypost_server.service.sources import Sources


def broken() -> int:
    raise RuntimeError("no figure")


def test_a_figure_that_cannot_be_had_ends_no_pulse_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    pulses = Pulses(clock=lambda: now[0])
    instruments = Instruments()
    heart = Heartbeat(instruments, Gauges(instruments, version="", contract_version=""), pulses)
    heart.sources = Sources(queue_depth=broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            now[0] += 8.0
            heart.beat()
            assert pulses.live()
    assert len(caplog.records) == 1
    heart.sources = Sources()
    instruments.tally((names.REROUTES, ())).count += 1
    heart.beat()
    assert Exposed(instruments.exposition()[0].decode())("waypost_reroutes_total") == 1
