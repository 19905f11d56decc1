"""The shipped encoder, with what it made before kept in a file: no text is encoded twice."""

import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np

from waypost_server.core.ports import Encoder, Encodings

THREADS = 2
CHUNK = 64


class CachedEncoder:
    """Implements core's Encoder over a table; `prepare` fills it."""

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self._encoder = encoder
        self._file = folder / f"encodings-{encoder.fingerprint[:16]}.npz"
        self._rows: dict[str, int] = {}
        self._table = np.empty((0, encoder.width), dtype=np.float32)
        self.name = encoder.name
        self.fingerprint = encoder.fingerprint
        self.dimension = encoder.dimension
        self.width = encoder.width

    def prepare(self, texts: Iterable[str]) -> None:
        """Encodes and keeps those of `texts` that the file lacks; a progress bar says how far."""
        if self._file.is_file():
            with np.load(self._file, allow_pickle=False) as arrays:
                self._fill(json.loads(arrays["texts"].item()), arrays["encodings"])
        missing = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if not missing:
            return
        chunks = [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]
        with (
            ThreadPoolExecutor(THREADS) as pool,
            click.progressbar(length=len(missing), label="Encoding", file=sys.stderr) as bar,
        ):
            parts = [self._table]
            for part in pool.map(self._encoder.encode, chunks):
                parts.append(part)
                bar.update(len(part))
        self._fill([*self._rows, *missing], np.concatenate(parts))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".unfinished.npz")
        np.savez(unfinished, texts=json.dumps(list(self._rows)), encodings=self._table)
        unfinished.replace(self._file)

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Encodings of shape (len(texts), width); raises KeyError for a text not prepared."""
        rows = [self._rows[text] for text in texts]
        found: Encodings = self._table[rows]
        return found

    def units(self, texts: Sequence[str]) -> Encodings:
        """Their unit vectors, shape (len(texts), dimension)."""
        return self.encode(texts)[:, : self.dimension]

    def _fill(self, texts: list[str], encodings: Encodings) -> None:
        self._rows = {text: row for row, text in enumerate(texts)}
        self._table = encodings
