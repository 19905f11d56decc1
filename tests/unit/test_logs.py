"""How a line of the log looks."""

import json
import logging
import sys

import pytest

from waypost_server.logs import JsonLines, TextLines

NASTY = "a\nb\r\x1b[31m\x85\u2028c"


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("waypost.test", logging.WARNING, "", 1, message, args, None)
    vars(made).update(more)
    return made


def failed(message: str) -> logging.LogRecord:
    made = record("incident")
    try:
        raise ValueError(message)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_a_line_of_json_says_what_is_known() -> None:
    line = JsonLines().format(record("route %s", "x", fields={"decision_id": "4711"}))
    said = json.loads(line)
    assert said.pop("time").endswith("+00:00")
    assert isinstance(said.pop("process"), int)
    assert said == {
        "level": "warning",
        "logger": "waypost.test",
        "message": "route x",
        "decision_id": "4711",
    }


def test_a_line_of_json_names_the_trace_that_it_belongs_to() -> None:
    from opentelemetry import context, trace

    span = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False))
    token = context.attach(trace.set_span_in_context(span))
    try:
        said = json.loads(JsonLines().format(record("hello")))
    finally:
        context.detach(token)
    assert said["trace_id"] == f"{0xABC:032x}"


def test_a_line_of_text_appends_what_is_known() -> None:
    line = TextLines(name_process=True).format(record("decided", fields={"route": "x", "n": 1}))
    assert line.endswith(" WARNING waypost.test: decided route=x n=1")


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()])
def test_no_value_writes_a_line_of_its_own(formatter: logging.Formatter) -> None:
    line = formatter.format(record("%s", NASTY, fields={"route": NASTY}))
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_an_exception_is_one_field_of_json() -> None:
    said = json.loads(JsonLines().format(failed("no\nsuch")))
    assert said["message"] == "incident"
    assert said["exception"].startswith("Traceback (most recent call last):\n")
    assert said["exception"].endswith("ValueError: no\nsuch")


def test_a_traceback_in_text_cannot_pass_for_a_line() -> None:
    lines = TextLines().format(failed("x\n2026-01-01 INFO waypost: all is well")).splitlines()
    assert all(line.startswith("  ") for line in lines[1:])
    assert "  Traceback (most recent call last):" in lines
