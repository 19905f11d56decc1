"""The static encoder: the sum of a text's token vectors, without a transformer."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from waypost_server.adapters.encoder_manifest import (
    SCALES_FILE,
    TABLE_FILE,
    TOKENIZER_FILE,
    EncoderManifest,
    read_manifest,
    read_verified,
)
from waypost_server.adapters.folder_encoder import FolderEncoder
from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Encodings

CELLS = 1 << 20
"""Numbers of token vectors gathered at a time: 4 MB, which stay near the core."""


class StaticEncoder(FolderEncoder):
    """An encoder from a folder that `waypost encoder distill` wrote; implements core's Encoder."""

    def __init__(
        self,
        manifest: EncoderManifest,
        rows: npt.NDArray[np.int8],
        scales: npt.NDArray[np.float32],
        tokenizer: bytes,
    ) -> None:
        super().__init__(manifest, tokenizer)
        self._rows = rows
        self._scales = scales

    @classmethod
    def load(cls, folder: Path) -> "StaticEncoder":
        """Loads and verifies the encoder in `folder`; raises EncoderError."""
        manifest = read_manifest(folder)
        if manifest.kind != "static":
            raise EncoderError(
                f"{folder}: it holds an encoder of kind {manifest.kind!r}, not a static one; "
                "`waypost encoder distill` makes one of it"
            )
        try:
            rows, scales = (
                np.load(io.BytesIO(read_verified(folder, name, manifest)), allow_pickle=False)
                for name in (TABLE_FILE, SCALES_FILE)
            )
            tokenizer = read_verified(folder, TOKENIZER_FILE, manifest)
            encoder = cls(manifest, rows, scales, tokenizer)
        except ValueError as error:
            raise EncoderError(
                f"{folder}: its table or tokenizer cannot be used: {error}; distil it again"
            ) from None
        tokens = encoder.token_count
        if rows.shape != (tokens, manifest.dimension) or scales.shape != (tokens,):
            raise EncoderError(
                f"{folder}: its table is of shape {rows.shape}, but there are {tokens} tokens of "
                f"dimension {manifest.dimension}; distil it again"
            )
        return encoder

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Encodings of shape (len(texts), width); of a text without tokens the zero vector."""
        token_ids = self._token_ids(texts, special=False)
        if len(texts) == 1:  # as in serving: the same without the sorting out
            return self._units(np.array(token_ids, dtype=np.intp))
        units = np.empty((len(texts), self.width), dtype=np.float32)
        for count, positions in _by_length(token_ids).items():
            height = max(1, CELLS // max(1, count * self.width))
            for start in range(0, len(positions), height):
                block = positions[start : start + height]
                ids = np.array([token_ids[i] for i in block], dtype=np.intp)
                units[block] = self._units(ids.reshape(len(block), count))
        return units

    def _units(self, ids: npt.NDArray[np.intp]) -> Encodings:
        """Unit vectors of texts of one length, whose token ids have shape (n, length).

        Each text is a product of its own, so that its last bits are those that it has alone.
        """
        vectors = self._rows[ids].astype(np.float32)
        sums: Encodings = self._scales[ids][:, np.newaxis] @ vectors
        lengths: Encodings = np.sqrt(sums @ sums.transpose(0, 2, 1))
        sums /= np.maximum(lengths, np.float32(1e-12))
        return sums[:, 0]


def _by_length(token_ids: Sequence[list[int]]) -> dict[int, list[int]]:
    """Positions of texts by how many tokens each has."""
    found: dict[int, list[int]] = {}
    for position, ids in enumerate(token_ids):
        found.setdefault(len(ids), []).append(position)
    return found
