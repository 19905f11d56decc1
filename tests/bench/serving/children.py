"""Processes that answer."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import ended


class ChildError(Exception):
    """A process did not start or does not answer."""


@contextmanager
def child(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """A process with pipes to write to and read from, ended at the end."""
    with (
        subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
        ended(process),
    ):
        yield process


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line that it prints; raises ChildError when it has ended instead."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise ChildError(f"{process.args!r} has ended; its reason is above")
    return line.strip()
