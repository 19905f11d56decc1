import logging

import pytest

from waypost_server.service.departed import LOGGER, leave_out_the_departed


def test_only_what_grpc_says_of_callers_who_left_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger(LOGGER)
    before = list(log.filters)
    try:
        leave_out_the_departed()
        leave_out_the_departed()
        log.error("ExecuteBatchError raised in core by servicer method [%s]", "/x")
        log.error("Unexpected [%s] raised by servicer method [%s]", "KeyError", "/x")
    finally:
        log.filters[:] = before
    assert [record.getMessage() for record in caplog.records] == [
        "Unexpected [KeyError] raised by servicer method [/x]"
    ]
