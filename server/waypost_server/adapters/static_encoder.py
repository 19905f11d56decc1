"""The static encoder: the sum of a text's token vectors, without a transformer."""

import math
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
from waypost_server.adapters.npy_file import read_npy
from waypost_server.adapters.word_pieces import word_pieces
from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Encodings

LEAST_LENGTH = 1e-12
"""What a sum is divided by at least: that of no tokens is zero and stays so."""

FEW = 24
"""Texts of a query in serving, itself and its sentences: one by one they take a third as long."""

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
        self._pieces = word_pieces(tokenizer)

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
            contents = [read_verified(folder, name, manifest) for name in (TABLE_FILE, SCALES_FILE)]
            rows, scales = map(read_npy, contents)
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
        if encoder.largest_id >= tokens:
            raise EncoderError(
                f"{folder}: the tokenizer has the id {encoder.largest_id}, but its table has rows "
                f"for those below {tokens}; distil it again"
            )
        return encoder

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Encodings of shape (len(texts), width); of a text without tokens the zero vector."""
        if 0 < len(texts) <= FEW:
            return np.stack([self._unit(self._ids_of_one(text)) for text in texts])
        token_ids = self._token_ids(texts, special=False)
        units = np.empty((len(texts), self.width), dtype=np.float32)
        for count, positions in _by_length(token_ids).items():
            height = max(1, CELLS // max(1, count * self.width))
            for start in range(0, len(positions), height):
                block = positions[start : start + height]
                ids = np.array([token_ids[i] for i in block], dtype=np.intp)
                units[block] = self._units(ids.reshape(len(block), count))
        return units

    def _ids_of_one(self, text: str) -> list[int]:
        found = self._pieces.ids(self.manifest.query_prefix + text) if self._pieces else None
        if found is None:
            return self._token_ids([text], special=False)[0]
        return found[: self.manifest.max_tokens]

    def _unit(self, ids: Sequence[int]) -> Encodings:
        """`_units` of one text, to the last bit: half the calls of numpy, half the time."""
        rows = np.array(ids, dtype=np.intp)
        vectors = self._rows.take(rows, axis=0).astype(np.float32)
        total: Encodings = self._scales.take(rows) @ vectors
        total /= np.float32(max(math.sqrt(total @ total), LEAST_LENGTH))
        return total

    def _units(self, ids: npt.NDArray[np.intp]) -> Encodings:
        """Unit vectors of texts of one length, whose token ids have shape (n, length).

        Each text is a product of its own, so that its last bits are those that it has alone.
        """
        vectors = self._rows[ids].astype(np.float32)
        sums: Encodings = self._scales[ids][:, np.newaxis] @ vectors
        lengths: Encodings = np.sqrt(sums @ sums.transpose(0, 2, 1))
        sums /= np.maximum(lengths, np.float32(LEAST_LENGTH))
        return sums[:, 0]


def _by_length(token_ids: Sequence[list[int]]) -> dict[int, list[int]]:
    """Positions of texts by how many tokens each has."""
    found: dict[int, list[int]] = {}
    for position, ids in enumerate(token_ids):
        found.setdefault(len(ids), []).append(position)
    return found
