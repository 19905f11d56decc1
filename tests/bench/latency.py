"""How long a decision takes over gRPC, beside the bare encoder call on the same texts.

Both are timed in one run, in turn and text by text, so that whatever else the machine does slows
both alike: trust the ratio. The server is a process of its own.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from waypost_client import Client
from waypost_server.adapters.onnx_encoder import OnnxEncoder

ROUNDS = 3
WARM_UP = 20
READY = re.compile(r"waypost: serving on (\S+)")


def measure(repo: Path) -> str:
    """Runs the measurement and returns it as a Markdown table."""
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    encoder = OnnxEncoder.load(repo / "models/all-MiniLM-L6-v2")
    bare, remote, inside = [], [], []
    with _server(repo) as address, Client(address) as client:
        for text in texts[:WARM_UP]:
            client.route(text)
            encoder.encode([text])
        for text in texts * ROUNDS:
            began = time.perf_counter()
            encoder.encode([text])
            between = time.perf_counter()
            contract = client.route(text)
            bare.append(between - began)
            remote.append(time.perf_counter() - between)
            inside.append(contract.timings.total_us / 1e6)
    rows = [
        ("bare encoder call, in process", bare),
        ("RouteQuery, inside the server", inside),
        ("RouteQuery, as the client sees it", remote),
    ]
    median = float(np.median(bare))
    table = ["| | p50 ms | p99 ms | p50, bare encoder = 1 |", "|---|---|---|---|"]
    for name, seconds in rows:
        p50, p99 = np.percentile(seconds, [50, 99])
        table.append(f"| {name} | {p50 * 1e3:.2f} | {p99 * 1e3:.2f} | {p50 / median:.2f} |")
    return "\n".join([f"{len(bare)} calls, one at a time, queries of routes/eval:\n", *table])


@contextmanager
def _server(repo: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "waypost_server", "serve", "--address", "127.0.0.1:0"]
    # Texts come round three times: an encoding that is kept would be no encoder call.
    environment = os.environ | {"WAYPOST_CACHE_ENTRIES": "0"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=repo, env=environment
    ) as server:
        try:
            ready = READY.search(server.stdout.readline() if server.stdout else "")
            if ready is None:
                sys.exit("the server did not start; its reason is above")
            yield ready[1]
        finally:
            server.terminate()
