"""What a whole server takes of a bundle: encoder, gRPC and all."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.serving.machine import family, private_mb, resident_mb
from tests.e2e.processes import running_server
from waypost_client import Client

WARM_UP = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server, after it has answered; memory in MB.

    Attributes:
        ready_seconds: from its start until it was ready.
        resident_mb: with what it touched of mapped files, which the system may drop.
        private_mb: without.
        p50_ms: median decision as one caller saw it, encoder included.
    """

    ready_seconds: float
    resident_mb: float
    private_mb: float
    p50_ms: float


def serve(index: Path, texts: Sequence[str]) -> Served:
    """Serves the live bundle of `index` and asks it the `texts`, one at a time."""
    began = time.perf_counter()
    # The stand-in has one stage, and texts are asked once: what is measured is the whole way.
    with running_server(index) as server, Client(server.address) as client:
        ready = time.perf_counter() - began
        seconds = []
        for text in texts:
            began = time.perf_counter()
            client.route(text)
            seconds.append(time.perf_counter() - began)
        pids = family(server.process.pid)
        return Served(
            ready_seconds=ready,
            resident_mb=sum(map(resident_mb, pids)),
            private_mb=sum(map(private_mb, pids)),
            p50_ms=1e3 * float(np.median(seconds[WARM_UP:])),
        )
