"""semantic-router as a library, with Waypost's encoder; runs in an environment of its own.

    python -I peer_semantic_router.py JOB

JOB names the encoder's folder and the exemplars, pairs of text and label. It is called as its
documentation shows and with its defaults, `IndexedRouter(...)(text)`. When it prints `ready`, each
line on stdin holds texts and a number of threads, and each line on stdout how long the calls took.
"""

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from pydantic import PrivateAttr
from semantic_router import IndexedRouter, Route  # type: ignore[import-not-found]
from semantic_router.encoders import DenseEncoder  # type: ignore[import-not-found]
from semantic_router.index import LocalIndex  # type: ignore[import-not-found]
from tokenizers import Tokenizer

DIMENSION = 384


class OnnxTexts(DenseEncoder):  # type: ignore[misc]  # its base has no types here
    """The same graph, run as Waypost runs it: one text and one thread at a time."""

    _session: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()

    def load(self, folder: Path) -> None:
        """Opens the graph."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = ort.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        manifest = json.loads((folder / "encoder.json").read_text("utf-8"))
        self._tokenizer.enable_truncation(max_length=manifest["max_tokens"])
        self._tokenizer.no_padding()

    def __call__(self, docs: list[Any]) -> list[Any]:
        """The vector of each text."""
        return [self._vector(text) for text in docs]

    def _vector(self, text: str) -> Any:  # noqa: ANN401
        (encoding,) = self._tokenizer.encode_batch([text])
        ids = np.array([encoding.ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return self._session.run(["vector"], feed)[0][0]


def build(folder: Path, exemplars: Sequence[tuple[str, str]]) -> Any:  # noqa: ANN401
    """A router over pairs of text and label."""
    encoder = OnnxTexts(name="onnx")
    encoder.load(folder)
    utterances: dict[str, list[str]] = {}
    for text, label in exemplars:
        utterances.setdefault(label, []).append(text)
    routes = [Route(name=name, utterances=texts) for name, texts in utterances.items()]
    return IndexedRouter(encoder=encoder, routes=routes, index=LocalIndex(dimensions=DIMENSION))


def ask(router: Any, texts: Sequence[str], threads: int) -> tuple[list[float], float]:  # noqa: ANN401
    """Seconds of each call and of all."""

    def one(text: str) -> float:
        began = time.perf_counter()
        router(text)
        return time.perf_counter() - began

    began = time.perf_counter()
    if threads == 1:
        seconds = [one(text) for text in texts]
    else:
        with ThreadPoolExecutor(threads) as pool:
            seconds = list(pool.map(one, texts))
    return seconds, time.perf_counter() - began


def main(job: Path) -> None:
    """Builds, then answers line by line."""
    settings = json.loads(job.read_text("utf-8"))
    router = build(Path(settings["encoder"]), settings["exemplars"])
    say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        seconds, elapsed = ask(router, order["texts"], order["threads"])
        say(json.dumps({"seconds": seconds, "elapsed": elapsed}))


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
