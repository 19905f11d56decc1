"""semantic-router with ONNX Runtime, in an environment of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import click

from tests.bench.accuracy.datasets import Labelled
from tests.bench.serving.children import ChildError, child, line_of

VERSION = "1.1.1"
SCRIPT = Path(__file__).with_name("peer_semantic_router.py")
SHARED = ("onnxruntime", "tokenizers")
"""What both run the encoder with, at the versions installed here."""

INSTALL_SECONDS = 240


@contextmanager
def start_library(
    environments: Path, encoder: Path, exemplars: Labelled, job: Path
) -> Iterator["subprocess.Popen[str]"]:
    """A process with the library, ready to be asked; raises ChildError when there can be none."""
    python = _install(environments / f"semantic-router-{VERSION}-onnx")
    pairs = list(zip(exemplars.texts, exemplars.labels, strict=True))
    job.write_text(json.dumps({"encoder": str(encoder), "exemplars": pairs}), encoding="utf-8")
    # A thread for each numpy call, as Waypost has: the callers are the threads.
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    with child([str(python), "-I", str(SCRIPT), str(job)], cwd=job.parent, env=one) as process:
        line_of(process)
        yield process


def _install(environment: Path) -> Path:
    """The interpreter of the environment, made if need be."""
    python, ready = environment / "bin/python", environment / ".ready"
    if ready.is_file():
        return python
    click.echo(f"Installing semantic-router {VERSION} in {environment.name}/ ...", err=True)
    uv = [str(Path(sys.executable).parent / "uv"), "--quiet", "--no-config"]
    packages = [f"semantic-router=={VERSION}", *(f"{name}=={version(name)}" for name in SHARED)]
    for step in (
        ["venv", "--clear", "--python", sys.executable, str(environment)],
        ["pip", "install", "--python", str(python), *packages],
    ):
        try:
            subprocess.run([*uv, *step], timeout=INSTALL_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise ChildError(f"semantic-router {VERSION} cannot be installed: {error}") from error
    ready.touch()
    return python
