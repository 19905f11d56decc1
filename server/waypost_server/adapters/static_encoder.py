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
        if not texts:
            return np.empty((0, self.width), dtype=np.float32)
        return np.stack([self._encode(text) for text in texts])

    def _encode(self, text: str) -> Encodings:
        ids = self._token_ids(text, special=False)
        total = self._scales[ids] @ self._rows[ids].astype(np.float32)
        length = float(np.sqrt(total @ total))
        unit: Encodings = total / np.float32(max(length, 1e-12))
        return unit
