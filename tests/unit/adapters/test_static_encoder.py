import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.unit.adapters.encoders import with_honest_hash
from waypost_server.adapters.encoder_manifest import SCALES_FILE, TABLE_FILE, TOKENIZER_FILE
from waypost_server.adapters.files import as_npy
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.static_encoder import CELLS, StaticEncoder
from waypost_server.core.errors import EncoderError


@pytest.fixture(scope="module")
def folder(repo: Path) -> Path:
    return repo / "models/all-MiniLM-L6-v2-static"


@pytest.fixture(scope="module")
def static(folder: Path) -> StaticEncoder:
    return StaticEncoder.load(folder)


@pytest.mark.parametrize(
    "text", ["why does it hang", "Größe prüfen 🚀", "for (int i = 0;;)", "a a a b", "word " * 400]
)
def test_a_text_is_the_sum_of_its_tokens_made_a_unit_vector(
    folder: Path, static: StaticEncoder, text: str
) -> None:
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=256)
    rows = np.load(folder / TABLE_FILE).astype(np.float64)
    rows *= np.load(folder / SCALES_FILE)[:, np.newaxis]
    total = sum(rows[token] for token in tokenizer.encode(text, add_special_tokens=False).ids)
    expected = np.asarray(total) / np.linalg.norm(total)
    np.testing.assert_allclose(static.encode([text])[0], expected, atol=1e-5)


def test_a_texts_encoding_does_not_depend_on_its_companions(static: StaticEncoder) -> None:
    texts = ["one", "two words", "", "three whole words"]
    together = static.encode(texts)
    for text, encoding in zip(texts, together, strict=True):
        np.testing.assert_array_equal(static.encode([text])[0], encoding)
    assert together.shape == (4, static.width)
    assert not together[2].any()  # no token, no direction
    assert static.encode([]).shape == (0, static.width)


def test_nor_does_it_among_so_many_that_they_are_taken_in_parts(static: StaticEncoder) -> None:
    words = ["route", "query", "why", "Größe", "🚀", "x" * 40]
    texts = [
        " ".join(words[i % k] for i in range(n)) for n in (1, 2, 7, 90, 255) for k in range(1, 7)
    ]
    texts = texts * (1 + CELLS // (60 * static.width))
    together = static.encode(texts)
    for i in range(0, len(texts), 7):
        np.testing.assert_array_equal(static.encode([texts[i]])[0], together[i])


def test_what_means_the_same_lies_closer(static: StaticEncoder) -> None:
    query, near, far = static.encode(
        ["my card was charged twice", "charged two times on my card", "the weather in Rome"]
    )
    assert query @ near > query @ far + 0.3


def test_each_kind_is_loaded_by_its_own_class(folder: Path, encoder_folder: Path) -> None:
    with pytest.raises(EncoderError, match=r"kind 'onnx', not a static one"):
        StaticEncoder.load(encoder_folder)
    with pytest.raises(EncoderError, match=r"a static encoder, which decides first"):
        OnnxEncoder.load(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (TABLE_FILE, as_npy(np.zeros((5, 256), np.int8)), r"table is of shape \(5, 256\)"),
        (SCALES_FILE, as_npy(np.zeros(3, np.float32)), r"30522 tokens of dimension 256"),
        (TABLE_FILE, b"no array", r"cannot be used"),
    ],
    ids=["few rows", "few scales", "no array"],
)
def test_a_table_that_does_not_fit_is_refused(
    folder: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "static"))
    with_honest_hash(copy, name, content)
    with pytest.raises(EncoderError, match=message):
        StaticEncoder.load(copy)
