"""llama.cpp's OpenAI-compatible server, started as a user starts it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import HttpServer, running_uvicorn

PREFIX_HIT = re.compile(r"(\d+) prefix-match hit, remaining (\d+) prompt tokens to eval")
CONTEXT_TOKENS = 2048
MODEL_ID = "smollm2"


@dataclass(frozen=True)
class Llama:
    """A server that listens."""

    server: HttpServer

    @property
    def base_url(self) -> str:
        """What fleet.yaml names."""
        return f"{self.server.url}/v1"

    def prefix_hits(self) -> list[tuple[int, int]]:
        """Tokens kept and tokens read anew, of each call that began like the one before."""
        found = PREFIX_HIT.findall(self.server.log_text())
        return [(int(kept), int(anew)) for kept, anew in found]

    def streams_left(self) -> int:
        """Streams whose reader went before the end."""
        return self.server.log_text().count("Disconnected from client")


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
    with running_uvicorn(str(python), "-m", "llama_cpp.server", *arguments) as server:
        yield Llama(server)
