"""Examples are written beside the loop, and what cannot be written is said once."""

import logging
import threading

import pytest

from tests.unit.adapters.test_review_file import example
from waypost_server.core.errors import ReviewError
from waypost_server.core.review import Example
from waypost_server.service.reviewing import MAX_WAITING, Reviewing


def test_all_that_was_kept_is_written_before_the_end() -> None:
    written: list[Example] = []
    reviewing = Reviewing(written.append)
    examples = [example(f"text {i}") for i in range(50)]
    for one in examples:
        reviewing.keep(one)
    reviewing.close()
    assert written == examples


def test_a_disk_that_hangs_holds_nobody_up_and_takes_no_memory() -> None:
    gate, written = threading.Event(), []

    def add(one: Example) -> None:
        gate.wait(10)
        written.append(one)

    reviewing = Reviewing(add)
    for i in range(MAX_WAITING + 100):
        reviewing.keep(example(f"text {i}"))
    gate.set()
    reviewing.close()
    assert len(written) == MAX_WAITING


def test_a_spell_of_failures_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    def add(one: Example) -> None:
        if one.text != "good":
            raise ReviewError("no space left")

    reviewing = Reviewing(add)
    for text in ("bad", "bad 2", "good", "bad 3"):
        reviewing.keep(example(text))
    reviewing.close()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert said == ["an example for review is lost: no space left"] * 2
