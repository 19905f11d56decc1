"""Golden vectors: 200 varied texts and what the original model makes of them."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

TEXTS = Path(__file__).with_name("texts.jsonl")
VECTORS = Path(__file__).with_name("vectors.npy")


def golden_texts() -> list[str]:
    """Short, long, truncated, in many scripts, code, and next to nothing."""
    return [json.loads(line)["text"] for line in TEXTS.read_text("utf-8").split("\n") if line]


def golden_vectors() -> npt.NDArray[np.float32]:
    """sentence-transformers' unit vectors of the texts in fp32, shape (200, 384)."""
    vectors: npt.NDArray[np.float32] = np.load(VECTORS)
    return vectors
