"""Writes vectors.npy: what sentence-transformers itself makes of texts.jsonl, in fp32.

python -m tests.golden MODEL, in an environment with the extra `export`; MODEL is the folder of the
original all-MiniLM-L6-v2.
"""

import sys
from pathlib import Path

import numpy as np

from tests.golden import VECTORS, golden_texts
from waypost_server.lab.onnx_export import reference_vectors

np.save(VECTORS, reference_vectors(Path(sys.argv[1]), golden_texts(), query_prefix=""))
