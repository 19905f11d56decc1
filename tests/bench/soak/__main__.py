"""`make soak`."""

import asyncio
import json
import os
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import click

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.pages import table
from tests.bench.serving.machine import private_mb, resident_mb
from tests.bench.soak.slope import slope_of
from tests.bench.soak.traffic import fill, run
from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.folders import write_folder
from waypost_server.core import outcomes
from waypost_server.service import metrics

MINUTES = "WAYPOST_SOAK_MINUTES"
WARM_UP = 0.2
"""Share of the time at the start that does not count: caches fill, and each allocator's arenas."""

SAMPLES = 360

REMEMBERED = max(metrics.REMEMBERED, outcomes.REMEMBERED)
"""The last decisions that a server remembers: until there are so many, memory grows as it is meant
to."""
SWAP_SECONDS = 30.0
"""From a bundle to the other: with what is loaded anew, memory goes up and down by megabytes."""

OVERLOADED = {"RESOURCE_EXHAUSTED", "CANCELLED"}
"""Errors that are none of the server's: a machine that does something else as well may have no time
for even this little traffic."""

WORDS = {
    "music": ("song", "album", "playlist", "singer"),
    "weather": ("rain", "snow", "sunshine", "storm"),
    "travel": ("flight", "train ticket", "hotel room", "visa"),
}
WORDINGS = ("tell me about the {}", "i need help with my {}", "find me another {}", "{} please")


@dataclass
class Watch:
    """What a process holds, over time."""

    pid: int
    seconds: list[float] = field(default_factory=list)
    found: dict[str, list[float]] = field(
        default_factory=lambda: {"resident MB": [], "own MB": [], "files": [], "threads": []}
    )

    def look(self, second: float) -> None:
        """Takes a sample."""
        self.seconds.append(second)
        folder = Path(f"/proc/{self.pid}")
        self.found["resident MB"].append(resident_mb(self.pid))
        self.found["own MB"].append(private_mb(self.pid))
        self.found["files"].append(len(list((folder / "fd").iterdir())))
        self.found["threads"].append(len(list((folder / "task").iterdir())))


def main() -> None:
    """Serves and asks for a while, and says what grew; ends with 1 if anything did."""
    seconds = 60 * float(os.environ.pop(MINUTES, "30"))
    with TemporaryDirectory() as name:
        folder = Path(name)
        for number in (1, 0):
            _build(folder, number)
        # Fewer entries than queries, so that the cache is full after a minute of warming up.
        settings = {"WAYPOST_WATCH": "true", "WAYPOST_CACHE_ENTRIES": "1000"}
        with running_server(folder / "index", **settings) as server:
            click.echo(f"Filling what {REMEMBERED:,} decisions fill", err=True)
            asyncio.run(fill(server, REMEMBERED))
            watch = Watch(server.process.pid)
            done, failed, swaps = _soak(server, watch, seconds, folder)
            complaints = server.log_text().count("Traceback")
    click.echo(f"{done.total()} acts, {swaps} swaps: {dict(done)}")
    click.echo(f"errors: {dict(failed) or 'none'}; tracebacks in the log: {complaints}")
    grew = _tell(watch, seconds)
    sys.exit(1 if grew or complaints or not OVERLOADED.issuperset(map(_code, failed)) else 0)


def _code(failure: str) -> str:
    return failure.rpartition(" ")[2]


def _soak(
    server: ServerProcess, watch: Watch, seconds: float, folder: Path
) -> tuple[Counter[str], Counter[str], int]:
    ended, swaps = threading.Event(), 0
    began = time.monotonic()

    def sample() -> None:
        while not ended.wait(seconds / SAMPLES):
            watch.look(time.monotonic() - began)

    def swap() -> None:
        nonlocal swaps
        while not ended.wait(SWAP_SECONDS):
            swaps += 1
            _build(folder, swaps % 2)

    beside = [threading.Thread(target=each, daemon=True) for each in (sample, swap)]
    for thread in beside:
        thread.start()
    done, failed = asyncio.run(run(server, seconds))
    ended.set()
    for thread in beside:
        thread.join()
    return done, failed, swaps


def _build(folder: Path, number: int) -> None:
    """Builds one of two bundles that differ by an exemplar a route; it goes live."""
    routes = folder / f"routes-{number}"
    files = {
        f"{topic}/exemplars.txt": "\n".join(
            wording.format(thing) for thing in (*things, f"extra {number}") for wording in WORDINGS
        )
        for topic, things in WORDS.items()
    }
    write_folder(routes, files)
    built = waypost("build", "--routes", str(routes), "--index", str(folder / "index"))
    if built.returncode:
        sys.exit(built.stderr)


def _tell(watch: Watch, seconds: float) -> bool:
    """Prints a line for each thing that is watched; whether one grows."""
    first = next(i for i, second in enumerate(watch.seconds) if second >= WARM_UP * seconds)
    rows, grows = [], False
    for name, values in watch.found.items():
        slope = slope_of(watch.seconds[first:], values[first:])
        grows |= slope.is_distinguishable and slope.per_hour > 0
        rows.append(
            (
                name,
                f"{values[first]:.1f}",
                f"{values[-1]:.1f}",
                f"{slope.per_hour:.2f} [{slope.low:.2f}, {slope.high:.2f}]",
                "yes" if slope.is_distinguishable else "no",
            )
        )
    header = ("", "after warming up", "at the end", "an hour", "distinguishable from zero?")
    click.echo(table(header, rows))
    click.echo(json.dumps({"seconds": watch.seconds, **watch.found}), file=sys.stderr)
    return grows


if __name__ == "__main__":
    main()
