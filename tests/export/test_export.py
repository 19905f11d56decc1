"""Encoders made from PyTorch models, compared with the models themselves.

MINILM_SOURCE names the folder of the original all-MiniLM-L6-v2, for the tests of the shipped model.
"""

import json
import os
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason="exporting needs torch: pip install 'waypost[export]'")

from tests.export.tiny_models import save_tiny_model
from tests.golden import golden_texts, golden_vectors
from waypost_server.adapters.encoder_manifest import MODEL_FILE, read_manifest
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.commands.encoder import encoder as encoder_commands
from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Vectors
from waypost_server.lab.check_texts import CHECK_TEXTS
from waypost_server.lab.onnx_export import export_model, reference_vectors
from waypost_server.lab.quantise import quantise

# The exporter that ONNX Runtime accepts is the one that torch calls old; see onnx_export._trace.
pytestmark = [pytest.mark.filterwarnings("ignore")]

POOLINGS = pytest.mark.parametrize("pooling", ["mean", "cls"])


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The original of the shipped encoder."""
    folder = os.environ.get("MINILM_SOURCE")
    if not folder:
        pytest.skip("set MINILM_SOURCE to the folder of the original all-MiniLM-L6-v2")
    return Path(folder)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(encoder_commands, ["export", *map(str, arguments)])


def cosines(a: Vectors, b: Vectors) -> Vectors:
    products: Vectors = (a * b).sum(axis=1)
    return products


def test_fp32_of_the_original_is_the_original(minilm: Path, tmp_path: Path) -> None:
    ended = run(minilm, tmp_path / "fp32", "--precision", "fp32")
    assert ended.exit_code == 0, ended.output
    loaded = OnnxEncoder.load(tmp_path / "fp32")
    vectors = loaded.encode(golden_texts())[:, : loaded.dimension]
    assert cosines(vectors, golden_vectors()).min() >= 0.99999


def test_int8_of_the_original_is_the_shipped_model_byte_for_byte(
    minilm: Path, encoder_folder: Path
) -> None:
    shipped = read_manifest(encoder_folder)
    exported = export_model(minilm)
    assert sha256_hex(quantise(exported)) == shipped.files[MODEL_FILE]
    assert exported.tokenizer == (encoder_folder / "tokenizer.json").read_bytes()
    assert (exported.pooling, exported.max_tokens) == (shipped.pooling, shipped.max_tokens)


@POOLINGS
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.99999), ("int8", 0.99)])
def test_an_export_agrees_with_the_model_that_it_was_made_from(
    tmp_path: Path, pooling: str, precision: Literal["fp32", "int8"], least: float
) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling=pooling, prompts={"query": "find: "})
    ended = run(source, tmp_path / "out", "--precision", precision, "--license", "MIT")
    assert ended.exit_code == 0, ended.output
    loaded = OnnxEncoder.load(tmp_path / "out")
    original = reference_vectors(source, CHECK_TEXTS, query_prefix="find: ")
    agreement = cosines(loaded.encode(CHECK_TEXTS)[:, : loaded.dimension], original)
    assert agreement.min() >= least
    assert loaded.manifest.figures["cosine_min"] == pytest.approx(agreement.min(), abs=1e-4)
    assert loaded.manifest.model_dump(include={"pooling", "query_prefix", "precision"}) == {
        "pooling": pooling,
        "query_prefix": "find: ",
        "precision": precision,
    }


def test_the_two_poolings_of_one_model_are_different_encoders(tmp_path: Path) -> None:
    mean, cls = (
        reference_vectors(
            save_tiny_model(tmp_path / pooling, pooling=pooling), CHECK_TEXTS, query_prefix=""
        )
        for pooling in ("mean", "cls")
    )
    assert cosines(mean, cls).max() < 0.99


@POOLINGS
def test_a_text_in_a_padded_batch_has_the_vector_that_it_has_alone(
    tmp_path: Path, pooling: str
) -> None:
    exported = export_model(save_tiny_model(tmp_path / "tiny", pooling=pooling))
    session = ort.InferenceSession(exported.model, providers=["CPUExecutionProvider"])
    short, long = [[2, 7, 3]], [[2, 9, 11, 13, 15, 3]]
    outputs = ["vector", "inner"]
    alone = [
        np.hstack(session.run(outputs, {"input_ids": ids, "attention_mask": np.ones_like(ids)}))[0]
        for ids in map(np.array, (short, long))
    ]
    ids = np.array([[*short[0], 0, 0, 0], long[0]])
    together = session.run(
        outputs, {"input_ids": ids, "attention_mask": (ids != 0).astype(np.int64)}
    )
    np.testing.assert_allclose(np.hstack(together), alone, atol=1e-6)


def test_the_same_model_gives_the_same_int8_bytes(tmp_path: Path) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="mean")
    assert quantise(export_model(source)) == quantise(export_model(source))


def test_a_prefix_of_the_callers_choice_comes_before_the_models_own(tmp_path: Path) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="mean", prompts={"query": "find: "})
    assert export_model(source).query_prefix == "find: "
    assert export_model(source, query_prefix="").query_prefix == ""


def test_a_pooling_that_no_graph_is_written_for_is_refused(tmp_path: Path) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="max")
    with pytest.raises(EncoderError) as error:
        export_model(source)
    assert str(error.value) == (
        f"{source}: its pooling is 'max'; only mean and cls can be exported"
    )


def test_a_model_with_a_module_that_no_graph_is_written_for_is_refused(tmp_path: Path) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="mean", dense=True)
    with pytest.raises(EncoderError) as error:
        export_model(source)
    assert str(error.value) == (
        f"{source}: its modules are Transformer, Pooling, Dense; "
        "only Transformer, Pooling and Normalize can be exported"
    )


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError) as error:
        export_model(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: there is no modules.json; give the folder of a sentence-transformers model"
    )


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.safetensors", "sentence-transformers cannot load it"),
        ("config.json", "sentence-transformers cannot load it"),
        ("1_Pooling/config.json", "sentence-transformers cannot load it"),
        ("tokenizer.json", "its tokenizer knows 5 words, but the model 141; add the model's"),
    ],
)
def test_a_model_with_a_file_missing_is_refused(tmp_path: Path, missing: str, message: str) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="mean")
    (source / missing).unlink()
    with pytest.raises(EncoderError, match=message):
        export_model(source)


def test_an_encoder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="mean")
    run(source, tmp_path / "out")
    before = read_manifest(tmp_path / "out")
    ended = run(source, tmp_path / "out", "--precision", "fp32")
    assert isinstance(ended.exception, EncoderError)
    assert "it is there already" in str(ended.exception)
    assert read_manifest(tmp_path / "out") == before


def test_a_tokenizer_that_no_server_would_take_is_refused(tmp_path: Path) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="mean")
    path = source / "tokenizer.json"
    said = json.loads(path.read_text("utf-8"))
    said["decoder"] = {"type": "Replace", "pattern": {"Regex": "(a*)*"}, "content": ""}
    path.write_text(json.dumps(said), "utf-8")
    ended = run(source, tmp_path / "out")
    assert isinstance(ended.exception, EncoderError)
    assert "its tokenizer cannot be used: tokenizer.json: decoder is of type 'Replace'" in str(
        ended.exception
    )


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("so " * 400, "query_prefix: String should have at most 1000 characters"),
        ("so " * 30, "so that nothing would be left of a text"),
    ],
)
def test_a_prefix_that_no_server_would_take_is_refused(
    tmp_path: Path, prefix: str, message: str
) -> None:
    source = save_tiny_model(tmp_path / "tiny", pooling="mean")
    ended = run(source, tmp_path / "out", "--query-prefix", prefix)
    assert isinstance(ended.exception, EncoderError)
    assert message in str(ended.exception)
    assert not (tmp_path / "out").exists()
