"""From how many exemplars lists answer faster than comparing all: what EXACT_UP_TO stands on.

The vectors are blends of pairs of the shipped sentences' vectors with noise, which cluster as
sentences do; independent random vectors would be far harder for lists than any real text.
"""

import json
import time
from pathlib import Path

import numpy as np

from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.ports import Vectors
from waypost_server.core.router import NEIGHBOURS

SIZES = (5_000, 10_000, 20_000, 40_000)
QUERIES = 300
NOISE = 0.03


def measure(repo: Path) -> str:
    """Runs the measurement and returns it as a Markdown table."""
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
    encoder = OnnxEncoder.load(repo / "models/all-MiniLM-L6-v2")
    sentences = encoder.encode([json.loads(line)["text"] for line in lines])
    random = np.random.default_rng(0)
    queries = _blends(sentences[:, : encoder.dimension], QUERIES, random)
    table = [
        f"| exemplars | exact us | lists us | recall of lists at {NEIGHBOURS} |",
        "|---|---|---|---|",
    ]
    for size in SIZES:
        vectors = _blends(sentences[:, : encoder.dimension], size, random)
        indexes = (
            FaissIndex.build(vectors, exact_up_to=size),
            FaissIndex.build(vectors, exact_up_to=0),
        )
        seconds: tuple[list[float], list[float]] = ([], [])
        shared = 0
        for query in queries:
            found = []
            for index, spent in zip(indexes, seconds, strict=True):
                began = time.perf_counter()
                found.append(set(index.search(query, NEIGHBOURS).rows.tolist()))
                spent.append(time.perf_counter() - began)
            shared += len(found[0] & found[1])
        exact, lists = (float(np.median(spent)) * 1e6 for spent in seconds)
        recall = shared / (QUERIES * NEIGHBOURS)
        table.append(f"| {size:,} | {exact:.0f} | {lists:.0f} | {recall:.4f} |")
    return "\n".join(["Search, p50, one thread, in turn:\n", *table])


def _blends(sentences: Vectors, count: int, random: np.random.Generator) -> Vectors:
    pairs = random.integers(len(sentences), size=(count, 2))
    share = random.random((count, 1), dtype=np.float32)
    blends = share * sentences[pairs[:, 0]] + (1 - share) * sentences[pairs[:, 1]]
    blends += NOISE * random.standard_normal(blends.shape, dtype=np.float32)
    unit: Vectors = blends / np.linalg.norm(blends, axis=1, keepdims=True)
    return unit
