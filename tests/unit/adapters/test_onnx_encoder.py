from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.golden import golden_texts, golden_vectors
from tests.unit.adapters.encoders import copy_encoder, with_honest_hash
from waypost_server.adapters.encoder_manifest import MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.onnx_encoder import BATCH, STRETCH, OnnxEncoder, batches_of
from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Encodings, Vectors


@pytest.fixture(scope="module")
def encodings(encoder: OnnxEncoder) -> Encodings:
    """The shipped encoder's encodings of the golden texts."""
    return encoder.encode(golden_texts())


@pytest.fixture(scope="module")
def vectors(encoder: OnnxEncoder, encodings: Encodings) -> Vectors:
    """Their unit vectors."""
    return encodings[:, : encoder.dimension]


def test_every_golden_text_is_where_the_original_model_puts_it(vectors: Vectors) -> None:
    cosines = (vectors * golden_vectors()).sum(axis=1)
    assert cosines.min() >= 0.98
    assert cosines.mean() >= 0.995


def test_the_order_of_neighbours_is_that_of_the_original_model(vectors: Vectors) -> None:
    ours, theirs = (v @ v.T - 2 * np.eye(len(v)) for v in (vectors, golden_vectors()))
    assert np.abs(ours - theirs).max() <= 0.05
    # Spearman's correlation of the similarities of all pairs.
    ranks = [np.argsort(np.argsort(pairs[np.triu_indices(200, 1)])) for pairs in (ours, theirs)]
    assert np.corrcoef(ranks[0], ranks[1])[0, 1] >= 0.995


def test_a_unit_vector_and_an_inner_vector_of_length_one_stand_side_by_side(
    encoder: OnnxEncoder, encodings: Encodings
) -> None:
    assert (encoder.dimension, encoder.width) == (384, 768)
    assert encodings.shape == (200, 768)
    for part in np.split(encodings, [384], axis=1):
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, atol=1e-6)


def test_the_inner_vector_is_no_copy_of_the_unit_vector(encodings: Encodings) -> None:
    unit, inner = np.split(encodings, [384], axis=1)
    assert np.abs((unit * inner).sum(axis=1)).max() < 0.9


def test_an_encoder_without_an_inner_vector_gives_the_unit_vector_alone(
    tmp_path: Path, encoder_folder: Path, encoder: OnnxEncoder
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "e", manifest={"inner_dimension": 0})
    plain = OnnxEncoder.load(folder)
    assert (plain.dimension, plain.width) == (384, 384)
    np.testing.assert_array_equal(
        plain.encode(["why", "how"]), encoder.encode(["why", "how"])[:, :384]
    )


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_has_a_vector_of_length_one(encoder: OnnxEncoder, text: str) -> None:
    vector = encoder.encode([text])[0, : encoder.dimension]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_a_texts_encoding_is_the_same_to_the_bit_alone_and_in_any_company(
    encoder: OnnxEncoder, encodings: Encodings
) -> None:
    texts = golden_texts()
    for i in range(0, 200, 10):
        np.testing.assert_array_equal(encoder.encode([texts[i]])[0], encodings[i])
    np.testing.assert_array_equal(encoder.encode(texts[60:30:-1]), encodings[60:30:-1])


@given(lengths=st.lists(st.integers(2, 256), max_size=40))
def test_each_text_is_in_one_batch_with_texts_of_like_length(lengths: list[int]) -> None:
    batches = batches_of(lengths)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= BATCH
        own = [lengths[i] for i in batch]
        assert max(own) <= STRETCH * min(own)


def test_texts_of_one_length_fill_batches() -> None:
    assert [len(batch) for batch in batches_of([7] * 20)] == [8, 8, 4]


def test_threads_that_encode_at_once_make_the_encodings_that_one_makes_alone(
    encoder: OnnxEncoder, encodings: Encodings
) -> None:
    texts = golden_texts()[:100]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda text: encoder.encode([text])[0], texts))
    np.testing.assert_array_equal(together, encodings[:100])


def test_no_texts_have_no_encodings(encoder: OnnxEncoder) -> None:
    assert encoder.encode([]).shape == (0, 768)


def test_what_stands_beyond_the_longest_input_is_cut(encoder: OnnxEncoder) -> None:
    # 254 words of one token each, [CLS] and [SEP].
    full = encoder.encode(["tree " * 254])
    np.testing.assert_array_equal(encoder.encode(["tree " * 254 + "house"]), full)
    assert (encoder.encode(["tree " * 253 + "house"]) != full).any()


def test_a_query_prefix_is_put_before_every_text(
    tmp_path: Path, encoder_folder: Path, encoder: OnnxEncoder
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "e", manifest={"query_prefix": "query: "})
    prefixed = OnnxEncoder.load(folder)
    np.testing.assert_array_equal(
        prefixed.encode(["why", "how"]), encoder.encode(["query: why", "query: how"])
    )
    assert prefixed.fingerprint != encoder.fingerprint


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE])
def test_a_file_that_was_changed_is_refused_naming_both_hashes(
    tmp_path: Path, encoder_folder: Path, encoder: OnnxEncoder, name: str
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(EncoderError) as error:
        OnnxEncoder.load(folder)
    assert str(error.value) == (
        f"{folder / name}: its SHA-256 is {sha256_hex(bytes(content))}, but encoder.json says "
        f"{encoder.manifest.files[name]}; restore the file or export the encoder again"
    )


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE, MANIFEST_FILE])
def test_a_missing_file_is_named(tmp_path: Path, encoder_folder: Path, name: str) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder")
    (folder / name).unlink()
    with pytest.raises(EncoderError) as error:
        OnnxEncoder.load(folder)
    assert str(error.value).startswith(f"{folder / name}: No such file or directory; ")


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE])
@pytest.mark.parametrize("content", [b"", b"{}", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_file_of_another_kind_is_refused_though_its_hash_is_right(
    tmp_path: Path, encoder_folder: Path, name: str, content: bytes
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder")
    with pytest.raises(EncoderError, match=r"the graph or the tokenizer cannot be used: .*; ex"):
        OnnxEncoder.load(with_honest_hash(folder, name, content))


def test_a_graph_of_another_width_than_the_manifest_says_is_refused(
    tmp_path: Path, encoder_folder: Path
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder", manifest={"dimension": 768})
    with pytest.raises(EncoderError) as error:
        OnnxEncoder.load(folder)
    assert str(error.value) == (
        f"{folder}: the graph makes encodings of length 768, but encoder.json says 1152; "
        "export the encoder again"
    )
