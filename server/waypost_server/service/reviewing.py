"""Keeps examples for review beside the loop: a disk may be slow, and no query waits for it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from waypost_server.core.errors import WaypostError
from waypost_server.core.review import Example

MAX_WAITING = 256
"""Examples that may wait for the disk; of more, the newest are lost."""

_log = logging.getLogger(__name__)


class Reviewing:
    """Writes in a thread of its own."""

    def __init__(self, add: Callable[[Example], object]) -> None:
        """Examples go to `add`, which may block, and may raise WaypostError."""
        self._add = add
        self._room = threading.Semaphore(MAX_WAITING)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="review")
        self._problem = ""

    def keep(self, example: Example) -> None:
        """Has an example written soon; lost where too many wait."""
        if self._room.acquire(blocking=False):
            self._thread.submit(self._write, example)

    def close(self) -> None:
        """Waits for what is to be written."""
        self._thread.shutdown()

    def _write(self, example: Example) -> None:
        try:
            self._add(example)
            self._problem = ""
        except WaypostError as error:
            if str(error) != self._problem:  # once, not for each example
                _log.error("an example for review is lost: %s", error)
            self._problem = str(error)
        finally:
            self._room.release()
