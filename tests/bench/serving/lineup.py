"""Starts everyone who takes part, and ends them."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.bench.accuracy.datasets import Task
from tests.bench.adapted.subjects import write_routes
from tests.bench.serving.children import ChildError, child, line_of
from tests.bench.serving.contestants import Contestant, Encoding, Library, Served, connect
from tests.bench.serving.machine import resident_mb
from tests.bench.serving.names import ALONE, BARE, BOTH, ECHO, LIBRARY, MIXED, WARM
from tests.bench.serving.peer import start_library
from tests.e2e.processes import ROOT, ServerProcess, running_server, waypost
from waypost_server.adapters.onnx_encoder import OnnxEncoder

CALLERS = (1, 8, 32)
WARM_UP, CHUNK = 200, 500
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
def line_up(task: Task, encoder: Path, environments: Path, folder: Path) -> Iterator[Lineup]:
    """Builds the task's index in `folder` and starts all; raises ChildError when that fails."""
    index = _build(task, folder)
    with ExitStack() as running:
        began = time.perf_counter()
        warm = running.enter_context(running_server(index))
        ready_seconds, ready_mb = time.perf_counter() - began, resident_mb(warm.process.pid)
        cold = {"WAYPOST_CACHE_ENTRIES": "0"}
        both = running.enter_context(running_server(index, **cold))
        alone = running.enter_context(running_server(index, **cold, WAYPOST_TWO_STAGE="false"))
        library, missing = _library(running, task, encoder, environments, folder)
        runner = running.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        first = _served(BOTH, both, runner)
        contestants: list[Contestant] = [
            running.enter_context(_echo(folder, runner, _typical(first, task.test.texts))),
            Encoding(OnnxEncoder.load(encoder), BARE),
            first,
            _served(MIXED, both, runner, strangers=True),
            _served(ALONE, alone, runner),
            _served(WARM, warm, runner),
            *library,
        ]
        for one in contestants:
            # The cache is filled with all that will be asked; the others need a few calls.
            texts = task.test.texts if one.name == WARM else task.test.texts[:WARM_UP]
            for start in range(0, len(texts), CHUNK):
                one.ask(texts[start : start + CHUNK], one.at_once[-1])
        yield Lineup(
            contestants=contestants,
            ready_seconds=ready_seconds,
            ready_mb=ready_mb,
            missing=missing,
        )


def _build(task: Task, folder: Path) -> Path:
    write_routes(folder / "routes", task.exemplars)
    index = folder / "index"
    built = waypost("build", "--routes", str(folder / "routes"), "--index", str(index))
    if built.returncode:
        raise ChildError(f"the index was not built: {built.stderr}")
    return index


def _library(
    running: ExitStack, task: Task, encoder: Path, environments: Path, folder: Path
) -> tuple[list[Library], str]:
    try:
        process = start_library(environments, encoder, task.exemplars, folder / "job.json")
        return [Library(running.enter_context(process), LIBRARY)], ""
    except ChildError as error:
        return [], str(error)


def _served(
    name: str, server: ServerProcess, runner: asyncio.Runner, *, strangers: bool = False
) -> Served:
    return Served(
        name=name,
        at_once=(1,) if strangers else CALLERS,
        runner=runner,
        call=connect(runner, server.address),
        pid=server.process.pid,
        strangers=strangers,
    )


def _typical(server: Served, texts: Sequence[str]) -> bytes:
    """A real answer, of median size."""
    answers = sorted(server.ask(texts[:LOOKED_AT], 1).responses, key=len)
    return answers[len(answers) // 2]


@contextmanager
def _echo(folder: Path, runner: asyncio.Runner, response: bytes) -> Iterator[Served]:
    file = folder / "response"
    file.write_bytes(response)
    with child([sys.executable, "-m", "tests.bench.serving.echo", str(file)], cwd=ROOT) as process:
        yield Served(
            name=ECHO,
            at_once=CALLERS,
            runner=runner,
            call=connect(runner, line_of(process)),
            pid=process.pid,
        )
