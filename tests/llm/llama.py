"""llama.cpp's OpenAI-compatible server, started as a user starts it."""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.e2e.processes import ended, environment

LISTENING = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")
PREFIX_HIT = re.compile(r"(\d+) prefix-match hit, remaining (\d+) prompt tokens to eval")
START_SECONDS = 60
CONTEXT_TOKENS = 2048
MODEL_ID = "smollm2"


@dataclass(frozen=True)
class Llama:
    """A server that listens.

    Attributes:
        url: where, without the "/v1" of the OpenAI-compatible API.
        log: what it has said.
    """

    url: str
    log: IO[str]

    @property
    def base_url(self) -> str:
        """What fleet.yaml names."""
        return f"{self.url}/v1"

    def log_text(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def prefix_hits(self) -> list[tuple[int, int]]:
        """Tokens kept and tokens read anew, of each call that began like the one before."""
        return [(int(kept), int(anew)) for kept, anew in PREFIX_HIT.findall(self.log_text())]


@contextmanager
def running_llama(python: Path, model: Path) -> Iterator[Llama]:
    """The server on a free port, ended at the end."""
    options = {
        "model": str(model),
        "model_alias": MODEL_ID,
        "host": "127.0.0.1",
        "port": "0",
        "n_ctx": str(CONTEXT_TOKENS),
        # Two wait for each other in a loop: minutes an answer where both cores have other work.
        "n_threads": "1",
        "n_threads_batch": "1",
        # By default a new call ends the stream of another caller, as if it were complete.
        "interrupt_requests": "false",
        # Says what its prompt cache kept.
        "verbose": "true",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as log,
        subprocess.Popen(
            [str(python), "-m", "llama_cpp.server", *arguments],
            env=environment(PYTHONUNBUFFERED="1"),
            stdout=log,
            stderr=log,
            text=True,
        ) as process,
        ended(process),
    ):
        yield Llama(_listening_at(process, log), log)


def _listening_at(process: subprocess.Popen[str], log: IO[str]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        log.seek(0)
        if found := LISTENING.search(log.read()):
            return found[1]
        time.sleep(0.1)
    log.seek(0)
    raise AssertionError(f"llama.cpp's server does not listen; it said: {log.read()[-2000:]}")
