"""The encoder on ONNX Runtime: one graph from token ids to unit vector."""

from collections.abc import Sequence
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
"""Texts encoded in one run, of 10 tokens each in 0.4 of the time that it takes alone; 16 are hardly
faster, and of 40 tokens slower."""

STRETCH = 1.5
"""A text shares a run with those up to so much shorter, which are filled up to its length."""

TRIED_LENGTHS = (1, 4, 30, 3)
"""Words of the texts that are tried together and alone: even and odd, short and long."""

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
        self._batches = manifest.batches and self.is_same_in_batches()

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
            encoder.encode([""])  # what is left of some queries
            encoder.encode_tokens([encoder.largest_id])
        except (*_UNUSABLE, EncoderError) as error:
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
        return self._encode_ids(self._token_ids(texts, special=True))

    def encode_tokens(self, tokens: Sequence[int]) -> Encodings:
        """Encodings of tokens, each as if it were a text, shape (len(tokens), width)."""
        (around,) = self._ids([""], special=True)
        middle = len(around) // 2
        before, after = around[:middle], around[middle:]
        return self._encode_ids([[*before, token, *after] for token in tokens])

    def is_same_in_batches(self) -> bool:
        """Whether texts have the same encodings, bit for bit, in a batch as each has alone.

        It depends on the graph and on how this machine adds up, so it is tried.
        """
        texts = self._token_ids(["so " * count for count in TRIED_LENGTHS], special=True)
        alone = np.concatenate([self._run([ids]) for ids in texts])
        return np.array_equal(self._run(texts), alone)

    def _encode_ids(self, texts: Sequence[list[int]]) -> Encodings:
        if len(texts) == 1 or not self._batches:
            return np.concatenate([self._run([ids]) for ids in texts])
        encodings = np.empty((len(texts), self.width), dtype=np.float32)
        for batch in batches_of([len(ids) for ids in texts]):
            encodings[batch] = self._run([texts[i] for i in batch])
        return encodings

    def _run(self, texts: Sequence[list[int]]) -> Encodings:
        longest = max(map(len, texts))
        longest += longest % 2  # sums over tokens then take them in the same pairs in any batch
        ids = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        return np.hstack(
            self._session.run(self._outputs, {"input_ids": ids, "attention_mask": mask})
        )


def batches_of(lengths: Sequence[int]) -> list[list[int]]:
    """Positions of texts that share a run, by how many tokens each has: those of like length."""
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        batch = batches[-1] if batches else []
        if batch and len(batch) < BATCH and lengths[i] <= STRETCH * lengths[batch[0]]:
            batch.append(i)
        else:
            batches.append([i])
    return batches


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    # The server runs texts side by side: one thread each beats several threads a text, and a
    # thread that spins while it waits takes the core that the next text needs.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options
