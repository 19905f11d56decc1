"""The encoder on ONNX Runtime: one graph from token ids to unit vector."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
)

from waypost_server.adapters.encoder_manifest import (
    MODEL_FILE,
    TOKENIZER_FILE,
    EncoderManifest,
    read_manifest,
    read_verified,
)
from waypost_server.adapters.folder_encoder import FolderEncoder
from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Encodings

BATCH = 8
"""Texts of one length encoded in one run, each in 0.4 of the time that it takes alone (10 tokens);
16 are hardly faster, and of 40 tokens slower."""

_UNUSABLE = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented, ValueError)
"""What tokenizers and ONNX Runtime raise for files that are whole but of another kind."""


class OnnxEncoder(FolderEncoder):
    """An encoder from a folder that `waypost encoder export` wrote; implements core's Encoder."""

    def __init__(self, manifest: EncoderManifest, model: bytes, tokenizer: bytes) -> None:
        super().__init__(manifest, tokenizer)
        self._outputs = ["vector", "inner"] if manifest.inner_dimension else ["vector"]
        self._session = ort.InferenceSession(
            model, _session_options(), providers=["CPUExecutionProvider"]
        )

    @classmethod
    def load(cls, folder: Path) -> "OnnxEncoder":
        """Loads and verifies the encoder in `folder`; raises EncoderError."""
        manifest = read_manifest(folder)
        if manifest.kind != "onnx":
            raise EncoderError(
                f"{folder}: it holds a {manifest.kind} encoder, which decides first and not alone; "
                "set WAYPOST_STATIC_ENCODER to it"
            )
        model = read_verified(folder, MODEL_FILE, manifest)
        tokenizer = read_verified(folder, TOKENIZER_FILE, manifest)
        try:
            encoder = cls(manifest, model, tokenizer)
            found = encoder.encode(["a first call also warms the session up"]).shape[1]
        except _UNUSABLE as error:
            raise EncoderError(
                f"{folder}: the graph or the tokenizer cannot be used: {error}; "
                "export the encoder again"
            ) from error
        if found != encoder.width:
            raise EncoderError(
                f"{folder}: the graph makes encodings of length {found}, "
                f"but encoder.json says {encoder.width}; export the encoder again"
            )
        return encoder

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Encodings of shape (len(texts), width)."""
        if not texts:
            return np.empty((0, self.width), dtype=np.float32)
        return self._encode_ids([self._token_ids(text, special=True) for text in texts])

    def encode_tokens(self, tokens: Sequence[int]) -> Encodings:
        """Encodings of tokens, each as if it were a text, shape (len(tokens), width)."""
        (around,) = self._tokenizer.encode_batch([""])
        middle = len(around.ids) // 2
        before, after = around.ids[:middle], around.ids[middle:]
        return self._encode_ids([[*before, token, *after] for token in tokens])

    def is_same_in_batches(self, texts: Sequence[str]) -> bool:
        """Whether each text has the same encoding, bit for bit, next to others as it has alone."""
        by_length: dict[int, list[list[int]]] = {}
        for text in texts:
            ids = self._token_ids(text, special=True)
            by_length.setdefault(len(ids), []).append(ids)
        return all(
            np.array_equal(self._run(batch), np.concatenate([self._run([ids]) for ids in batch]))
            for batch in by_length.values()
        )

    def _encode_ids(self, texts: Sequence[list[int]]) -> Encodings:
        if len(texts) == 1:
            return self._run(texts)
        # Only texts of one length share a run: filling up the shorter ones costs time and bits.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        encodings = np.empty((len(texts), self.width), dtype=np.float32)
        size = BATCH if self.manifest.batches else 1
        for _, group in groupby(order, key=lambda i: len(texts[i])):
            alike = list(group)
            for start in range(0, len(alike), size):
                batch = alike[start : start + size]
                encodings[batch] = self._run([texts[i] for i in batch])
        return encodings

    def _run(self, token_ids: Sequence[list[int]]) -> Encodings:
        ids = np.array(token_ids, dtype=np.int64)
        outputs = self._session.run(
            self._outputs, {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        )
        return np.hstack(outputs)


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    # The server runs texts side by side: one thread each beats several threads a text, and a
    # thread that spins while it waits takes the core that the next text needs.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options
