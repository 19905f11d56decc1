"""Keeps out of the log what gRPC says of callers who left before their answer."""

import logging

LOGGER = "grpc._cython.cygrpc"
_GONE = "ExecuteBatchError raised in core"


def leave_out_the_departed() -> None:
    """Drops the traceback that gRPC logs for each; anybody could fill a disk with them."""
    logging.getLogger(LOGGER).addFilter(_tells_of_us)


def _tells_of_us(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_GONE)
