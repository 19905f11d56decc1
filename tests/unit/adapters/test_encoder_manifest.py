import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.adapters.encoders import copy_encoder
from waypost_server.adapters.encoder_manifest import (
    MANIFEST_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    EncoderManifest,
    read_manifest,
    read_verified,
    write_encoder,
)
from waypost_server.adapters.files import sha256_hex
from waypost_server.core.errors import EncoderError

MODEL, TOKENIZER = b"the graph", b"the words"

MANIFEST = EncoderManifest(
    name="tiny",
    source="here",
    license="MIT",
    precision="fp32",
    dimension=4,
    max_tokens=16,
    pooling="cls",
    query_prefix="query: ",
    opset=17,
    files={MODEL_FILE: sha256_hex(MODEL), TOKENIZER_FILE: sha256_hex(TOKENIZER)},
    figures={"cosine_min": 0.5},
)

DECIDES_VECTORS: dict[str, Any] = {
    "files": {MODEL_FILE: "0" * 64, TOKENIZER_FILE: "1" * 64},
    "pooling": "mean",
    "query_prefix": "search: ",
    "max_tokens": 17,
    "dimension": 5,
    "inner_dimension": 4,
}
ONLY_DESCRIBES: dict[str, Any] = {
    "name": "other",
    "source": "there",
    "license": "Apache-2.0",
    "figures": {},
}


def test_an_encoder_comes_back_as_it_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "models/tiny"
    write_encoder(folder, MANIFEST, {MODEL_FILE: MODEL, TOKENIZER_FILE: TOKENIZER})
    assert read_manifest(folder) == MANIFEST
    assert read_verified(folder, MODEL_FILE, MANIFEST) == MODEL
    assert read_verified(folder, TOKENIZER_FILE, MANIFEST) == TOKENIZER
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_an_encoder_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    write_encoder(tmp_path / "tiny", MANIFEST, {MODEL_FILE: MODEL, TOKENIZER_FILE: TOKENIZER})
    with pytest.raises(EncoderError, match="it is there already; remove it or name another folder"):
        write_encoder(tmp_path / "tiny", MANIFEST, {MODEL_FILE: b"other", TOKENIZER_FILE: b"other"})
    assert read_verified(tmp_path / "tiny", MODEL_FILE, MANIFEST) == MODEL


@pytest.mark.parametrize("change", DECIDES_VECTORS.items(), ids=DECIDES_VECTORS)
def test_whatever_vectors_depend_on_changes_the_fingerprint(change: tuple[str, Any]) -> None:
    other = MANIFEST.model_copy(update=dict([change]))
    assert other.fingerprint != MANIFEST.fingerprint


@pytest.mark.parametrize("change", ONLY_DESCRIBES.items(), ids=ONLY_DESCRIBES)
def test_what_vectors_do_not_depend_on_leaves_the_fingerprint(change: tuple[str, Any]) -> None:
    other = MANIFEST.model_copy(update=dict([change]))
    assert other.fingerprint == MANIFEST.fingerprint


def test_the_fingerprint_does_not_depend_on_the_order_in_the_file(
    tmp_path: Path, encoder_folder: Path
) -> None:
    original = read_manifest(encoder_folder)
    backwards = dict(reversed(original.model_dump().items()))
    backwards["files"] = dict(reversed(original.files.items()))
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(backwards))
    assert read_manifest(tmp_path).fingerprint == original.fingerprint


def test_the_shipped_tokenizer_is_the_published_one(encoder_folder: Path) -> None:
    # Of sentence-transformers/all-MiniLM-L6-v2, as its publisher lists it.
    assert read_manifest(encoder_folder).files[TOKENIZER_FILE] == (
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "the file: Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("[]", "the file: Input should be an object"),
        ("{}", "name: Field required"),
    ],
)
def test_a_manifest_that_says_no_encoder_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / MANIFEST_FILE
    path.write_text(content)
    with pytest.raises(EncoderError) as error:
        read_manifest(tmp_path)
    assert str(error.value) == f"{path}: {message}; export the encoder again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format_version: Input should be 1"),
        ({"pooling": "max"}, "pooling: Input should be 'mean' or 'cls'"),
        ({"dimension": "384"}, "dimension: Input should be a valid integer"),
        ({"files": {"model.onnx": "abc"}}, "files.model.onnx: String should match pattern"),
        ({"max_tokens": 8_193}, "max_tokens: Input should be less than or equal to 8192"),
        ({"max_tokens": 2**70}, "max_tokens: Input should be less than or equal to 8192"),
        ({"query_prefix": "so " * 400}, "query_prefix: String should have at most 1000 characters"),
        ({"quantised": True}, "quantised: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_value_in_the_manifest_is_named(
    tmp_path: Path, encoder_folder: Path, change: dict[str, Any], message: str
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder", manifest=change)
    with pytest.raises(EncoderError) as error:
        read_manifest(folder)
    assert str(error.value).startswith(f"{folder / MANIFEST_FILE}: {message}")


def test_a_folder_that_is_no_encoder_says_what_one_is(tmp_path: Path) -> None:
    with pytest.raises(EncoderError) as error:
        read_manifest(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / MANIFEST_FILE}: No such file or directory; "
        "an encoder is a folder that `waypost encoder export` wrote (WAYPOST_ENCODER names it), "
        "and the shipped one is in a clone's models/ and in the package waypost-encoder"
    )
