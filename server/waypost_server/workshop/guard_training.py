"""Training the guard's heads, wired to encoders and files."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from waypost_server.adapters.guard_file import write_guard_head
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.adapters.route_folder import read_routes
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.errors import EvaluationError
from waypost_server.core.guard import windows
from waypost_server.core.guard_head import GuardHead
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.sign_reader import SignReader, weight_of
from waypost_server.lab.guard_fit import Lesson, Seen, SeenParts, fit_guard
from waypost_server.lab.guard_lessons import ORDINARY, lessons
from waypost_server.lab.letters_fit import Letters


def train_guard(
    data: Path, routes: Path, encoder: Path, static: Path, progress: Callable[[int, int], None]
) -> tuple[GuardHead, GuardHead]:
    """Trains the heads and writes each beside its encoder.

    Args:
        data: folder with the data sets.
        routes: a routes folder, whose exemplars are ordinary.
        encoder: the transformer's folder.
        static: the static encoder's folder.
        progress: called with how many texts are encoded and how many there are.

    Raises:
        RoutesError: the routes folder has problems.
        EvaluationError: a data set is not there or is broken.
        EncoderError: an encoder cannot be used.
    """
    second, first = OnnxEncoder.load(encoder), StaticEncoder.load(static)

    def read(name: str) -> Sequence[dict[str, str]]:
        return read_rows(data, name)

    taught = lessons(read, exemplars_of(routes))
    ordinary = [row["text"] for name in ORDINARY for row in read(name)]
    texts = [lesson.text for lesson in taught]
    encoded = _encoded(texts + ordinary, second, progress)
    heads = fit_guard(
        taught,
        see(texts, first, encoded[: len(texts)]),
        see(ordinary, first, encoded[len(texts) :]),
        inner_from=second.dimension,
    )
    sources = taught_by(taught)
    for folder, head, one in ((static, heads[0], first), (encoder, heads[1], second)):
        write_guard_head(folder, head, fingerprint=one.fingerprint, taught_by=sources)
    return heads


def exemplars_of(routes: Path) -> list[str]:
    """All exemplars of a routes folder; raises RoutesError."""
    return [text for texts in read_routes(routes).exemplars.values() for text in texts]


def see(texts: Sequence[str], first: Encoder, encoded: Encodings) -> Seen:
    """Texts as the guard sees them; `encoded` is what the transformer makes of them."""
    signs = SignReader(Re2Patterns)
    parts = [windows(text)[1:] for text in texts]
    flat = [part for own in parts for part in own]
    return Seen(
        first.encode(texts),
        encoded,
        np.array([weight_of(signs.read(text)) for text in texts]),
        Letters.of(texts),
        SeenParts(
            first.encode(flat),
            Letters.of(flat),
            np.repeat(np.arange(len(texts)), [len(own) for own in parts]),
        ),
    )


def taught_by(taught: Sequence[Lesson]) -> dict[str, int]:
    """How many texts each source has."""
    return dict(sorted(Counter(lesson.source for lesson in taught).items()))


def read_rows(data: Path, name: str) -> Sequence[dict[str, str]]:
    """The rows of a data set's file, named without its ending; raises EvaluationError."""
    plain, packed = data / f"{name}.jsonl", data / f"{name}.jsonl.gz"
    try:
        content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
        return [json.loads(line) for line in content.splitlines()]
    except (OSError, ValueError) as error:
        raise EvaluationError(
            [f"{plain}: cannot be read ({error}); name the folder of the data sets with --data"]
        ) from None


def _encoded(
    texts: Sequence[str], encoder: Encoder, progress: Callable[[int, int], None]
) -> Encodings:
    """Of the shortest first, so that those of a batch are of like length."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    found = np.empty((len(texts), encoder.width), dtype=np.float32)
    for start in range(0, len(order), _TOGETHER):
        rows = order[start : start + _TOGETHER]
        found[rows] = encoder.encode([texts[row] for row in rows])
        progress(min(start + _TOGETHER, len(order)), len(order))
    return found


_TOGETHER = 16
