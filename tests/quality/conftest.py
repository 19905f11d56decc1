"""Texts encoded once a session: encoding is nearly all of what these tests cost."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.ports import Encodings

Encode = Callable[[Sequence[str]], Encodings]


@pytest.fixture(scope="session")
def encode(encoder: OnnxEncoder) -> Encode:
    """The shipped encoder, on two threads and with a memory."""
    known: dict[str, Encodings] = {}

    def encoded(texts: Sequence[str]) -> Encodings:
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        with ThreadPoolExecutor(2) as threads:
            made = threads.map(lambda text: encoder.encode([text])[0], missing)
            known.update(zip(missing, made, strict=True))
        return np.stack([known[text] for text in texts])

    return encoded
