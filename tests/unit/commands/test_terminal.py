import io
import json
import unicodedata
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.processes import waypost
from waypost_server.commands.terminal import guarded, shown


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain ünïcode 日本語 🙂\tand\ntabs\r\n", "plain ünïcode 日本語 🙂\tand\ntabs\r\n"),
        ("\x1b]0;a title\x07", r"\u001b]0;a title\u0007"),
        ("\x1b[2J\x1b[H", r"\u001b[2J\u001b[H"),
        ("\x1b[31mred", r"\u001b[31mred"),
        ("\x9b31m", r"\u009b31m"),
        ("right\rwrong", r"right\u000dwrong"),
        ("\b\x00\x7f\x0b\x0c", r"\u0008\u0000\u007f\u000b\u000c"),
    ],
)
def test_what_would_command_a_terminal_is_shown_instead(text: str, wanted: str) -> None:
    assert shown(text) == wanted


@given(text=st.text())
def test_no_control_character_is_left_but_those_that_lines_are_made_of(text: str) -> None:
    left = {c for c in shown(text) if unicodedata.category(c) == "Cc"} - {"\t", "\n", "\r"}
    assert left <= {"\x1b"}
    assert json.loads(shown(json.dumps(text, ensure_ascii=False))) == text


def test_what_commands_print_themselves_stays() -> None:
    for own in (click.style("a hint", dim=True), "\r\x1b[?25l", "\x1b[?25h\n"):
        assert shown(own) == own


def test_no_command_passes_a_terminals_commands_on(tmp_path: Path) -> None:
    route = tmp_path / "no\x1b]0;\x07\x9bsuch\rroute"
    route.mkdir()
    (route / "exemplars.txt").write_text("a query\n")
    done = waypost("build", "--routes", f"{tmp_path}", "--index", f"{tmp_path}/index")
    assert done.returncode == 1
    assert (
        r"/no\u001b]0;\u0007\u009bsuch\u000droute:1: a route's folder is named with" in done.stderr
    )
    assert not {"\x1b", "\x9b", "\r"} & set(done.stdout + done.stderr)


def test_a_stream_that_is_not_a_terminals_is_left_as_it_is() -> None:
    stream = io.StringIO()
    assert guarded(stream) is stream
