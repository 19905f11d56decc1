"""Builds that are killed, and what is live after each.

python -m tests.unit.adapters.killed_builder FOLDER ROUNDS

Each round a process saves one bundle after another, and removes old ones, until it is killed. Then
a line is printed: the number of the last bundle that it said was live, and of the one that is.
"""

import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.unit.adapters.bundles import small_bundle
from waypost_server.adapters.bundle_store import BundleStore

KEPT = 2
"""Versions that stay, so that builds are killed as they remove some, too."""


def build(folder: Path, number: int) -> None:
    texts = [f"exemplar {i} of build {number}" for i in range(50)]
    store = BundleStore(folder)
    version = store.write(small_bundle({"billing": texts})).version
    store.note_tried(version)  # as a build does until the gate has been asked
    store.activate(version)
    store.prune(KEPT)


def build_endlessly(folder: Path, first: int, said: int) -> None:
    for number in itertools.count(first):
        build(folder, number)
        os.write(said, f"{number} ".encode())


def killed_after(seconds: float, folder: Path, live: int) -> int:
    """Number of the last bundle that the builder said was live, from `live` on."""
    reader, writer = os.pipe()
    builder = os.fork()
    if builder == 0:
        build_endlessly(folder, live + 1, writer)
    os.close(writer)
    with open(reader, encoding="ascii") as said:
        time.sleep(seconds)
        os.kill(builder, signal.SIGKILL)
        os.waitpid(builder, 0)
        return int([str(live), *said.read().split()][-1])


def main(folder: Path, rounds: int) -> None:
    moments = random.Random(0)  # noqa: S311  (no secret)
    live = 0
    build(folder, live)
    for _ in range(rounds):
        said = killed_after(moments.uniform(0, 0.1), folder, live)
        live = int(BundleStore(folder).load().exemplars.texts[0].split()[-1])
        sys.stdout.write(f"{said} {live}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
