"""Starts everyone who takes part, and ends them."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop

from tests.bench.accuracy.datasets import Task
from tests.bench.adapted.subjects import write_routes
from tests.bench.serving.children import ChildError, child, line_of
from tests.bench.serving.contestants import Contestant, Encoding, Library, Served
from tests.bench.serving.machine import resident_mb
from tests.bench.serving.names import (
    ALONE,
    BARE,
    BOTH,
    ECHO,
    FLOOR,
    FULL,
    LIBRARY,
    MIXED,
    PAIR,
    WARM,
    WARM_PAIR,
)
from tests.bench.serving.peer import start_library
from tests.e2e.processes import ROOT, WAYPOST, environment, running_server
from waypost_server.adapters.onnx_encoder import OnnxEncoder

CALLERS = (1, 8, 32)
ANSWER = "answer"
"""File of what the echo answers."""

WARM_UP, CHUNK = 200, 500
BUILD_SECONDS = 300

PASSES = 5
"""Times that two processes are asked all queries beforehand: chance says which of them is asked,
so that 3% of the queries are then still new to one of them."""

LOOKED_AT = 101
"""Answers of which the echo gives the one of median size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineup:
    """Everyone, started and warm.

    Attributes:
        contestants: in the order of the page.
        ready_seconds: from the start of the first server until it was ready.
        ready_mb: what that server held then.
        missing: why semantic-router is not among them; empty if it is.
    """

    contestants: Sequence[Contestant]
    ready_seconds: float
    ready_mb: float
    missing: str


@contextmanager
def line_up(
    task: Task, full: Task, encoder: Path, environments: Path, folder: Path
) -> Iterator[Lineup]:
    """Starts all, with indexes built in `folder`; raises ChildError when that fails.

    Args:
        task: what all are built from but one, and asked.
        full: the same task with more exemplars.
        encoder: folder of the encoder.
        environments: where semantic-router is installed.
        folder: for what is built.
    """
    index, more = (build_index(one, folder / one.shots) for one in (task, full))
    with ExitStack() as running:
        runner = running.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))

        def start(name: str, index: Path, **settings: str) -> Served:
            server = running.enter_context(running_server(index, **settings))
            return Served(
                name=name,
                at_once=CALLERS,
                runner=runner,
                address=server.address,
                pid=server.process.pid,
            )

        began = time.perf_counter()
        warm = start(WARM, index)
        ready_seconds, ready_mb = time.perf_counter() - began, resident_mb(warm.pid)
        cold, pair = {"WAYPOST_CACHE_ENTRIES": "0"}, {"WAYPOST_PROCESSES": "2"}
        both = start(BOTH, index, **cold)
        (folder / ANSWER).write_bytes(_typical(both, task.test.texts))
        library, missing = _library(running, task, encoder, environments, folder)
        contestants: list[Contestant] = [
            running.enter_context(_echo(ECHO, folder, runner)),
            running.enter_context(_echo(FLOOR, folder, runner, encoder)),
            Encoding(OnnxEncoder.load(encoder), BARE),
            both,
            replace(both, name=MIXED, at_once=(1,), strangers=True),
            start(ALONE, index, **cold, WAYPOST_TWO_STAGE="false"),
            warm,
            start(PAIR, index, **cold, **pair),
            start(WARM_PAIR, index, **pair),
            replace(start(FULL, more, **cold), at_once=(1, CALLERS[-1])),
            *library,
        ]
        for one in contestants:
            # Caches are filled with all that will be asked; the others need a few calls.
            passes = {WARM: 1, WARM_PAIR: PASSES}.get(one.name, 0)
            texts = task.test.texts * passes or task.test.texts[:WARM_UP]
            for start_at in range(0, len(texts), CHUNK):
                one.ask(texts[start_at : start_at + CHUNK], one.at_once[-1])
        yield Lineup(
            contestants=contestants,
            ready_seconds=ready_seconds,
            ready_mb=ready_mb,
            missing=missing,
        )


def build_index(task: Task, folder: Path) -> Path:
    """Builds an index of a task's exemplars below `folder`; raises ChildError when that fails."""
    write_routes(folder / "routes", task.exemplars)
    index = folder / "index"
    command = [*WAYPOST, "build", "--routes", str(folder / "routes"), "--index", str(index)]
    try:
        # What it says goes to stderr; stdout is for what the benchmark has written.
        subprocess.run(
            command,
            cwd=ROOT,
            env=environment(),
            stdout=sys.stderr,
            timeout=BUILD_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise ChildError(f"the index was not built: {error}") from error
    return index


def _library(
    running: ExitStack, task: Task, encoder: Path, environments: Path, folder: Path
) -> tuple[list[Library], str]:
    try:
        process = start_library(environments, encoder, task.exemplars, folder / "job.json")
        return [Library(running.enter_context(process), LIBRARY)], ""
    except ChildError as error:
        return [], str(error)


def _typical(server: Served, texts: Sequence[str]) -> bytes:
    """A real answer, of median size."""
    answers = sorted(server.ask(texts[:LOOKED_AT], 1).responses, key=len)
    return answers[len(answers) // 2]


@contextmanager
def _echo(name: str, folder: Path, runner: asyncio.Runner, *encoder: Path) -> Iterator[Served]:
    arguments = map(str, (folder / ANSWER, *encoder))
    command = [sys.executable, "-m", "tests.bench.serving.echo", *arguments]
    with child(command, cwd=ROOT) as process:
        yield Served(
            name=name,
            at_once=CALLERS,
            runner=runner,
            address=line_of(process),
            pid=process.pid,
        )
