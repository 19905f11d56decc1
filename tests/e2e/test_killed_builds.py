"""`waypost build` killed at any moment: the previous bundle is live or the next, never neither.

`tests/unit/adapters/killed_builder.py` kills 50 times more closely around the writing itself.
"""

import random
import signal
import subprocess
import time
from pathlib import Path

from tests.e2e.processes import ROOT, WAYPOST, environment, waypost
from tests.folders import write_folder
from waypost_server.adapters.bundle_store import BundleStore

ROUNDS = 8
FIRST = 2
"""Rounds from whose begin on a bundle is live; before, none need be."""


def test_a_build_that_is_killed_leaves_a_sound_bundle_live(tmp_path: Path) -> None:
    moments = random.Random(6)  # noqa: S311  (no secret)
    routes, index = tmp_path / "routes", tmp_path / "index"
    store = BundleStore(index)
    arguments = ("build", "--routes", str(routes), "--index", str(index))
    took = _build_seconds(tmp_path / "routes", tmp_path / "trial")
    before: str | None = None
    ends = []
    for number in range(ROUNDS):
        _write(routes, number)
        if number == FIRST:
            assert waypost(*arguments).returncode == 0
            before = store.live_version()
            assert before
            _write(routes, number + ROUNDS)
        ends.append(_killed_after(moments.uniform(0, 1.1 * took), *arguments))
        live = store.live_version()
        if live is not None:
            texts = {*store.load(live).exemplars.texts}  # which verifies every file
            assert live == before or any(text.endswith(_mark(routes)) for text in texts)
        assert live or before is None
        before = live
    _write(routes, 2 * ROUNDS)
    assert waypost(*arguments).returncode == 0
    assert not [*index.glob(".building-*"), *index.glob(".removing-*")]
    assert store.load().version == store.live_version() != before
    assert -signal.SIGKILL in ends


def _write(routes: Path, number: int) -> None:
    """Routes that are another bundle for each number."""
    write_folder(
        routes,
        {
            "music/exemplars.txt": f"play a song\nnext album\nsongs of number {number}",
            "travel/exemplars.txt": f"book a flight\na hotel room\nflights of number {number}",
            "default/exemplars.txt": "hello\n",
        },
    )


def _mark(routes: Path) -> str:
    return (routes / "music/exemplars.txt").read_text().rpartition(" ")[2]


def _build_seconds(routes: Path, index: Path) -> float:
    _write(routes, 99)
    began = time.monotonic()
    assert waypost("build", "--routes", str(routes), "--index", str(index)).returncode == 0
    return time.monotonic() - began


def _killed_after(seconds: float, *arguments: str) -> int:
    with subprocess.Popen(
        [*WAYPOST, *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as builder:
        try:
            return builder.wait(seconds)
        except subprocess.TimeoutExpired:
            builder.kill()
            return builder.wait()
