"""semantic-router, each release in an environment of its own and given Waypost's vectors."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from tests.bench.accuracy.contestants import Said
from tests.bench.accuracy.datasets import Labelled, Task
from tests.bench.accuracy.encodings import CachedEncoder

VERSIONS = ("0.3.3", "1.1.1")
KINDS = ("default", "best")
SCRIPT = Path(__file__).with_name("peer_semantic_router.py")

CHECKED_SHOTS = "10"
"""Where the shortcut of the grid is compared with the library."""

INSTALL_SECONDS, RUN_SECONDS = 300, 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSaid:
    """What one release said.

    Attributes:
        version: of semantic-router.
        failure: why there is nothing else; empty if there is.
        shortcut_differs: answers of the grid's shortcut that differ from the library's, by task.
        said: by task and kind.
        settings: aggregation and top_k, by task and kind.
    """

    version: str
    failure: str = ""
    shortcut_differs: Mapping[str, int] = field(default_factory=dict)
    said: Mapping[tuple[str, str], Said] = field(default_factory=dict)
    settings: Mapping[tuple[str, str], str] = field(default_factory=dict)


class _PeerError(Exception):
    """A release cannot be installed or run."""


def ask_peers(tasks: Sequence[Task], encoder: CachedEncoder, environments: Path) -> list[PeerSaid]:
    """Both releases, side by side; one that cannot be installed or run says so."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_jobs(tasks, encoder, folder)
        running: dict[str, subprocess.Popen[bytes]] = {}
        failures: dict[str, str] = {}
        for version in VERSIONS:
            try:
                python = _install(version, environments / f"semantic-router-{version}")
            except _PeerError as error:
                failures[version] = str(error)
                continue
            command = [str(python), "-I", str(SCRIPT), str(folder), str(folder / version)]
            # A thread each: the machine is counted on to have two cores.
            threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
            running[version] = subprocess.Popen(command, env=threads)
        failures |= _wait(running)
        return [
            PeerSaid(version=version, failure=failures[version])
            if version in failures
            else _read(json.loads((folder / version).read_text("utf-8")))
            for version in VERSIONS
        ]


def _wait(running: Mapping[str, "subprocess.Popen[bytes]"]) -> dict[str, str]:
    """Lets all of them end; why those failed that did."""
    failures = {}
    deadline = time.monotonic() + RUN_SECONDS
    try:
        for version, process in running.items():
            try:
                code = process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                failures[version] = f"took more than {RUN_SECONDS} s"
            else:
                if code:
                    failures[version] = f"failed when run (exit {code}; its error is above)"
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return failures


def _install(version: str, environment: Path) -> Path:
    """The interpreter of an environment with this release, made if need be."""
    python = environment / "bin/python"
    ready = environment / ".ready"
    if ready.is_file():
        return python
    click.echo(f"Installing semantic-router {version} in {environment.name}/ ...", err=True)
    uv = [str(Path(sys.executable).parent / "uv"), "--quiet", "--no-config"]
    steps = (
        ["venv", "--clear", "--python", sys.executable, str(environment)],
        ["pip", "install", "--python", str(python), f"semantic-router=={version}"],
    )
    for step in steps:
        try:
            done = subprocess.run(
                [*uv, *step], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _PeerError(f"could not be installed: {error}") from error
        if done.returncode:
            reason = " ".join(done.stderr.split())[:200]
            raise _PeerError(f"could not be installed: {reason}")
    ready.touch()
    return python


def _write_jobs(tasks: Sequence[Task], encoder: CachedEncoder, folder: Path) -> None:
    jobs = [
        {
            "name": task.name,
            "check": task.shots == CHECKED_SHOTS,
            "exemplars": _pairs(task.exemplars),
            "selection": _pairs(task.selection),
            "validation": _pairs(task.validation),
            "queries": task.queries,
        }
        for task in tasks
    ]
    texts = list(dict.fromkeys(text for task in tasks for text in task.all_texts))
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    np.savez(folder / "vectors.npz", vectors=encoder.units(texts))


def _pairs(labelled: Labelled) -> list[tuple[str, str]]:
    return list(zip(labelled.texts, labelled.labels, strict=True))


def _read(report: Mapping[str, Any]) -> PeerSaid:
    answers = {(task, kind): job[kind] for task, job in report["jobs"].items() for kind in KINDS}
    return PeerSaid(
        version=report["version"],
        shortcut_differs=report["shortcut_differs"],
        said={
            key: Said(
                labels=np.array(answer["predictions"]),
                score=np.array(answer["scores"]),
                confidence=answer["confidences"] and np.array(answer["confidences"]),
            )
            for key, answer in answers.items()
        },
        settings={
            key: f"{answer['aggregation']} of {answer['top_k']}" for key, answer in answers.items()
        },
    )
