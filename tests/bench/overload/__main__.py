"""`make bench-overload`."""

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import DATA, PAGE, REPO
from tests.bench.accuracy.datasets import DataMissingError
from tests.bench.adapted.subjects import subjects
from tests.bench.overload.figures import leg_of, recovery_seconds
from tests.bench.overload.load import Call, offer
from tests.bench.overload.page import Report, render
from tests.bench.pages import splice
from tests.bench.serving.children import ChildError
from tests.bench.serving.lineup import build_index
from tests.bench.serving.machine import machine, private_mb
from tests.bench.serving.wire import METHOD, SERVICE, request_of
from tests.e2e.processes import running_server

RAW = REPO / "docs/benchmarks/overload.json"
SECONDS = float(os.environ.get("WAYPOST_BENCH_OVERLOAD_SECONDS", "60"))
TIMES = 10

CALM_PER_SECOND, CALM_SECONDS = 60.0, 20.0
"""An unloaded server: a tenth of what it can answer, and enough calls for a p99."""

FULL_PER_SECOND, FULL_SECONDS = 3_000.0, 5.0
"""More than it can answer, so that what is answered a second is what it can."""

AFTER_SECONDS = 10.0
RECOVERED_TIMES = 3
"""A call after the overload is as it should be again within so many times the unloaded p99."""


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    os.environ.pop("WAYPOST_BENCH_OVERLOAD_SECONDS", None)  # no setting of the server
    try:
        report = measure()
    except (DataMissingError, ChildError) as error:
        sys.exit(f"bench-overload: {error}")
    RAW.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "overload", render(report)), encoding="utf-8")
    click.echo(render(report))
    click.echo(f"Wrote {PAGE.relative_to(REPO)} and {RAW.relative_to(REPO)}", err=True)


def measure() -> Report:
    """One server: unloaded, at its limit, at ten times as much, and unloaded again."""
    task = next(task for task in subjects(DATA) if task.data == "clinc150")
    requests = [request_of(text) for text in task.test.texts]
    with TemporaryDirectory() as folder:
        index = build_index(task, Path(folder))
        with running_server(index, WAYPOST_CACHE_ENTRIES="0") as server:
            pid = server.process.pid

            def ask(per_second: float, seconds: float) -> list[Call]:
                count = int(per_second * seconds)
                messages = [requests[number % len(requests)] for number in range(count)]
                return offer(
                    server.address, f"/{SERVICE}/{METHOD}", messages, per_second=per_second
                )

            ask(CALM_PER_SECOND, 3)
            calm = leg_of(ask(CALM_PER_SECOND, CALM_SECONDS), CALM_PER_SECOND)
            full = leg_of(ask(FULL_PER_SECOND, FULL_SECONDS), FULL_PER_SECOND)
            capacity = full.answered * FULL_PER_SECOND
            time.sleep(2)
            watched = _Memory(pid)
            flooded = leg_of(ask(TIMES * capacity, SECONDS), TIMES * capacity)
            # Without a pause: what is still under way then is what there is to recover from.
            after = ask(CALM_PER_SECOND, AFTER_SECONDS)
            return Report(
                setting=f"Measured on {machine()}.",
                seconds=SECONDS,
                capacity=capacity,
                calm=calm,
                flooded=flooded,
                after=leg_of(after, CALM_PER_SECOND),
                recovered_after=recovery_seconds(after, RECOVERED_TIMES * calm.p99),
                private_mb=watched.stop(),
            )


class _Memory:
    """Looks at a process's own memory every second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._found: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(1.0):
            self._found.append(private_mb(self._pid))

    def stop(self) -> list[float]:
        self._ended.set()
        self._thread.join()
        return self._found


if __name__ == "__main__":
    main()
