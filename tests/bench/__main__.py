"""`make bench`."""

import os
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # as `waypost` sets it, before FAISS is loaded

from tests.bench import index, latency

REPO = Path(__file__).parents[2]
for measurement in (latency.measure, index.measure):
    sys.stdout.write(f"{measurement(REPO)}\n\n")
